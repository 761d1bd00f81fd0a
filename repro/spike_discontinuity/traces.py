"""A few moments of a pair, step by step, for the eye: Fig 2B [lansdell2023neural]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from repro.spike_discontinuity.network import Neurons, check_correlations


@dataclass(frozen=True)
class Traces:
    """Of every step and neuron."""

    potential: Float[np.ndarray, "steps neurons"]
    drive: Float[np.ndarray, "steps neurons"]  # as if no spike had reset it since the window began
    spikes: Bool[np.ndarray, "steps neurons"]


def pair_traces(
    weights: tuple[float, ...], correlation: float, steps: int, seed: int, neurons: Neurons | None = None
) -> Traces:
    """Potential, drive and spikes of neurons with shared noise, by a plain loop, in the kernel's order of events."""
    n, gains = neurons or Neurons(), np.asarray(weights)
    c = float(check_correlations(correlation)[0])
    rng = np.random.default_rng(seed)
    noise = np.sqrt(c) * rng.standard_normal((steps, 1)) + np.sqrt(1 - c) * rng.standard_normal((steps, len(gains)))
    noise *= n.sigma / np.sqrt(n.tau)
    v = u = np.zeros(len(gains))
    held = np.zeros(len(gains), dtype=int)
    potential, drive, spikes = np.empty(noise.shape), np.empty(noise.shape), np.zeros(noise.shape, dtype=bool)
    for k in range(steps):
        if k % n.window_ms == 0:
            u = v
        change = 0.001 * (-v / n.tau + gains * (n.input + noise[k]))
        v, u = v + change, u + change
        potential[k], drive[k], spikes[k] = v, u, v > n.threshold
        held = np.where(spikes[k], n.refractory_ms, held)
        v = np.where(held > 0, n.reset, np.maximum(v, n.reset))
        u, held = np.maximum(u, n.reset), np.maximum(held - 1, 0)
    return Traces(potential, drive, spikes)
