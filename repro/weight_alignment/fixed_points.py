"""Where a rule takes the feedback of a layer whose weights rest: fixed points, rates, and the laws of its angle.

W is (outputs, inputs), C = E[x xᵀ] is (inputs, inputs), the feedback Bᵀ is (outputs, inputs). Averaged over inputs,
B moves by ``-lr ((decay I + sparse C) B + B (null W C Wᵀ) - (amp C + self_weight I) Wᵀ)``, a Sylvester equation at
rest. Both of its matrices are symmetric, so it falls apart into independent modes, one for each pair of an
eigenvector of C and one of W C Wᵀ; each relaxes at its own rate.

Derived by this book from the primitives of [kunin2020two]; holds for dense layers, and for convolutions without
``null`` with C summed over positions.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from repro.weight_alignment.rules import Rule

Weight = Float[np.ndarray, "outputs inputs"]
Covariance = Float[np.ndarray, "directions directions"]  # directions = inputs: checked by name, with a clear error
Initial = Float[np.ndarray, "initial_outputs initial_inputs"]  # the shape of W: likewise
Kind = Literal["frozen", "unbounded", "collapse", "fixed", "tied", "follows"]

_RESTING = 1e-12  # a mode slower than this share of the fastest one is taken to rest: rounding of the eigenvalues


def classify(rule: Rule) -> Kind:
    """What the rule does to the feedback of resting weights, for an invertible C and W C Wᵀ.

    Of the 32 sets of primitives 1 is "frozen", 3 are "unbounded" (growth alone), 7 "collapse" to zero (shrink
    alone) and 21 end at a "fixed" point other than zero. Backpropagation is "tied" and Kolen-Pollack "follows" the
    weight's gradient; the primitives don't decide where they end.
    """
    if rule.tied:
        return "tied"
    if rule.follows_weight_gradient:
        return "follows"
    grows = rule.amp > 0 or rule.self_weight > 0
    shrinks = rule.decay > 0 or rule.null > 0 or rule.sparse > 0
    if grows:
        return "fixed" if shrinks else "unbounded"
    return "collapse" if shrinks else "frozen"


def fixed_point(rule: Rule, W: Weight, C: Covariance, initial: Initial | None = None) -> Weight:
    """Feedback at which the rule comes to rest while the weights rest.

    Parameters
    ----------
    rule, W, C
        As above; C symmetric and positive semidefinite.
    initial
        Where the feedback starts. Read only for directions that the rule leaves alone, as activation alignment does
        with those in which the input never varies.

    Raises
    ------
    ValueError
        The rule has no shrink term (or none that reaches some direction in which it grows), leaves a direction alone
        and ``initial`` is missing, or is frozen or Kolen-Pollack; or an argument has a wrong shape.
    """
    W, C = _checked(W, C, "fixed_point")
    kind = classify(rule)
    if kind == "tied":
        return W.copy()
    if kind == "follows":
        raise ValueError("fixed_point: Kolen-Pollack follows the weight's gradient; it has no fixed point of its own")
    if kind == "frozen" and initial is None:
        raise ValueError("fixed_point: a rule without primitives stays where it starts; pass initial")
    if kind == "unbounded":
        raise ValueError(f"fixed_point: {_grown(rule)} grows without bound; add a shrink term: decay, sparse or null")
    inputs, outputs, drive, rates = _modes(rule, W, C)
    resting = rates <= _RESTING * max(rates.max(), np.finfo(float).tiny)
    modes = np.divide(drive, rates, out=np.zeros_like(drive), where=~resting)
    if resting.any():
        if (np.abs(drive[resting]) > 1e-9 * max(np.abs(drive).max(), np.finfo(float).tiny)).any():
            raise ValueError(
                f"fixed_point: {_grown(rule)} grows without bound in {int(resting.sum())} of {rates.size} directions "
                f"that no shrink term reaches, since C or W C Wᵀ is singular; add decay"
            )
        if initial is None:
            raise ValueError(
                f"fixed_point: the rule leaves {int(resting.sum())} of {rates.size} directions alone, since C or "
                "W C Wᵀ is singular; pass initial, or add decay"
            )
        start = inputs.T @ _like(initial, W, "initial").T @ outputs
        modes = np.where(resting, start, modes)
    return (inputs @ modes @ outputs.T).T


def expected_feedback(
    rule: Rule, W: Weight, C: Covariance, initial: Initial, learning_rate: float, steps: int
) -> Weight:
    """Mean feedback after a number of plain gradient steps from ``initial`` while the weights rest; exact, any rule."""
    W, C = _checked(W, C, "expected_feedback")
    if rule.tied or rule.follows_weight_gradient:
        raise ValueError("expected_feedback: a tied rule, or one that follows the weight gradient, is not of this form")
    inputs, outputs, drive, rates = _modes(rule, W, C)
    start = inputs.T @ _like(initial, W, "initial").T @ outputs
    kept = (1.0 - learning_rate * rates) ** steps
    pushes = np.divide(1.0 - kept, rates, out=np.full_like(rates, learning_rate * steps), where=rates > 0)
    return (inputs @ (kept * start + pushes * drive) @ outputs.T).T


def relaxation_rates(rule: Rule, W: Weight, C: Covariance) -> Float[np.ndarray, "inputs outputs"]:
    """Rate of each mode, per unit of learning rate times step.

    Gradient steps converge if the learning rate times the largest stays below 2; the smallest sets the lag.
    """
    W, C = _checked(W, C, "relaxation_rates")
    return _modes(rule, W, C)[3]


def angle_between(first: Weight, second: Weight) -> float:
    """Degrees between two matrices, flattened; nan where one is zero."""
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if min(lengths) == 0:
        return float("nan")
    a, b = first / lengths[0], second / lengths[1]
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))))


def fixed_point_angle(rule: Rule, W: Weight, C: Covariance, initial: Initial | None = None) -> float:
    """Degrees between the weight and the feedback's fixed point; for weight mirroring, between W and W C."""
    return angle_between(W, fixed_point(rule, W, C, initial))


def mirror_angle(rule: Rule, inputs: int, batch: int, learning_rate: float) -> float:
    """Degrees between weight and feedback that weight mirroring keeps under white Gaussian noise input.

    ``tan² = (inputs + 1)/batch · lr decay/(2 - lr decay)``, root mean square over time at rest. It is the noise of a
    finite batch, so it falls with the learning rate; neither the noise's size nor amp matter.
    """
    if not (rule.amp > 0 and rule.decay > 0) or rule.null or rule.sparse or rule.self_weight or rule.tied:
        raise ValueError(f"mirror_angle: holds for amp and decay alone (weight mirroring), not for {rule}")
    shrink = learning_rate * rule.decay
    if not 0 < shrink < 2:
        raise ValueError(f"mirror_angle: learning_rate * decay is {shrink}; the feedback rests only within (0, 2)")
    return float(np.degrees(np.arctan(np.sqrt((inputs + 1) / batch * shrink / (2 - shrink)))))


def update_noise_variance(learning_rate: float, restoring_rate: float, std: float) -> float:
    """Variance at rest of a feedback entry to which lr·N(0, std²) is added each step.

    ``lr² std² / (1 - (1 - lr r)²)``, where the restoring rate r is the rule's decay (for Kolen-Pollack, the weight
    decay that both share). Infinite at r = 0: a random walk.
    """
    if not 0 <= learning_rate * restoring_rate < 2:
        raise ValueError(f"update_noise_variance: lr times rate is {learning_rate * restoring_rate}; allowed is [0, 2)")
    lost = 1 - (1 - learning_rate * restoring_rate) ** 2
    return float("inf") if lost == 0 else learning_rate**2 * std**2 / lost


def _modes(rule: Rule, W: Weight, C: Covariance) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvectors of C and of W C Wᵀ, and drive and rate of each pair (inputs, outputs)."""
    input_values, inputs = np.linalg.eigh(C)
    output_values, outputs = np.linalg.eigh(W @ C @ W.T)
    drive = inputs.T @ ((rule.amp * C + rule.self_weight * np.eye(len(C))) @ W.T) @ outputs
    shrink_of_input = rule.decay + rule.sparse * np.clip(input_values, 0, None)
    return inputs, outputs, drive, shrink_of_input[:, None] + rule.null * np.clip(output_values, 0, None)


def _checked(W: Weight, C: Covariance, caller: str) -> tuple[Weight, Covariance]:
    W, C = np.asarray(W, dtype=float), np.asarray(C, dtype=float)
    if C.shape != (W.shape[1], W.shape[1]):
        raise ValueError(f"{caller}: C has shape {C.shape}; for W of shape {W.shape} it must be {(W.shape[1],) * 2}")
    if not np.allclose(C, C.T, rtol=1e-8, atol=1e-12 * np.abs(C).max(initial=0)):
        raise ValueError(f"{caller}: C is not symmetric, so it isn't E[x xᵀ]")
    return W, (C + C.T) / 2


def _like(initial: Initial, W: Weight, name: str) -> Weight:
    initial = np.asarray(initial, dtype=float)
    if initial.shape != W.shape:
        raise ValueError(f"{name} has shape {initial.shape}; it must be that of W, {W.shape}")
    return initial


def _grown(rule: Rule) -> str:
    return " and ".join(name for name in ("amp", "self_weight") if getattr(rule, name))
