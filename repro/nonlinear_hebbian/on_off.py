"""White patches as ON and OFF inputs with weights of one sign, and the rate rule that spiking neurons come down to.

An input r is the positive or the negative part of a white pixel. With y = (u - threshold)+, the rule is

    Δw ∝ ⟨(r - ⟨r⟩) y (y - b)⟩,   b = ⟨y²⟩/⟨y⟩,   w ≥ 0, |w| = 1

Subtracting the mean input is what a depression that balances the mean drift does; b then is a sliding threshold
[bienenstock1982theory], and u, of unit variance, makes it a quadratic rectifier. Without the mean subtracted the
weights learn the total contrast, the first component of rectified input; patches are brought to nearly the same one.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from repro.nonlinear_hebbian.patches import Whitening

CONTRAST = 0.3  # share of the median norm that is added to a patch's own before dividing by it


def white_pixels(white: Whitening, contrast: float = CONTRAST) -> Float32[np.ndarray, "patches pixels"]:
    """White patches in pixels, of nearly equal contrast, all pixels together of standard deviation 1."""
    norms = np.linalg.norm(white.components, axis=1, keepdims=True)
    pixels = (white.components / (norms + contrast * np.median(norms))) @ white.vectors.T
    return pixels / pixels.std()


def on_off(patches: Float[np.ndarray, "n pixels"]) -> Float[np.ndarray, "n inputs"]:
    """Positive and negative parts side by side: what ON and OFF inputs see."""
    return np.concatenate([np.maximum(patches, 0), np.maximum(-patches, 0)], axis=1)


def fields(weights: Float[np.ndarray, "inputs neurons"]) -> Float[np.ndarray, "neurons pixels"]:
    """The receptive field that ON and OFF weights make together, of norm 1."""
    half = len(weights) // 2
    difference = (weights[:half] - weights[half:]).T
    return difference / np.linalg.norm(difference, axis=1, keepdims=True)


def one_sign(inputs: int, neurons: int, rng: np.random.Generator) -> Float[np.ndarray, "inputs neurons"]:
    """Random initial weights, none negative, of norm 1."""
    weights = np.abs(rng.standard_normal((inputs, neurons)))
    return weights / np.linalg.norm(weights, axis=0)


def learn_rates(
    patches: Float32[np.ndarray, "n pixels"],
    weights0: Float[np.ndarray, "inputs neurons"],
    threshold: float = 1.0,
    iterations: int = 40,
) -> Float32[np.ndarray, "inputs neurons"]:
    """The rate rule iterated over all patches to its fixed point: w ← normalise(⟨(r - ⟨r⟩) y (y - b)⟩+).

    A neuron without a positive drift keeps its weights. Neurons of all seeds share one product with the patches.
    """
    inputs = on_off(patches)
    inputs -= inputs.mean(axis=0)
    weights = weights0.astype(np.float32)
    for _ in range(iterations):
        u = inputs @ weights
        y = np.maximum(u / u.std(axis=0) - threshold, 0)
        b = np.square(y).mean(axis=0) / np.maximum(y.mean(axis=0), 1e-12)
        drift = np.maximum(inputs.T @ (y * (y - b)), 0)
        norm = np.linalg.norm(drift, axis=0)
        weights = np.where(norm > 0, drift / np.maximum(norm, 1e-30), weights)
    return weights
