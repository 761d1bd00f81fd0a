"""Modelled complex cells of V1: the input from which a cell of V2 would learn.

A complex cell is an energy unit: the sum of squares of two Gabor filters in quadrature [adelson1985spatiotemporal].
Cells of 8 orientations stand on a grid of 5 × 5 places.

Deviates: the article's filters were not read; size, frequency and spacing are this book's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float, Float32
from scipy.signal import fftconvolve

from repro.errors import Mistake
from repro.nonlinear_hebbian.patches import Image

ORIENTATIONS, GRID, SPACING = 8, 5, 4  # 4 pixels from one place to the next
SIDE, WAVELENGTH, WIDTH = 11, 6.0, 2.5  # pixels: filter, its bars, its Gaussian envelope
NEEDED = SIDE + SPACING * (GRID - 1)  # pixels of an image, for one grid of cells


def filters() -> Complex[np.ndarray, "orientations side side"]:
    """Gabor filters, the even one as real and the odd one as imaginary part, mean 0 and norm 1 each.

    The first has vertical bars; the bars of the k-th are turned by k π / 8 from them.
    """
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    pairs = []
    for angle in np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS:
        envelope = np.exp(-(x**2 + y**2) / (2 * WIDTH**2))
        wave = np.exp(2j * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / WAVELENGTH)
        even = envelope * (wave.real - (envelope * wave.real).sum() / envelope.sum())
        odd = envelope * wave.imag
        pairs.append(even / np.linalg.norm(even) + 1j * odd / np.linalg.norm(odd))
    return np.stack(pairs)


def energies(image: Image) -> Float32[np.ndarray, "orientations rows columns"]:
    """Energy of each orientation at each place where the filter fits."""
    if min(image.shape) < SIDE:
        raise Mistake(f"complex cells: an image of {image.shape} pixels is smaller than the filters, {SIDE} pixels")
    # the image is real, so that a complex filter gives even and odd responses at once
    responses = [fftconvolve(image, pair[::-1, ::-1], mode="valid") for pair in filters()]
    return np.square(np.abs(np.stack(responses))).astype(np.float32)


def responses(images: Sequence[Image], n: int, seed: int) -> Float32[np.ndarray, "n cells"]:
    """Energies at random places: a row is 8 orientations by 5 × 5 positions, orientation first.

    Raises Mistake naming an image that has no room for the grid, or is constant.
    """
    rng = np.random.default_rng(seed)
    reach = NEEDED - SIDE
    maps = []
    for index, image in enumerate(images):
        if min(image.shape) < NEEDED or np.ptp(image) == 0:
            kind = "constant" if np.ptp(image) == 0 else "too small"
            raise Mistake(f"complex cells: image {index} of {image.shape} pixels is {kind}; {NEEDED} are needed")
        maps.append(energies(np.asarray(image, dtype=np.float64)))
    places = np.array([(each.shape[1] - reach) * (each.shape[2] - reach) for each in maps])
    rows = []
    for each, count in zip(maps, rng.multinomial(n, places / places.sum()), strict=True):
        row, column = (rng.integers(size - reach, size=count)[:, None, None] for size in each.shape[1:])
        at_row, at_column = SPACING * np.indices((GRID, GRID))
        rows.append(each[:, row + at_row, column + at_column].transpose(1, 0, 2, 3).reshape(count, -1))
    return np.concatenate(rows)[rng.permutation(n)]


def bars(field: Float[np.ndarray, "cells"]) -> Float[np.ndarray, "cells 4"]:
    """A field over complex cells as bars to draw: x, y (places of the grid), angle from x to y (radians), weight."""
    weights = field.reshape(ORIENTATIONS, GRID, GRID)
    orientation, row, column = np.indices(weights.shape)
    angle = orientation * np.pi / ORIENTATIONS + np.pi / 2  # a bar runs across its wave
    return np.stack([column.ravel(), row.ravel(), angle.ravel(), weights.ravel()], axis=1)
