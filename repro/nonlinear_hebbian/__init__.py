"""Nonlinear Hebbian learning of receptive fields, for any nonlinearity and any images [brito2016nonlinear]."""

from repro.nonlinear_hebbian.learners import learn
from repro.nonlinear_hebbian.nonlinearities import FIVE, NONLINEARITIES, Nonlinearity, nonlinearity
from repro.nonlinear_hebbian.patches import Whitening, sample_patches, whiten
from repro.nonlinear_hebbian.patterns import value

__all__ = [
    "FIVE",
    "NONLINEARITIES",
    "Nonlinearity",
    "Whitening",
    "learn",
    "nonlinearity",
    "sample_patches",
    "value",
    "whiten",
]
