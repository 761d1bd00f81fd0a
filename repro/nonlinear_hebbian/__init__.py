"""Nonlinear Hebbian learning of receptive fields, for any nonlinearity and any images [brito2016nonlinear]."""

from repro.nonlinear_hebbian.gabor import gabor_fit
from repro.nonlinear_hebbian.learners import learn
from repro.nonlinear_hebbian.measures import (
    duplicates,
    excess_kurtosis,
    localized_and_oriented,
    orientation_anisotropy,
    participation_ratio,
)
from repro.nonlinear_hebbian.nonlinearities import FIVE, NONLINEARITIES, Nonlinearity, nonlinearity
from repro.nonlinear_hebbian.patches import Whitening, sample_patches, whiten
from repro.nonlinear_hebbian.patterns import value
from repro.nonlinear_hebbian.selectivity import selectivity_index

__all__ = [
    "FIVE",
    "NONLINEARITIES",
    "Nonlinearity",
    "Whitening",
    "duplicates",
    "excess_kurtosis",
    "gabor_fit",
    "learn",
    "localized_and_oriented",
    "nonlinearity",
    "orientation_anisotropy",
    "participation_ratio",
    "sample_patches",
    "selectivity_index",
    "value",
    "whiten",
]
