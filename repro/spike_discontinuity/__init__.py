"""Spikes as experiments: neurons that learn what their spikes cause, from their own threshold.

>>> from repro.spike_discontinuity import observed_dependence, simulate_pair, spiking_discontinuity
>>> record = simulate_pair((12, 9), correlation=0.5, seconds=100, seed=0)
>>> bool(observed_dependence(record)[0] < spiking_discontinuity(record, window=0.1)[0])
True
"""

from repro.spike_discontinuity.costs import COSTS, Readout
from repro.spike_discontinuity.estimators import (
    MODELS,
    EmptySide,
    jump,
    observed_dependence,
    spiking_discontinuity,
    sweep,
)
from repro.spike_discontinuity.network import Neurons, Record, each_replica, simulate, simulate_pair
from repro.spike_discontinuity.online import online_estimates
from repro.spike_discontinuity.statistics import Sums, window_sums
from repro.spike_discontinuity.torch_network import simulate_tensors
from repro.spike_discontinuity.truth import causal_effect, causal_effect_whole_train, finite_difference

__all__ = [
    "COSTS",
    "MODELS",
    "EmptySide",
    "Neurons",
    "Readout",
    "Record",
    "Sums",
    "causal_effect",
    "causal_effect_whole_train",
    "each_replica",
    "finite_difference",
    "jump",
    "observed_dependence",
    "online_estimates",
    "simulate",
    "simulate_pair",
    "simulate_tensors",
    "spiking_discontinuity",
    "sweep",
    "window_sums",
]
