"""The two-neuron experiment written for Brian2, to take away and to check the kernel against.

Noise comes from the same stream as the kernel's, so both must give the same record. The code generation target is
``numpy``, so nothing is compiled; a second of simulated time takes about half a second.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np
from jaxtyping import Float

from repro.spike_discontinuity.network import Record, seeds_of
from repro.spike_discontinuity.random_kernels import fill_normal

NEURONS = """
dv/dt = -v/tau + w*noise(t, i)/second : 1
du/dt = -v/tau + w*noise(t, i)/second : 1
w : 1
s : 1
largest : 1
spiked : 1
held : integer
"""
RESET = "s += 1 - decay; held = refractory; spiked = 1"
AFTER = """
v = int(held == 0)*clip(v, lowest, inf) + int(held > 0)*lowest
u = clip(u, lowest, inf)
held = held - int(held > 0)
"""
LARGEST = "largest = int(u > largest)*u + int(u <= largest)*largest"


def noise_of(
    correlation: float, sigma: float, steps: int, seed: int, neurons: int = 2
) -> Float[np.ndarray, "steps neurons"]:
    """The noise of a replica, as the kernel draws it: the shared number of a step first, then one a neuron."""
    numbers = np.empty(steps * (1 + neurons))
    fill_normal(np.uint64(seed), numbers)
    drawn = numbers.reshape(steps, 1 + neurons)
    return sigma * (np.sqrt(correlation) * drawn[:, :1] + np.sqrt(1 - correlation) * drawn[:, 1:])


def run_pair(record: Record, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A record's first replica again in Brian2, from the seed that made it and no idle time.

    Returns
    -------
    Z minus threshold, whether each neuron spiked, and outputs at the end, each (windows, neurons).
    """
    n, windows = record.neurons, record.z.shape[1]
    steps = windows * n.window_ms
    correlation = float(record.correlations[0])
    drawn = noise_of(correlation, n.sigma, steps, int(seeds_of(seed, len(record.z))[0]), record.z.shape[2])
    names = {"tau": n.tau * b2.second, "decay": n.decay, "refractory": n.refractory_ms, "lowest": n.reset}
    names |= {"noise": b2.TimedArray(drawn, dt=1 * b2.ms), "mu": n.threshold}
    previous = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    try:
        clock = b2.Clock(1 * b2.ms)
        group = b2.NeuronGroup(
            drawn.shape[1], NEURONS, threshold="v > mu", reset=RESET, method="euler", namespace=names, clock=clock
        )
        group.w = record.weights[0]
        window = n.window_ms * b2.ms
        # within a step: window's start, Euler, largest drive, decay, threshold, reset, floor
        seen = b2.StateMonitor(group, ["largest", "spiked", "s"], record=True, dt=window, when="start", order=-1)
        parts = [group, seen]
        parts.append(group.run_regularly("u = v; largest = -1e9; spiked = 0", dt=window, when="start", order=0))
        parts.append(group.run_regularly(LARGEST, when="after_groups"))
        parts.append(group.run_regularly("s = s*decay", when="before_thresholds"))
        parts.append(group.run_regularly(AFTER, when="after_resets"))
        b2.Network(parts).run((steps + 1) * b2.ms)
        return seen.largest[:, 1:].T - n.threshold, seen.spiked[:, 1:].T > 0, seen.s[:, 1:].T
    finally:
        b2.prefs.codegen.target = previous
