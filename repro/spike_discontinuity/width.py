"""Many neurons, one cost: how good is the direction that all of them together estimate? [lansdell2023neural]

All weights 10, a random readout V = 5 N(0, 1), cost abs(V·s - 0.1): Fig 5A as coded. Deviates: the readout of a run is
the same for all correlations, and the truth is by randomising spikes, not one long run of the observed dependence.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from repro.spike_discontinuity.costs import Readout
from repro.spike_discontinuity.estimators import sweep
from repro.spike_discontinuity.network import Neurons, Record, simulate
from repro.spike_discontinuity.truth import NARROW

WIDE_NEURONS = Neurons(window_ms=20, tau_s=0.04)
WEIGHT, READOUT_GAIN = 10.0, 5.0
LARGEST = 4_000_000  # windows times neurons of a record


def readouts(neurons: int, runs: int, seed: int) -> Float[np.ndarray, "runs neurons"]:
    """A random readout for each run."""
    return READOUT_GAIN * np.random.default_rng(seed).standard_normal((runs, neurons))


def simulate_wide(readout: Float[np.ndarray, "runs neurons"], correlation: float, seconds: float, seed: int) -> Record:
    """Networks under the distance of their readouts to the target, a run for each readout."""
    cost = Readout(readout[:, None, :])
    return simulate(np.full(readout.shape, WEIGHT), correlation, seconds, seed, WIDE_NEURONS, cost)


def wide_causal_effect(
    record: Record, readout: Float[np.ndarray, "runs neurons"], seed: int
) -> Float[np.ndarray, "runs neurons"]:
    """The causal effect of each neuron's spike, forced at times of narrow crossings and suppressed."""
    rng = np.random.default_rng(seed)
    decay, window = record.neurons.decay, record.neurons.window_ms
    narrow = (record.z > 0) & (record.z < NARROW) & (record.first >= 0)
    seen = record.first[narrow]  # all neurons are alike
    found = np.empty(readout.shape)
    for run in range(len(readout)):
        steps = seen[rng.integers(len(seen), size=record.z.shape[1:])]
        silent = record.s_before[run] * decay**window
        without = record.s[run] @ readout[run] - Readout(readout[run]).target
        without = without[:, None] + readout[run] * (silent - record.s[run])
        spike = readout[run] * (1 - decay) * decay ** (window - 1.0 - steps)
        found[run] = (np.abs(without + spike) - np.abs(without)).mean(0)
    return found


def angles(
    estimate: Float[np.ndarray, "*batch neurons"], truth: Float[np.ndarray, "*runs neurons"]
) -> Float[np.ndarray, "*batch"]:
    """Angles between directions, degrees; NaN where an estimate is missing."""
    product = (estimate * truth).sum(-1) / (np.linalg.norm(estimate, axis=-1) * np.linalg.norm(truth, axis=-1))
    return np.asarray(np.degrees(np.arccos(np.clip(product, -1, 1))))


def squared_errors(
    estimate: Float[np.ndarray, "*batch neurons"], truth: Float[np.ndarray, "*runs neurons"]
) -> Float[np.ndarray, "*batch"]:
    """Squared differences, mean over neurons."""
    return np.asarray(((estimate - truth) ** 2).mean(-1))


def wide_estimates(
    neurons: int, correlations: tuple[float, ...], runs: int, seconds: float, seed: int, window: float
) -> tuple[Float[np.ndarray, "2 correlations runs"], Float[np.ndarray, "2 correlations runs"]]:
    """Angles (degrees) and squared errors of spiking discontinuity and observed dependence, in this order.

    Each run has one readout for all correlations, and its truth comes from other noise.
    """
    angle, error = np.empty((2, 2, len(correlations), runs))
    together = max(1, LARGEST // round(seconds / 0.02 * neurons))  # runs whose records fit into memory side by side
    for start in range(0, runs, together):
        part = slice(start, min(start + together, runs))
        readout = readouts(neurons, runs, seed)[part]
        for k, c in enumerate(correlations):
            first, second = (int(s) for s in np.random.SeedSequence([seed, k, start]).generate_state(2))
            truth = wide_causal_effect(simulate_wide(readout, c, seconds / 4, second), readout, second)
            found = sweep(simulate_wide(readout, c, seconds, first), [window, 1.0])
            angle[:, k, part], error[:, k, part] = angles(found, truth), squared_errors(found, truth)
    return angle, error


def slopes_on_size(
    sizes: Float[np.ndarray, "sizes"], errors: Float[np.ndarray, "sizes runs"]
) -> Float[np.ndarray, "runs"]:
    """Slope of log error on log number of neurons, for each run."""
    x = np.log(sizes) - np.log(sizes).mean()
    return (x[:, None] * np.log(errors)).sum(0) / (x**2).sum()
