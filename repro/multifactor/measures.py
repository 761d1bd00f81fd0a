"""How good a change of weights is: angle to the downhill direction, agreement of signs, what one unit step gains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from repro.multifactor.two_factor import Array


def cosine(
    change: Float[Array, "*networks post pre"], downhill: Float[Array, "*networks post pre"]
) -> Float[Array, "*networks"]:
    """Cosine between two changes of a layer, taken as vectors; nan where one is 0."""
    product = (change * downhill).sum(-1).sum(-1)
    sizes = [(array * array).sum(-1).sum(-1) ** 0.5 for array in (change, downhill)]
    scale = sizes[0] * sizes[1]
    if isinstance(scale, torch.Tensor):
        return torch.where(scale > 0, product / scale, torch.nan)
    return np.where(scale > 0, product / np.where(scale > 0, scale, 1), np.nan)


def sign_agreement(
    change: Float[np.ndarray, "*networks post pre"], downhill: Float[np.ndarray, "*networks post pre"]
) -> Float[np.ndarray, "*networks"]:
    """Share of synapses that move in the direction that lowers the loss; those that don't move count half."""
    return np.asarray((0.5 * (np.sign(change) * np.sign(downhill) + 1)).mean((-1, -2)))


def descent_share(
    error: Float[np.ndarray, "samples above"],
    weights: Float[np.ndarray, "above post"],
    feedback: Float[np.ndarray, "above post"],
) -> float:
    """Share of samples with eᵀ W B e > 0: the feedback moves the layer less than 90° away from the gradient."""
    return float((((error @ weights) * (error @ feedback)).sum(1) > 0).mean())


def unit_step_gain(
    loss: Callable[[np.ndarray], float],
    weights: Float[np.ndarray, "post pre"],
    change: Float[np.ndarray, "post pre"],
    length: float = 1.0,
) -> float:
    """By how much the loss falls when the weights move by ``length`` along the change, whatever its own size.

    Raises ValueError if the change is 0.
    """
    size = float(np.linalg.norm(change))
    if size == 0:
        raise ValueError("unit_step_gain: the change is 0; it has no direction")
    return loss(weights) - loss(weights + length / size * change)
