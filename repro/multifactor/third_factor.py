"""Rules with a third factor, for one presentation of each sample: ``(pre, post, third) -> change``.

Shapes are those of ``two_factor``: samples by units behind any leading axes; a change is the mean over samples and goes
downhill. ``third`` is what arrives from elsewhere: a scalar a sample, or a vector a sample. Units are tanh, so that the
derivative is 1 - post²; the burst rule's are sigmoid.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from repro.multifactor.two_factor import Array, Rule, outer


def through_feedback(feedback: Float[Array, "*networks above post"]) -> Rule:
    """Δw = -((Bᵀ third) φ') x: a vector arrives through feedback weights B, laid out like W of the layer above."""

    def rule(
        pre: Float[Array, "*networks samples pre"],
        post: Float[Array, "*networks samples post"],
        third: Float[Array, "*networks samples above"],
    ) -> Float[Array, "*networks post pre"]:
        return -outer((third @ feedback) * (1 - post * post), pre)

    return rule


def backpropagation(weights_above: Float[Array, "*networks above post"]) -> Rule:
    """Backpropagation, the note's item 3, grade N: the feedback is the weight above; third is its error δ."""
    return through_feedback(weights_above)


def feedback_alignment(feedback: Float[Array, "*networks above post"]) -> Rule:
    """Feedback alignment: the feedback is random and stays. Standard form, grade K [lillicrap2016random]."""
    return through_feedback(feedback)


def direct_feedback_alignment(feedback: Float[Array, "*networks outputs post"]) -> Rule:
    """Direct feedback alignment: random feedback from the outputs, third is their error. S [nokland2016direct]."""
    return through_feedback(feedback)


def sign_symmetry(weights_above: Float[Array, "*networks above post"]) -> Rule:
    """Sign symmetry: the feedback has the signs of the weight above, and no magnitudes. Standard form, grade K."""
    return through_feedback(signs(weights_above))


def signs(weights: Float[Array, "*networks above post"]) -> Float[Array, "*networks above post"]:
    """The signs of weights over the root of the number of units above: feedback of the size of random feedback."""
    found = torch.sign(weights) if isinstance(weights, torch.Tensor) else np.sign(weights)
    return found / weights.shape[-2] ** 0.5


def delta_rule(
    pre: Float[Array, "*networks samples pre"],
    post: Float[Array, "*networks samples post"],
    third: Float[Array, "*networks samples post"],
) -> Float[Array, "*networks post pre"]:
    """Linear output units with an error of their own: Δw = -e x, the note's item 3 at the output, grade N."""
    return -outer(third, pre)


def node_perturbation(sigma: float) -> Rule:
    """Node perturbation, Δw = -(L(ξ) - L(0)) ξ x / σ². Grade S [werfel2005learning].

    ``post`` is the unit's own noise ξ of standard deviation sigma, ``third`` the change of the loss, one a sample.
    """

    def rule(
        pre: Float[Array, "*networks samples pre"],
        post: Float[Array, "*networks samples post"],
        third: Float[Array, "*networks samples"],
    ) -> Float[Array, "*networks post pre"]:
        return -outer(third[..., None] * post / sigma**2, pre)

    return rule


def reinforce(
    pre: Float[Array, "*networks samples pre"],
    post: Float[Array, "*networks samples post"],
    third: Float[Array, "*networks samples"],
) -> Float[Array, "*networks post pre"]:
    """REINFORCE of Bernoulli units, Δw = (R - b)(s - p) x. Standard form, grade K [williams1992simple].

    ``post`` is s - p, what the unit did minus its probability; ``third`` is R - b, reward minus baseline.
    """
    return outer(third[..., None] * post, pre)


def burst(feedback: Float[Array, "*networks above post"], gain: float = 1.0) -> Rule:
    """Burst-dependent rule, Δw = (B - P̄ E) Ẽ with bursts B = P E. Standard form, grade K [payeur2021burst].

    ``post`` is the rate of events E of a sigmoid unit, ``third`` the error above; the feedback drives the dendrite,
    P = σ(-gain (1 - E) Bᵀ third), and P̄ = 1/2 is the burst probability of a dendrite that nothing drives.
    """

    def rule(
        pre: Float[Array, "*networks samples pre"],
        post: Float[Array, "*networks samples post"],
        third: Float[Array, "*networks samples above"],
    ) -> Float[Array, "*networks post pre"]:
        dendrite = -gain * (1 - post) * (third @ feedback)
        half = dendrite / 2
        above_mean = 0.5 * (torch.tanh(half) if isinstance(half, torch.Tensor) else np.tanh(half))  # σ(u) - 1/2
        return outer(above_mean * post, pre)

    return rule
