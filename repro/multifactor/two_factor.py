"""Two-factor rules: functions ``(pre, post, third=None) -> change`` of what both sides of a synapse do, of no target.

Arrays are numpy's or torch's, samples by units, with any number of leading axes (networks side by side). A change is
the mean over samples, as large as W (post, pre). What a rule reads besides (its own weights) is given when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

Array = np.ndarray | torch.Tensor
Rule = Callable[..., Any]
"""``rule(pre, post, third=None) -> change``."""


def refuse_third(name: str, third: object) -> None:
    """Raise ValueError if a two-factor rule is handed a third factor."""
    if third is not None:
        raise ValueError(f"{name}: a two-factor rule takes no third factor; third must be None")


def outer(
    post: Float[Array, "*networks samples post"], pre: Float[Array, "*networks samples pre"]
) -> Float[Array, "*networks post pre"]:
    """The product of both sides, averaged over samples."""
    return post.mT @ pre / pre.shape[-2]


def hebb(
    pre: Float[Array, "*networks samples pre"], post: Float[Array, "*networks samples post"], third: object = None
) -> Float[Array, "*networks post pre"]:
    """Hebb's rule, Δw = y x. Textbook form, grade K [hebb1949organization]."""
    refuse_third("hebb", third)
    return outer(post, pre)


def covariance(
    pre: Float[Array, "*networks samples pre"], post: Float[Array, "*networks samples post"], third: object = None
) -> Float[Array, "*networks post pre"]:
    """The covariance rule, Δw = (y - ⟨y⟩)(x - ⟨x⟩), means over the samples given. Textbook form, grade K."""
    refuse_third("covariance", third)
    samples = pre.shape[-2]
    means = [array.sum(-2)[..., None, :] / samples for array in (post, pre)]
    return outer(post - means[0], pre - means[1])


def oja(weights: Float[Array, "*networks post pre"]) -> Rule:
    """Oja's rule, Δw = y (x - y w), each unit for itself. Textbook form, grade K [oja1982simplified]."""

    def rule(
        pre: Float[Array, "*networks samples pre"], post: Float[Array, "*networks samples post"], third: object = None
    ) -> Float[Array, "*networks post pre"]:
        refuse_third("oja", third)
        power = (post * post).sum(-2)[..., None] / post.shape[-2]
        return outer(post, pre) - power * weights

    return rule


def sanger(weights: Float[Array, "*networks post pre"]) -> Rule:
    """Sanger's rule, Δw_i = y_i (x - sum over k <= i of y_k w_k). Textbook form, grade K [sanger1989optimal].

    Its fixed point for y = W x are the principal components of x, largest first.
    """

    def rule(
        pre: Float[Array, "*networks samples pre"], post: Float[Array, "*networks samples post"], third: object = None
    ) -> Float[Array, "*networks post pre"]:
        refuse_third("sanger", third)
        together = outer(post, post)
        lower = torch.tril(together) if isinstance(together, torch.Tensor) else np.tril(together)
        return outer(post, pre) - lower @ weights

    return rule


def polynomial(coefficients: Float[np.ndarray, "_post _pre"]) -> Rule:
    """Any other two-factor rule: Δw = sum of c_ab y^a x^b, a polynomial; a stand-in for windows of all forms."""

    def rule(
        pre: Float[Array, "*networks samples pre"], post: Float[Array, "*networks samples post"], third: object = None
    ) -> Float[Array, "*networks post pre"]:
        refuse_third("polynomial", third)
        terms = [c * outer(post**a, pre**b) for (a, b), c in np.ndenumerate(coefficients)]
        return sum(terms[1:], terms[0])

    return rule
