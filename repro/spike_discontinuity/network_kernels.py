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
LEAK, SCALE, INPUT, DECAY, THRESHOLD, RESET, JUMP, FADE = range(8)  # of the constants


@numba.njit(cache=True)
@no_type_check
def one_network(
    weights, correlation, seed, window, idle, refractory, own_leak, constants, largest, first, output, moments
):
    """One network, its results written into the last four arguments.

    Parameters
    ----------
    weights : (neurons,) noise gain of each
    correlation : share of the noise's variance that all neurons have in common
    window, idle : steps in a window, and windows before recording begins
    refractory : steps at reset, that of the spike included
    own_leak : the drive leaks from itself, as in the article, instead of taking the potential's increment, as coded
    constants : in the order LEAK, SCALE, INPUT, DECAY, THRESHOLD, RESET, JUMP, FADE
    largest, first : (windows, neurons) largest drive minus threshold; step of the first spike, -1 for none
    output : (windows + 1, neurons) filtered spikes before the first window and at each window's end
    moments : (neurons, 6) number of spikes, sums of output and its square, number and sums of gaps between spikes
    """
    n, windows = largest.shape[1], largest.shape[0]
    state = stream(seed)
    v, u, s = np.zeros(n), np.zeros(n), np.zeros(n)
    raised, raised_u = np.zeros(n), np.zeros(n)  # threshold above its rest, and as if no spike since the window began
    held, last = np.zeros(n, np.int64), np.full(n, -1)
    top, when = np.empty(n), np.empty(n, np.int64)
    shared_gain = math.sqrt(correlation) * constants[SCALE]
    own_gain = math.sqrt(1.0 - correlation) * constants[SCALE]
    leak, pull, decay = constants[LEAK], constants[INPUT], constants[DECAY]
    threshold, reset, jump, fade = constants[THRESHOLD], constants[RESET], constants[JUMP], constants[FADE]
    for w in range(-idle, windows):
        if w == 0:
            output[0] = s
        for i in range(n):
            u[i], raised_u[i] = v[i], raised[i]
            top[i], when[i] = -math.inf, -1
        for k in range(window):
            common = shared_gain * normal(state) + pull
            for i in range(n):
                change = weights[i] * (common + own_gain * normal(state)) - leak * v[i]
                u[i] += change + (leak * (v[i] - u[i]) if own_leak else 0.0)
                v[i] += change
                raised[i] *= fade
                raised_u[i] *= fade
                spike = v[i] > threshold + raised[i]
                top[i] = max(top[i], u[i] - threshold - raised_u[i])
                s[i] *= decay
                if spike:
                    s[i] += 1.0 - decay
                    held[i] = refractory
                    raised[i] += jump
                    if when[i] < 0:
                        when[i] = k
                    if w >= 0:
                        now = w * window + k
                        moments[i, SPIKES] += 1.0
                        if last[i] >= 0:
                            moments[i, GAPS] += 1.0
                            moments[i, SUM_GAP] += now - last[i]
                            moments[i, SUM_GAP2] += (now - last[i]) ** 2
                        last[i] = now
                if held[i] > 0:
                    v[i] = reset
                    held[i] -= 1
                v[i] = max(v[i], reset)
                u[i] = max(u[i], reset)
                if w >= 0:
                    moments[i, SUM_S] += s[i]
                    moments[i, SUM_SS] += s[i] * s[i]
        if w >= 0:
            for i in range(n):
                largest[w, i], first[w, i], output[w + 1, i] = top[i], when[i], s[i]


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
