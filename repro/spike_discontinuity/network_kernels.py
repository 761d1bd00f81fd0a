"""The compiled loop over steps: neurons with shared noise, what each did in each window, and no traces.

Order within a step of 1 ms: the drive restarts at a window's first step, both potentials take the increment, the spike
is found, largest drive and output are updated, then reset, refractoriness and floor act. The output at a window's end
counts a spike of its last step. The drive is the potential as if no spike had reset it since the window began.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.spike_discontinuity.random_kernels import normal, stream

SPIKES, SUM_S, SUM_SS, GAPS, SUM_GAP, SUM_GAP2 = range(6)  # columns of the moments
V, U, S, RAISED, RAISED_U = range(5)  # columns of the cells
HELD, LAST, FIRST = range(3)  # of the times
LEAK, SCALE, INPUT, DECAY, THRESHOLD, RESET, JUMP, FADE = range(8)  # of the constants


@numba.njit(cache=True)
@no_type_check
def one_window(state, cells, times, weights, correlation, start, refractory, own_leak, constants, top, moments, train):
    """One window of one network; ``cells`` and ``times`` go on from it, ``top`` and the column FIRST are its own.

    Parameters
    ----------
    state : stream of random numbers
    cells : (neurons, 5) potential, drive, output, threshold above its rest, and that as if no spike in this window
    times : (neurons, 3) steps still held at reset, step of the last spike, first spike in this window (-1: none)
    weights : (neurons,) noise gain of each
    correlation : share of the noise's variance that all neurons have in common
    start : the step at which it begins; below 0 moments are left alone
    refractory : steps at reset, that of the spike included
    own_leak : the drive leaks from itself, as in the article, instead of taking the potential's increment, as coded
    constants : in the order LEAK, SCALE, INPUT, DECAY, THRESHOLD, RESET, JUMP, FADE
    top : (neurons,) largest drive minus threshold
    moments : (neurons, 6) number of spikes, sums of output and its square, number and sums of gaps between spikes
    train : (steps, neurons) takes the spikes; its length is that of the window
    """
    n = len(weights)
    shared_gain = math.sqrt(correlation) * constants[SCALE]
    own_gain = math.sqrt(1.0 - correlation) * constants[SCALE]
    leak, pull, decay = constants[LEAK], constants[INPUT], constants[DECAY]
    threshold, reset, jump, fade = constants[THRESHOLD], constants[RESET], constants[JUMP], constants[FADE]
    for i in range(n):
        cells[i, U], cells[i, RAISED_U] = cells[i, V], cells[i, RAISED]
        top[i], times[i, FIRST] = -math.inf, -1
    for k in range(len(train)):
        common = shared_gain * normal(state) + pull
        for i in range(n):
            v, u = cells[i, V], cells[i, U]
            change = weights[i] * (common + own_gain * normal(state)) - leak * v
            u += change + (leak * (v - u) if own_leak else 0.0)
            v += change
            raised, raised_u = cells[i, RAISED] * fade, cells[i, RAISED_U] * fade
            top[i] = max(top[i], u - threshold - raised_u)
            s = cells[i, S] * decay
            train[k, i] = v > threshold + raised
            if train[k, i]:
                s += 1.0 - decay
                raised += jump
                times[i, HELD] = refractory
                if times[i, FIRST] < 0:
                    times[i, FIRST] = k
                if start >= 0:
                    count_spike(moments[i], times[i], start + k)
            if times[i, HELD] > 0:
                v = reset
                times[i, HELD] -= 1
            cells[i, V], cells[i, U], cells[i, S] = max(v, reset), max(u, reset), s
            cells[i, RAISED], cells[i, RAISED_U] = raised, raised_u
            if start >= 0:
                moments[i, SUM_S] += s
                moments[i, SUM_SS] += s * s


@numba.njit(cache=True)
@no_type_check
def count_spike(moments, times, now):
    """Add a spike of one neuron, and its gap to the one before, to its moments."""
    moments[SPIKES] += 1.0
    if times[LAST] >= 0:
        moments[GAPS] += 1.0
        moments[SUM_GAP] += now - times[LAST]
        moments[SUM_GAP2] += (now - times[LAST]) ** 2
    times[LAST] = now


@numba.njit(cache=True)
@no_type_check
def at_rest(n):
    """The cells and times of a network that has done nothing yet."""
    times = np.full((n, 3), -1)
    times[:, HELD] = 0
    return np.zeros((n, 5)), times


@numba.njit(cache=True)
@no_type_check
def one_network(
    weights, correlation, seed, window, idle, refractory, own_leak, constants, largest, first, output, moments
):
    """One network, its results written into the last four arguments; see :func:`one_window`.

    Parameters
    ----------
    idle : windows before recording begins
    largest, first : (windows, neurons) largest drive minus threshold; step of the first spike, -1 for none
    output : (windows + 1, neurons) filtered spikes before the first window and at each window's end
    """
    windows, n = largest.shape
    state = stream(seed)
    cells, times = at_rest(n)
    top, train = np.empty(n), np.empty((window, n), np.bool_)
    for w in range(-idle, windows):
        if w == 0:
            output[0] = cells[:, S]
        one_window(
            state,
            cells,
            times,
            weights,
            correlation,
            w * window,
            refractory,
            own_leak,
            constants,
            top,
            moments,
            train,
        )
        if w >= 0:
            largest[w], first[w], output[w + 1] = top, times[:, FIRST], cells[:, S]


@numba.njit(cache=True, parallel=True)
@no_type_check
def networks(
    weights, correlations, seeds, window, idle, refractory, own_leak, constants, largest, first, output, moments
):
    """Many networks side by side, each with its own weights, correlation and seed; see :func:`one_network`."""
    for r in numba.prange(len(seeds)):
        one_network(
            weights[r],
            correlations[r],
            seeds[r],
            window,
            idle,
            refractory,
            own_leak,
            constants,
            largest[r],
            first[r],
            output[r],
            moments[r],
        )
