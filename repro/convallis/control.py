"""The constraints: a PI controller that holds the firing rate by a gain on the weights, and what holds the weights.

    log g = k_P e + k_I ∫ e dt        e = 1 - ν̂ / ν*        the cell is driven by g w

ν̂ is the spike count's running mean over a window. The integral is held between limits (anti-windup), and e above
-``largest_error``. The gain stands apart from the weights, so that a constraint on the weights does not undo it. Zero
weights stay zero under any gain: a silent cell without weights is not revived.

Deviates: that a PI controller scales the weights is the authors' [yger2013convallis]; its form and numbers are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.convallis.rule import Amount, per_population
from repro.errors import Mistake


@dataclass(frozen=True)
class ControlState:
    """What the controller remembers, for each neuron of each population."""

    rate: Float[np.ndarray, "batch neurons"]  # Hz, running mean ν̂
    integral: Float[np.ndarray, "batch neurons"]  # s, ∫ e dt
    log_gain: Float[np.ndarray, "batch neurons"]

    @property
    def gains(self) -> Float[np.ndarray, "batch neurons"]:
        """What multiplies the weights."""
        return np.exp(self.log_gain)


@dataclass(frozen=True)
class RateControl:
    """Holds each neuron's rate at ``target``; numbers may be one for each population."""

    target: Amount = 5.0  # Hz
    proportional: Amount = 0.05
    integral: Amount = 0.1  # per s
    window: float = 5.0  # s, of the rate's running mean
    largest_log_gain: float = 3.0  # limits of the integral's share: gains of 1/20 to 20
    largest_error: float = 2.0

    def __post_init__(self) -> None:
        if not np.all(np.asarray(self.target, float) > 0):
            raise Mistake(f"target is {self.target}; a rate to hold must be above 0 Hz")
        if not self.window > 0:
            raise Mistake(f"window is {self.window}; it must be above 0 s")

    def start(self, batch: int, neurons: int) -> ControlState:
        """As if every neuron had been at its target."""
        rate = np.broadcast_to(np.asarray(per_population(self.target, 2), float), (batch, neurons)).copy()
        return ControlState(rate, np.zeros((batch, neurons)), np.zeros((batch, neurons)))

    def update(self, state: ControlState, counts: np.ndarray, seconds: float) -> ControlState:
        """After a trial of ``seconds`` with spike counts (batch, neurons)."""
        target, k_p, k_i = (per_population(a, 2) for a in (self.target, self.proportional, self.integral))
        kept = math.exp(-seconds / self.window)
        rate = kept * state.rate + (1 - kept) * counts / seconds
        error = np.maximum(1 - rate / target, -self.largest_error)
        limit = self.largest_log_gain / np.maximum(k_i, 1e-12)
        integral = np.clip(state.integral + error * seconds, -limit, limit)
        return ControlState(rate, integral, k_p * error + k_i * integral)


def fixed(gains: Float[np.ndarray, "batch neurons"]) -> ControlState:
    """Gains that nobody changes, for tests with frozen weights."""
    return ControlState(np.full(gains.shape, np.nan), np.zeros(gains.shape), np.log(gains))


def with_mean(weights: np.ndarray, mean: np.ndarray, largest: float) -> np.ndarray:
    """Weights (batch, inputs, neurons) scaled so that each neuron's mean is ``mean`` (batch, neurons), then bounded.

    Weights that are all zero stay zero.
    """
    now = weights.mean(axis=1)
    scale = np.divide(mean, now, out=np.ones_like(now), where=now > 0)
    return np.minimum(weights * scale[:, None], weights.dtype.type(largest))
