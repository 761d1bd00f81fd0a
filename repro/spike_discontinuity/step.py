"""By how much a spike moves the filtered output at the window's end: Fig 6 [lansdell2023neural].

Δs = lim E[S | Z = z] from above minus from below,   predicted (1 - exp(-T/τ_s))/T
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from repro.spike_discontinuity.estimators import sweep
from repro.spike_discontinuity.network import Neurons, Record, simulate

NEAR = 0.1  # half-width in which the step is read


def output_steps(record: Record, window: float = NEAR) -> Float[np.ndarray, "replicas neurons"]:
    """The jump of each neuron's own output at its threshold, spikes a ms; NaN where a side is empty."""
    found = np.empty(record.weights.shape)
    for i in range(record.weights.shape[1]):
        found[:, i] = sweep(replace(record, cost=record.s[..., i]), window)[0][:, i]
    return found


def steps_over_filters(
    windows_ms: tuple[int, ...],
    taus_s: tuple[float, ...],
    weight: float,
    correlation: float,
    seconds: float,
    seed: int,
    window: float = NEAR,
) -> Float[np.ndarray, "3 windows taus"]:
    """Steps for every length of window and time constant: observed, predicted, and as spikes of crossings fall."""
    observed, predicted, timed = found = np.empty((3, len(windows_ms), len(taus_s)))
    for i, window_ms in enumerate(windows_ms):
        for j, tau_s in enumerate(taus_s):
            neurons = Neurons(window_ms=window_ms, tau_s=tau_s)
            record = simulate(np.full((1, 2), weight), correlation, seconds, seed + 100 * i + j, neurons)
            observed[i, j], predicted[i, j] = output_steps(record, window).mean(), neurons.predicted_step
            times = record.first[(record.z > 0) & (record.z < window) & (record.first >= 0)]
            timed[i, j] = ((1 - neurons.decay) * neurons.decay ** (window_ms - 1.0 - times)).mean()
    return found


def outputs_near(
    record: Record, neuron: int = 0, window: float = NEAR
) -> tuple[Float[np.ndarray, "below"], Float[np.ndarray, "above"]]:
    """Outputs of a neuron at the end of windows just below and just above its threshold, all replicas together."""
    z, s = record.z[..., neuron], record.s[..., neuron]
    return s[(z < 0) & (z > -window)], s[(z > 0) & (z < window)]


def steps_over_rates(
    weights: Float[np.ndarray, "pairs 2"],
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons,
    window: float = NEAR,
) -> tuple[Float[np.ndarray, "pairs 2"], Float[np.ndarray, "pairs 2"]]:
    """Steps and rates (Hz) at pairs of weights."""
    record = simulate(weights, correlation, seconds, seed, neurons)
    return output_steps(record, window), record.rates
