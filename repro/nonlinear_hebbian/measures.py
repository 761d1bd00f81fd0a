"""Measures of fields and projections. Each alone is fooled by some field; judge by all three of the first together.

A field of one bright pixel has a near perfect Gabor fit, a grating is as oriented as a field can be, and a blob is
localized: only Gabor R², participation ratio and anisotropy together say *localized and oriented*.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from repro.nonlinear_hebbian.gabor import gabor_fit

GABOR_R2, PARTICIPATION, ANISOTROPY = 0.8, 0.2, 0.8
"""The limits of the ledger: above, below, above."""


def _side(fields: Float[np.ndarray, "units pixels"]) -> int:
    side = math.isqrt(fields.shape[1])
    if side * side != fields.shape[1]:
        raise ValueError(f"fields have {fields.shape[1]} pixels; a square number is needed")
    return side


def participation_ratio(fields: Float[np.ndarray, "units pixels"]) -> Float[np.ndarray, "units"]:
    """(Σw²)² / (n Σw⁴): 1 for a field of even strength, 1/3 for Gaussian noise, 1/n for a single pixel."""
    squares = np.asarray(fields, dtype=np.float64) ** 2
    return squares.sum(axis=1) ** 2 / (squares**2).sum(axis=1) / fields.shape[1]


def orientation_anisotropy(fields: Float[np.ndarray, "units pixels"]) -> Float[np.ndarray, "units"]:
    """abs(Σ P exp(2iθ)) / Σ P over the power spectrum P: 1 for a grating, about 0.1 for noise, 0 for a dot."""
    side = _side(fields)
    power = abs(np.fft.fft2(fields.reshape(-1, side, side))) ** 2
    frequency = np.fft.fftfreq(side)
    direction = frequency[None, :] + 1j * frequency[:, None]
    double = np.where(direction == 0, 0, direction**2 / np.maximum(abs(direction) ** 2, 1e-30))
    power[:, 0, 0] = 0  # the mean has no direction
    return abs((power * double).sum(axis=(1, 2))) / power.sum(axis=(1, 2))


def excess_kurtosis(projections: Float[np.ndarray, "samples units"]) -> Float[np.ndarray, "units"]:
    """Excess kurtosis of each column: 0 for a Gaussian, 3 for a Laplacian."""
    centred = np.asarray(projections, dtype=np.float64) - projections.mean(axis=0, dtype=np.float64)
    return (centred**4).mean(axis=0) / (centred**2).mean(axis=0) ** 2 - 3


def largest_overlap(fields: Float[np.ndarray, "units pixels"]) -> Float[np.ndarray, "units"]:
    """Largest abs(cosine) of each field with any other."""
    unit = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    overlaps = abs(unit @ unit.T)
    np.fill_diagonal(overlaps, 0)
    return overlaps.max(axis=1)


def duplicates(fields: Float[np.ndarray, "units pixels"], overlap: float = 0.9) -> Bool[np.ndarray, "units"]:
    """Which fields have a twin: another that overlaps by more than ``overlap``, of either sign."""
    return largest_overlap(fields) > overlap


def meets_all_three(
    r2: Float[np.ndarray, "units"], participation: Float[np.ndarray, "units"], anisotropy: Float[np.ndarray, "units"]
) -> Bool[np.ndarray, "units"]:
    """Which fields are localized and oriented, from their measures."""
    return (r2 > GABOR_R2) & (participation < PARTICIPATION) & (anisotropy > ANISOTROPY)


def localized_and_oriented(fields: Float[np.ndarray, "units pixels"]) -> Bool[np.ndarray, "units"]:
    """Which fields meet all three measures: Gabor R² above 0.8, participation below 0.2, anisotropy above 0.8."""
    return meets_all_three(gabor_fit(fields).r2, participation_ratio(fields), orientation_anisotropy(fields))
