"""The causal effect of a spike by randomising it, in two forms.

    β_i = E[C | do(H_i = 1)] - E[C | do(H_i = 0)]

*One window at a time*: all that came before is as it was; in the window the neuron fires once, at a random step, or not
at all, and everything else happens as it did. *Whole train*, as the authors' code has it: in every window one spike or
none by the toss of a coin, so that the neuron's own past is random as well. Neurons here are not connected to one
another; for a downstream layer that responds, see :mod:`repro.spike_discontinuity.depth`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from repro.errors import Mistake
from repro.spike_discontinuity.network import Record, seeds_of

TIMES = ("crossing", "uniform")
NARROW = 0.1  # Z above the threshold of a crossing whose spike time counts as that of a narrow one


def spike_steps(
    record: Record, neuron: int, times: str, rng: np.random.Generator
) -> Int[np.ndarray, "replicas windows"]:
    """Steps at which spikes are forced: any with equal chance, or as the first spikes of narrow crossings fall.

    ``crossing`` draws from the replica's own windows with Z at most 0.1 above the threshold; -1 throughout where a
    replica has none.
    """
    if times not in TIMES:
        raise Mistake(f"times is {times!r}; it can be {', '.join(TIMES)}")
    shape = record.z.shape[:2]
    if times == "uniform":
        return rng.integers(record.neurons.window_ms, size=shape, dtype=np.int32)
    z, first = record.z[..., neuron], record.first[..., neuron]
    narrow = (z > 0) & (z < NARROW) & (first >= 0)
    steps = np.full(shape, -1, np.int32)
    for replica in np.flatnonzero(narrow.any(1)):
        seen = first[replica, narrow[replica]]
        steps[replica] = seen[rng.integers(len(seen), size=shape[1])]
    return steps


def forced_and_suppressed(
    record: Record, neuron: int, steps: Int[np.ndarray, "replicas windows"]
) -> tuple[Float[np.ndarray, "replicas windows"], Float[np.ndarray, "replicas windows"]]:
    """The neuron's output at each window's end had it fired once, at the given step, and had it been silent."""
    decay, window = record.neurons.decay, record.neurons.window_ms
    silent = record.s_before[..., neuron] * decay**window
    return silent + (1 - decay) * decay ** (window - 1.0 - steps), silent


def cost_with(
    record: Record, neuron: int, output: Float[np.ndarray, "replicas windows"]
) -> Float[np.ndarray, "replicas windows"]:
    """The cost with one neuron's output replaced."""
    outputs = record.s.copy()
    outputs[..., neuron] = output
    return record.cost_function(outputs)


def effects(record: Record, seed: int, times: str = "crossing") -> Float[np.ndarray, "replicas windows neurons"]:
    """What the neuron's spike does to the cost of each window: forced minus suppressed, everything else as it was.

    NaN where a spike time is missing, see :func:`spike_steps`.
    """
    rng = np.random.default_rng(seed)
    found = np.empty(record.z.shape)
    for neuron in range(record.weights.shape[1]):
        steps = spike_steps(record, neuron, times, rng)
        forced, silent = forced_and_suppressed(record, neuron, steps)
        found[..., neuron] = cost_with(record, neuron, forced) - cost_with(record, neuron, silent)
        found[..., neuron][steps < 0] = np.nan
    return found


def causal_effect(
    record: Record, seed: int, times: str = "crossing", near: float = np.inf
) -> Float[np.ndarray, "replicas neurons"]:
    """The causal effect of each neuron's spike by randomising it, one window at a time.

    Parameters
    ----------
    seed : of the forced spike times
    times : of forced spikes, ``crossing`` (as near the threshold) or ``uniform``, see :func:`spike_steps`
    near : only windows whose drive came as near to the threshold

    Returns
    -------
    NaN where there is no such window, or no narrow crossing to draw spike times from.
    """
    mask = np.abs(record.z) < near
    count = np.where(mask.any(1), mask.sum(1), np.nan)
    return np.where(mask, effects(record, seed, times), 0.0).sum(1) / count


def causal_effect_whole_train(record: Record, seed: int) -> Float[np.ndarray, "replicas neurons"]:
    """The causal effect as the authors' code has it: the neuron's whole train random, two group means subtracted."""
    decay, window = record.neurons.decay, record.neurons.window_ms
    replicas, windows, neurons = record.z.shape
    found = np.empty((replicas, neurons))
    for neuron in range(neurons):
        rng = np.random.default_rng(seeds_of(seed, neurons)[neuron])
        fires = rng.random((replicas, windows)) < 0.5
        steps = rng.integers(window, size=(replicas, windows))
        added = fires * (1 - decay) * decay ** (window - 1.0 - steps)
        output = np.empty((replicas, windows))
        now = np.zeros(replicas)
        for w in range(windows):
            now = now * decay**window + added[:, w]
            output[:, w] = now
        cost = cost_with(record, neuron, output)
        found[:, neuron] = (cost * fires).sum(1) / fires.sum(1) - (cost * ~fires).sum(1) / (~fires).sum(1)
    return found


def finite_difference(
    record: Record,
) -> tuple[Float[np.ndarray, "replicas neurons"], Float[np.ndarray, "replicas neurons"]]:
    """E[C(S + Δs) - C(S) | H = 0] for each neuron, and its gradient form Δs E[∂C/∂S | H = 0].

    The gradient is a central difference of a thousandth of the step. NaN for a neuron that never was silent.
    """
    step = record.neurons.predicted_step
    replicas, neurons = record.z.shape[0], record.z.shape[2]
    whole, gradient = np.empty((replicas, neurons)), np.empty((replicas, neurons))
    for neuron in range(neurons):
        silent = ~record.h[..., neuron]
        count = np.where(silent.any(1), silent.sum(1), np.nan)
        s, small = record.s[..., neuron], step / 1000
        slope = (cost_with(record, neuron, s + small) - cost_with(record, neuron, s - small)) / (2 * small)
        whole[:, neuron] = ((cost_with(record, neuron, s + step) - record.cost) * silent).sum(1) / count
        gradient[:, neuron] = step * (slope * silent).sum(1) / count
    return whole, gradient
