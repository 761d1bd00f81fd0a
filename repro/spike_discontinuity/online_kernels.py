"""The online rules, compiled: what a neuron keeps, and how one window changes it.

A neuron's memory is a row of twelve numbers: V (effect-like, slope above, slope below), the pending change of V,
whether a window below was seen, number of updates, the two running means and their counts.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np

from repro.spike_discontinuity.network_kernels import S, at_rest, one_window
from repro.spike_discontinuity.random_kernels import stream

MEMORY = 12
PENDING, WAITING, UPDATES, ABOVE, BELOW, N_ABOVE, N_BELOW = 3, 6, 7, 8, 9, 10, 11
PAIRED, PAIRED_LINEAR, UNPAIRED = range(3)
QUADRATIC, PLAIN, BANANA = range(3)


@numba.njit(cache=True)
@no_type_check
def pair_cost(kind, s1, s2):
    """The costs of two neurons, see :mod:`repro.spike_discontinuity.costs`."""
    if kind == BANANA:
        return (s1 - 0.01) ** 2 + (2 * s2 - 2 * (s1 - 0.1) ** 2) ** 2
    return (-30 * s1 + 20 * s2 + (20 * s2 * s2 if kind == QUADRATIC else 0.0) - 4) ** 2


@numba.njit(cache=True)
@no_type_check
def observe_paired(memory, z, cost, half_width, rate, fades, linear):
    """A window below is kept until one above completes the pair; only then V changes [lansdell2023neural, code]."""
    if -half_width < z < 0 and memory[WAITING] == 0:
        slope = -z if linear else 0.0
        residual = memory[0] + memory[2] * slope + cost
        memory[PENDING], memory[PENDING + 1], memory[PENDING + 2] = residual, 0.0, residual * slope
        memory[WAITING] = 1.0
    elif 0 <= z < half_width and memory[WAITING] == 1:
        slope = z if linear else 0.0
        residual = memory[0] + memory[1] * slope - cost
        step = rate / (memory[UPDATES] + 1.0) if fades else rate
        memory[0] -= step * (memory[PENDING] + residual)
        memory[1] -= step * residual * slope
        memory[2] -= step * memory[PENDING + 2]
        memory[WAITING] = 0.0
        memory[UPDATES] += 1.0


@numba.njit(cache=True)
@no_type_check
def observe_unpaired(memory, z, cost, half_width, rate, fades):
    """Two running means, one a side; V is their difference once both sides were seen."""
    if 0 <= z < half_width:
        memory[N_ABOVE] += 1.0
        step = 1.0 / memory[N_ABOVE]
        memory[ABOVE] += (step if fades else max(rate, step)) * (cost - memory[ABOVE])
    elif -half_width < z < 0:
        memory[N_BELOW] += 1.0
        step = 1.0 / memory[N_BELOW]
        memory[BELOW] += (step if fades else max(rate, step)) * (cost - memory[BELOW])
    if memory[N_ABOVE] > 0 and memory[N_BELOW] > 0:
        memory[0] = memory[ABOVE] - memory[BELOW]


@numba.njit(cache=True)
@no_type_check
def observe(rule, memory, z, cost, half_width, rate, fades):
    """One window, by one of the three rules; ``z`` is drive minus threshold."""
    if rule == UNPAIRED:
        observe_unpaired(memory, z, cost, half_width, rate, fades)
    else:
        observe_paired(memory, z, cost, half_width, rate, fades, rule == PAIRED_LINEAR)


@numba.njit(cache=True)
@no_type_check
def listen(z, cost, rule, half_width, rate, fades, every, out):
    """Estimates of each neuron over recorded windows; ``out`` (replicas, kept, neurons) takes every ``every``-th."""
    replicas, windows, n = z.shape
    for r in range(replicas):
        memory = np.zeros((n, MEMORY))
        for w in range(windows):
            for i in range(n):
                observe(rule, memory[i], z[r, w, i], cost[r, w], half_width, rate, fades)
            if (w + 1) % every == 0:
                out[r, (w + 1) // every - 1] = memory[:, 0]


@numba.njit(cache=True)
@no_type_check
def learn_one(
    weights,
    correlation,
    seed,
    window,
    refractory,
    constants,
    kind,
    rule,
    half_width,
    rate,
    gain,
    bounds,
    table,
    kept,
):
    """A pair that learns for as many windows as ``kept`` (windows, 2) holds; the weights after each go there."""
    state = stream(seed)
    cells, times = at_rest(2)
    train = np.empty((window, 2), np.bool_)
    top, moments, memory = np.empty(2), np.zeros((2, 6)), np.zeros((2, MEMORY))
    now = weights.copy()
    for w in range(len(kept)):
        one_window(state, cells, times, now, correlation, -1, refractory, False, constants, top, moments, train)
        cost = pair_cost(kind, cells[0, S], cells[1, S])
        for i in range(2):
            observe(rule, memory[i], top[i], cost, half_width, rate, False)
            now[i] -= gain * memory[i, 0] * np.interp(now[i], table[0], table[1])
            now[i] = min(max(now[i], bounds[0]), bounds[1])
        kept[w] = now


@numba.njit(cache=True, parallel=True)
@no_type_check
def learn(
    weights,
    correlations,
    seeds,
    window,
    refractory,
    constants,
    kind,
    rule,
    half_width,
    rate,
    gain,
    bounds,
    table,
    kept,
):
    """Pairs that learn side by side, each with its own start, correlation and seed."""
    for r in numba.prange(len(seeds)):
        learn_one(
            weights[r],
            correlations[r],
            seeds[r],
            window,
            refractory,
            constants,
            kind,
            rule,
            half_width,
            rate,
            gain,
            bounds,
            table,
            kept[r],
        )
