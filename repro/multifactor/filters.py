"""Reading R1 of the note's map: a sheet of Gabor filters, one a unit, and the sheets that it is compared with.

Unit (i, j) looks at the place of its column (x, y) with orientation theta and phase psi. That is an interpretation and
a proposal of this book; the note speaks of no filters. Frequency and width follow the side of the images.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from jaxtyping import Float, Int
from pydantic import AfterValidator, Field

from repro.errors import Mistake
from repro.multifactor.sheet import SPACING, index_map, n_columns

FREQUENCY, WIDTH = 0.22 * 8, 1.5 / 8  # cycles over an image's side; standard deviation as a share of the side

Sheet = Float[np.ndarray, "n n pixels"]
"""Filters by the indices of their unit, zero mean and unit norm each."""


def gabor_sheet(n: int, side: int, k: float = SPACING, a: float = math.pi, b: float = 0.0) -> Sheet:
    """Gabor filters of the map: exp(-d²/2σ²) cos(2πν u + psi), u along the direction theta, d from the column's centre.

    Columns are spread evenly over the image; filters lose their mean and are scaled to norm 1. Theta is the direction
    of the wave, so that the bars stand across it.

    Parameters
    ----------
    n : indices a side of the sheet
    side : pixels a side of the images
    k, a, b : of the note's map

    Raises Mistake for an n, side, k, a or b that is not allowed.
    """
    if n < 1 or side < 2:
        raise Mistake(f"n is {n} and side is {side}; a sheet has 1 index a side or more, an image 2 pixels")
    index = np.arange(n)
    x, _, theta, phase = index_map(index, index, k, a, b)
    centre = (x + 0.5) * side / n_columns(n, k) - 0.5
    pixel = np.arange(side)
    across = pixel - centre[:, None]  # (index, pixel): i moves along columns of pixels, j along rows
    scale = WIDTH * side
    envelope = np.exp(-0.5 * (across / scale) ** 2)
    wave = 2 * np.pi * FREQUENCY / side
    u = wave * np.cos(theta)[:, None] * across  # of i and the pixel's column
    bars = wave * np.sin(theta)[:, None, None] * across[None]  # of i, j and the pixel's row
    angle = u[:, None, None, :] + bars[:, :, :, None] + phase[None, :, None, None]
    filters = np.cos(angle) * envelope[:, None, None, :] * envelope[None, :, :, None]
    return normalised(filters.reshape(n, n, side * side))


def random_sheet(n: int, side: int, seed: int) -> Sheet:
    """White filters, independent from unit to unit."""
    return normalised(np.random.default_rng([seed, 3]).standard_normal((n, n, side * side)))


def shuffled(sheet: Sheet, seed: int) -> Sheet:
    """The same filters, each at another unit's place."""
    n = len(sheet)
    order = shuffle_order(n, seed)
    return sheet.reshape(n * n, -1)[order].reshape(sheet.shape)


def shuffle_order(n: int, seed: int) -> Int[np.ndarray, "units"]:
    """Which filter comes to each place of a shuffled sheet."""
    return np.random.default_rng([seed, 4]).permutation(n * n)


def normalised(filters: Float[np.ndarray, "*units pixels"]) -> Float[np.ndarray, "*units pixels"]:
    """Filters without their mean, scaled to norm 1."""
    centred = filters - filters.mean(-1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=-1, keepdims=True)


def responses(sheet: Sheet, images: Float[np.ndarray, "images pixels"]) -> Float[np.ndarray, "images n n"]:
    """What each unit of a sheet answers to each image."""
    n = len(sheet)
    return (images @ sheet.reshape(n * n, -1).T).reshape(len(images), n, n)


def neighbour_cosines(sheet: Sheet) -> tuple[float, float]:
    """Mean cosine between filters of neighbouring units, along i and along j."""
    return float(np.sum(sheet[1:] * sheet[:-1], -1).mean()), float(np.sum(sheet[:, 1:] * sheet[:, :-1], -1).mean())


def max_pooled(answers: Float[np.ndarray, "images n n"], block: int = 5) -> Float[np.ndarray, "images features"]:
    """The largest answer in each block × block of the sheet; blocks at the far edges may be smaller."""
    starts = np.arange(0, answers.shape[1], block)
    pooled = np.maximum.reduceat(np.maximum.reduceat(answers, starts, 1), starts, 2)
    return pooled.reshape(len(answers), -1)


def checked_side(n: int) -> int:
    """n itself, the side of a sheet that has room for a local field; 0 leaves it to the caller. Raises ValueError."""
    if n and n < 9:
        raise ValueError("must be 0 (left to the scale), or 9 or larger: a local field takes 9 x 9 units")
    return n


Side = Annotated[int, Field(ge=0), AfterValidator(checked_side)]
"""The kind of the parameter n."""


def local_fields(n: int, field: int = 9, stride: int = 5) -> Float[np.ndarray, "hidden units"]:
    """Which units of the sheet each hidden unit sees: squares of ``field`` × ``field``, ``stride`` apart, 1 or 0.

    Raises Mistake if the sheet is smaller than a field.
    """
    if n < field:
        raise Mistake(f"n is {n}; local fields of {field} x {field} need a sheet of {field} indices a side or more")
    starts = range(0, n - field + 1, stride)
    masks = np.zeros((len(starts), len(starts), n, n))
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            masks[row, column, top : top + field, left : left + field] = 1
    return masks.reshape(len(starts) ** 2, n * n)
