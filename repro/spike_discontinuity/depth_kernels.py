"""Two layers of neurons, compiled: the first as in :mod:`repro.spike_discontinuity.network_kernels`, the second driven
by its outputs and by noise of its own. For the truth a window is played again with one spike forced or suppressed, the
same noise, and a second layer that responds.
"""

from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np

from repro.spike_discontinuity.network_kernels import (
    DECAY,
    FIRST,
    LEAK,
    RESET,
    SCALE,
    THRESHOLD,
    S,
    at_rest,
    one_window,
)
from repro.spike_discontinuity.random_kernels import normal, stream

STEP_S = 0.001
UPPER_V, UPPER_S, UPPER_HELD = range(3)  # columns of the second layer's cells


@numba.njit(cache=True)
@no_type_check
def drive_of(train, before, feed, decay, drive):
    """What the first layer's spikes give to each neuron of the second, step by step, into ``drive`` (steps, upper)."""
    s = before.copy()
    for k in range(len(train)):
        for i in range(len(s)):
            s[i] = s[i] * decay + (1.0 - decay) * train[k, i]
        for j in range(feed.shape[0]):
            total = 0.0
            for i in range(len(s)):
                total += feed[j, i] * s[i]
            drive[k, j] = total


@numba.njit(cache=True)
@no_type_check
def respond(upper, drive, added, feed, noise, refractory, constants):
    """The second layer over a window, ``upper`` changed in place.

    Parameters
    ----------
    upper : (neurons, 3) potential, output, steps still held at reset
    drive : (steps, neurons) input, a second
    added : (steps,) output of one first-layer neuron, on top of what it was; ``feed`` (neurons,) its weights
    noise : (steps, neurons) added to the potential
    """
    decay, leak = constants[DECAY], constants[LEAK]
    for k in range(len(drive)):
        for j in range(len(upper)):
            change = STEP_S * (drive[k, j] + feed[j] * added[k]) + noise[k, j] - leak * upper[j, UPPER_V]
            v, s = upper[j, UPPER_V] + change, upper[j, UPPER_S] * decay
            if v > constants[THRESHOLD]:
                s += 1.0 - decay
                upper[j, UPPER_HELD] = refractory
            if upper[j, UPPER_HELD] > 0:
                v = constants[RESET]
                upper[j, UPPER_HELD] -= 1
            upper[j, UPPER_V], upper[j, UPPER_S] = max(v, constants[RESET]), s


@numba.njit(cache=True)
@no_type_check
def distance(upper, targets):
    """Sum of squared differences of the second layer's outputs to their targets."""
    total = 0.0
    for j in range(len(upper)):
        total += (upper[j, UPPER_S] - targets[j]) ** 2
    return total


@numba.njit(cache=True)
@no_type_check
def effect_of(neuron, step, train, before, upper, drive, feed, noise, targets, refractory, constants):
    """Cost with one spike of a first-layer neuron at ``step`` minus cost without any, the window played twice."""
    decay = constants[DECAY]
    added = np.empty((2, len(train)))
    natural, silent, forced = before, before, before
    for k in range(len(train)):
        natural = natural * decay + (1.0 - decay) * train[k, neuron]
        silent = silent * decay
        forced = forced * decay + ((1.0 - decay) if k == step else 0.0)
        added[0, k], added[1, k] = silent - natural, forced - natural
    cost = np.empty(2)
    for arm in range(2):
        copy = upper.copy()
        respond(copy, drive, added[arm], feed[:, neuron], noise, refractory, constants)
        cost[arm] = distance(copy, targets)
    return cost[1] - cost[0]


@numba.njit(cache=True)
@no_type_check
def one_deep_network(
    weights,
    feed,
    targets,
    correlation,
    seed,
    sizes,
    refractory,
    constants,
    noise_gain,
    steps,
    largest,
    first,
    output,
    cost,
    effects,
):
    """One network of two layers, its results written into the last five arguments.

    Parameters
    ----------
    feed : (upper, lower) weights of the outputs of the first layer on the second
    sizes : steps in a window, and windows before recording begins
    steps : (windows, lower) where a spike is forced; below 0 nothing is played again
    cost : (windows,) at each window's last step
    effects : (windows, lower) forced minus suppressed; NaN where nothing was played again
    """
    windows, n = largest.shape
    window, many = sizes[0], len(targets)
    state = stream(seed)
    cells, times = at_rest(n)
    top, moments, train = np.empty(n), np.zeros((n, 6)), np.empty((window, n), np.bool_)
    upper, drive, noise = np.zeros((many, 3)), np.empty((window, many)), np.empty((window, many))
    nothing = np.zeros(window)
    for w in range(-sizes[1], windows):
        before = cells[:, S].copy()
        if w == 0:
            output[0] = before
        one_window(state, cells, times, weights, correlation, -1, refractory, False, constants, top, moments, train)
        for k in range(window):
            for j in range(many):
                noise[k, j] = noise_gain * constants[SCALE] * normal(state)
        drive_of(train, before, feed, constants[DECAY], drive)
        if w >= 0:
            for i in range(n):
                effects[w, i] = np.nan
                if steps[w, i] >= 0:
                    effects[w, i] = effect_of(
                        i, steps[w, i], train, before[i], upper, drive, feed, noise, targets, refractory, constants
                    )
        respond(upper, drive, nothing, feed[:, 0], noise, refractory, constants)
        if w >= 0:
            largest[w], first[w], output[w + 1] = top, times[:, FIRST], cells[:, S]
            cost[w] = distance(upper, targets)


@numba.njit(cache=True)
@no_type_check
def deep_networks(
    weights,
    feeds,
    targets,
    correlation,
    seeds,
    sizes,
    refractory,
    constants,
    noise_gain,
    steps,
    largest,
    first,
    output,
    cost,
    effects,
):
    """Networks of two layers side by side, each with its own feed-forward weights and seed."""
    for r in range(len(seeds)):
        one_deep_network(
            weights,
            feeds[r],
            targets,
            correlation,
            seeds[r],
            sizes,
            refractory,
            constants,
            noise_gain,
            steps[r],
            largest[r],
            first[r],
            output[r],
            cost[r],
            effects[r],
        )
