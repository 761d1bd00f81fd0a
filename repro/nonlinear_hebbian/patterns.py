"""Patterns made by hand or taken from a learned field, and the value ⟨F(wᵀx)⟩ of each.

Patterns are fields (E w); before they are judged they are brought to norm 1 inside the components that were kept, so
that white input gives every one of them a projection of variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32

from repro.nonlinear_hebbian.gabor import GaborFit
from repro.nonlinear_hebbian.learners import BLOCK
from repro.nonlinear_hebbian.nonlinearities import Which, nonlinearity

PATTERNS = ("random", "grating", "difference of Gaussians", "oriented")
"""The four patterns that are compared."""


def value(
    components: Float32[np.ndarray, "patches k"], weights: Float[np.ndarray, "units k"], which: Which
) -> Float[np.ndarray, "units"]:
    """Optimisation value ⟨F(wᵀx)⟩ of each unit on white patches, its weights first brought to norm 1."""
    return values(components, weights, [which])[0]


def values(
    components: Float32[np.ndarray, "patches k"], weights: Float[np.ndarray, "units k"], which: Sequence[Which]
) -> Float[np.ndarray, "nonlinearities units"]:
    """The optimisation values for several nonlinearities, from one product with the patches."""
    chosen = [nonlinearity(each) for each in which]
    directions = torch.from_numpy(np.asarray(weights, dtype=np.float32))
    directions = torch.nn.functional.normalize(directions, dim=1)
    total = torch.zeros((len(chosen), len(directions)), dtype=torch.float64)
    for block in torch.from_numpy(np.asarray(components)).split(BLOCK):
        u = directions @ block.T
        total += torch.stack([each.integral(u).sum(1).double() for each in chosen])
    return total.numpy() / len(components)


@dataclass(frozen=True)
class Shape:
    """A Gabor pattern, lengths in pixels."""

    width: float  # standard deviation of the envelope across the bars
    length: float  # along them
    frequency: float  # cycles per pixel
    orientation: float = 0.0  # of the bars from horizontal, counter-clockwise, radians
    phase: float = 0.0  # 0 for a cosine, π/2 for a sine
    x: float | None = None  # column of the centre; None for the middle of the patch
    y: float | None = None  # row


def gabors(shapes: Sequence[Shape], side: int) -> Float[np.ndarray, "patterns pixels"]:
    """Gabor patterns of side × side pixels, of norm 1."""
    middle = (side - 1) / 2

    def column(name: str) -> Float[np.ndarray, "patterns"]:
        return np.array([getattr(shape, name) for shape in shapes], dtype=float)

    x = np.array([middle if shape.x is None else shape.x for shape in shapes], dtype=float)
    y = np.array([middle if shape.y is None else shape.y for shape in shapes], dtype=float)
    even, odd = np.cos(column("phase")), np.sin(column("phase"))
    place = (np.ones(len(shapes)), x, y, column("orientation"), column("frequency"))
    images = GaborFit(*place, column("width"), column("length"), even, odd).images(side)
    return images / np.linalg.norm(images, axis=1, keepdims=True)


def typical_shape(fits: GaborFit) -> Shape:
    """The shape of a median field: width, length, and the frequency times width that fields have in the median."""
    width = float(np.median(fits.width))
    return Shape(width, float(np.median(fits.length)), float(np.median(fits.frequency * fits.width)) / width)


def four_patterns(oriented: Float[np.ndarray, "pixels"], fit: GaborFit, seed: int) -> Float[np.ndarray, "4 pixels"]:
    """A random pattern, a grating and a difference of Gaussians beside an oriented field.

    Parameters
    ----------
    oriented : a learned field
    fit : its Gabor function (of this one field), from which the grating has frequency, orientation and phase, and the
        difference of Gaussians its place and the width of its centre; its surround is 1.6 times as wide
    seed : of the random pattern
    """
    side = round(np.sqrt(len(oriented)))
    phase = float(np.arctan2(fit.odd[0], fit.even[0]))
    own = Shape(1.0, 1.0, fit.frequency[0], fit.orientation[0], phase, fit.x[0], fit.y[0])
    grating = gabors([replace(own, width=1e3, length=1e3)], side)[0]
    rows, columns = np.divmod(np.arange(side**2), side)
    distance = (columns - fit.x[0]) ** 2 + (rows - fit.y[0]) ** 2
    centre, surround = fit.width[0], 1.6 * fit.width[0]
    blobs = [np.exp(-distance / (2 * size**2)) / size**2 for size in (centre, surround)]
    patterns = [np.random.default_rng(seed).standard_normal(side**2), grating, blobs[0] - blobs[1], oriented]
    return np.stack([pattern / np.linalg.norm(pattern) for pattern in patterns])


def angles(n: int) -> Float[np.ndarray, "n"]:
    """``n`` orientations over half a turn, radians, from 0."""
    return np.arange(n) * np.pi / n
