"""Does a neuron see its effect through a downstream layer? Ten neurons drive ten others, and these the cost.

    first layer   as in :mod:`repro.spike_discontinuity.network`, noise gain 25, shared noise
    second layer  dv_k/dt = -v_k/τ + Σ_i U_ki s_i + 2 ξ_k, noise of its own
    cost          Σ_k (s_k - target_k)², targets 0.02 a ms but for the first, 0

Fig 5B as coded [lansdell2023neural]. Deviates: U stays the same for all correlations, and the truth is by forcing and
suppressing a spike with the second layer responding.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from repro.spike_discontinuity import depth_kernels as kernels
from repro.spike_discontinuity.network import STEP_S, Neurons, Record, check_correlations, seeds_of
from repro.spike_discontinuity.truth import NARROW

SIZE, FIRST_GAIN, SECOND_GAIN, RATE = 10, 25.0, 2.0, 0.02
DEEP_NEURONS = Neurons(window_ms=10, tau_s=0.04)


def feed_forward(seed: int, networks: int, size: int = SIZE) -> Float[np.ndarray, "networks upper lower"]:
    """Weights U = 200 N(0, 1) + 100 of the first layer's outputs on the second, for each network."""
    return 200 * np.random.default_rng(seed).standard_normal((networks, size, size)) + 100


def _no_cost(outputs: np.ndarray) -> np.ndarray:
    raise TypeError("the cost of two layers is not a function of the first layer's outputs")


def simulate_deep(
    feeds: Float[np.ndarray, "networks upper lower"],
    correlation: float,
    seconds: float,
    seed: int,
    steps: Int[np.ndarray, "networks windows lower"] | None = None,
    neurons: Neurons = DEEP_NEURONS,
) -> tuple[Record, Float[np.ndarray, "networks windows lower"]]:
    """Records of the first layers under the second layers' cost, and what forced spikes did.

    Parameters
    ----------
    steps : where in each window a spike is forced for the truth, -1 for nowhere; without, nothing is forced

    Returns
    -------
    The record, and forced minus suppressed cost of each window and first-layer neuron (NaN where nothing was forced).
    The record is the same with and without forced spikes: they are played aside.
    """
    networks, upper, lower = feeds.shape
    correlations = np.broadcast_to(check_correlations(correlation), networks).copy()
    windows = round(seconds / STEP_S) // neurons.window_ms
    shape = (networks, windows, lower)
    z, first, effects = np.empty(shape), np.empty(shape, np.int32), np.empty(shape)
    outputs, cost = np.empty((networks, windows + 1, lower)), np.empty((networks, windows))
    forced = np.full(shape, -1, np.int32) if steps is None else np.ascontiguousarray(steps, dtype=np.int32)
    targets = np.full(upper, RATE)
    targets[0] = 0.0
    sizes = np.array([neurons.window_ms, math.ceil(1 / STEP_S / neurons.window_ms)])
    weights = np.full(lower, FIRST_GAIN)
    fixed = (sizes, neurons.refractory_ms, neurons.constants(), SECOND_GAIN, forced)
    written = (z, first, outputs, cost, effects)
    kernels.deep_networks(weights, feeds, targets, float(correlations[0]), seeds_of(seed, networks), *fixed, *written)
    record = Record(
        z,
        first,
        outputs,
        cost,
        np.zeros((networks, lower, 6)),
        np.tile(weights, (networks, 1)),
        correlations,
        neurons,
        _no_cost,
    )
    return record, effects


def deep_causal_effect(
    feeds: Float[np.ndarray, "networks upper lower"],
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons = DEEP_NEURONS,
) -> Float[np.ndarray, "networks lower"]:
    """The causal effect of each first-layer neuron's spike, forced at times of narrow crossings and suppressed."""
    record, _ = simulate_deep(feeds, correlation, seconds, seed, None, neurons)
    rng = np.random.default_rng(seed)
    # first-layer neurons are alike, so narrow crossings of all of them serve each
    seen = record.first[(record.z > 0) & (record.z < NARROW) & (record.first >= 0)]
    steps = seen[rng.integers(len(seen), size=record.z.shape)]
    return simulate_deep(feeds, correlation, seconds, seed, steps, neurons)[1].mean(1)
