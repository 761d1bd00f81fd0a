"""What a simulation hands back: weights, counts, gains, and how potentials were distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from repro.convallis.cell_kernels import BINS, LOW, PER_BIN
from repro.convallis.control import ControlState

EDGES = LOW + np.arange(BINS + 1) / PER_BIN
"""Edges of the histogram's bins, mV; what lies outside is counted in the first or the last."""


@dataclass(frozen=True)
class Potentials:
    """Potentials without spikes and refractory steps."""

    histogram: Int[np.ndarray, "batch bins"]  # steps of all neurons
    moments: Float[np.ndarray, "batch neurons 4"]  # number, and sums of V - rest (mV), its square and its cube

    @classmethod
    def empty(cls, batch: int, neurons: int) -> Potentials:
        """Nothing counted yet."""
        return cls(np.zeros((batch, BINS), np.int64), np.zeros((batch, neurons, 4)))

    @property
    def skewness(self) -> Float[np.ndarray, "batch neurons"]:
        """Third standardised moment of each neuron's potential; NaN where it never moved."""
        number, *sums = np.moveaxis(self.moments, -1, 0)
        mean, square, cube = (total / np.where(number > 0, number, np.nan) for total in sums)
        variance = square - mean**2
        third = cube - 3 * mean * square + 2 * mean**3
        return third / np.where(variance > 0, variance, np.nan) ** 1.5

    def share_between(self, low: float, high: float) -> Float[np.ndarray, "batch"]:
        """Share of the time that potentials spend in [low, high), mV, edges rounded to the histogram's bins."""
        first, last = (int(np.clip(round((v - LOW) * PER_BIN), 0, BINS)) for v in (low, high))
        return self.histogram[:, first:last].sum(axis=1) / np.maximum(self.histogram.sum(axis=1), 1)


@dataclass(frozen=True)
class Recording:
    """Every step of one trial."""

    seen: Float[np.ndarray, "batch steps neurons"]  # mV, the potential as the rule sees it, see ``cell``
    fired: Bool[np.ndarray, "batch steps neurons"]


@dataclass(frozen=True)
class Outcome:
    """Of a batch of populations; ``neurons`` are the excitatory ones in a recurrent network."""

    weights: Float[np.ndarray, "batch inputs neurons"]  # nS, without gains
    control: ControlState  # at the end; goes on if given to another call
    counts: Int[np.ndarray, "batch trials neurons"]
    log_gains: Float[np.ndarray, "batch trials neurons"]  # during each trial
    seconds: Float[np.ndarray, "trials"]
    at_bounds: Float[np.ndarray, "batch"]  # share of weights at 0 or at the largest
    potentials: Potentials | None = None

    @property
    def rates(self) -> Float[np.ndarray, "batch trials neurons"]:
        """Hz."""
        return self.counts / self.seconds[:, None]

    def mean_rates(self, last: int | None = None) -> Float[np.ndarray, "batch neurons"]:
        """Hz, over the last trials or all."""
        chosen = slice(None) if last is None else slice(-last, None)
        return self.counts[:, chosen].sum(axis=1) / self.seconds[chosen].sum()

    def settled_gains(self, last: int) -> Float[np.ndarray, "batch neurons"]:
        """Geometric mean of the gains over the last trials: what to freeze for a test."""
        return np.exp(self.log_gains[:, -last:].mean(axis=1))
