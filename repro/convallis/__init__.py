"""The Convallis rule, a re-derivation from its published principle, and its comparators in spiking populations.

>>> import numpy as np
>>> from repro.convallis import Learning, RateControl, Valley, feedforward
>>> rng = np.random.default_rng(0)
>>> trials = rng.random((10, 1000, 100)) < 0.01  # ten trials of half a second, steps of 0.5 ms, 100 inputs at 20 Hz
>>> weights = feedforward.random_weights(2, 100, 8, 0.3, rng)  # two populations of 8 cells
>>> trained = feedforward.train(trials, weights, Learning(Valley(), rate=[1e-3, 2e-3]))
>>> frozen = feedforward.respond(trials, trained.weights, trained.settled_gains(last=5))
>>> frozen.counts.shape
(2, 10, 8)

A rule gives two factors of the postsynaptic cell (``rule``); ``Learning`` says how they are applied; ``feedforward``
and ``recurrent`` simulate a batch of populations; ``brian`` and ``torch_simulator`` hold the same in Brian2 and torch.
"""

from repro.convallis import feedforward, recurrent
from repro.convallis.cell import Cell
from repro.convallis.control import ControlState, RateControl
from repro.convallis.learning import Learning
from repro.convallis.network import Network, Synapses, balanced
from repro.convallis.outcome import EDGES, Outcome, Potentials
from repro.convallis.rule import BCM, NoLearning, PairSTDP, Rule, TripletSTDP, Valley, eligibility, shrink

__all__ = [
    "BCM",
    "EDGES",
    "Cell",
    "ControlState",
    "Learning",
    "Network",
    "NoLearning",
    "Outcome",
    "PairSTDP",
    "Potentials",
    "RateControl",
    "Rule",
    "Synapses",
    "TripletSTDP",
    "Valley",
    "balanced",
    "eligibility",
    "feedforward",
    "recurrent",
    "shrink",
]
