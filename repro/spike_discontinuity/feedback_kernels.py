"""Kernel of the feedback phase: a driven layer of spiking units, the layer above it, and windows around threshold.

Order of events in a step of 1 ms: potentials q from spikes of earlier steps; membrane voltages by Euler; spikes and
reset; windows open and close; spikes enter the traces. Random numbers come from a counter of its own that the seed
starts, so that results depend neither on the number of threads nor on what runs beside it.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _uniform(state):
    """Next number from 0 to 1 of the splitmix64 generator whose counter is ``state[0]``."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True)
@no_type_check
def _choose(order, count, state):
    """Move a random choice of ``count`` units to the front of ``order``."""
    for k in range(count):
        other = k + int(_uniform(state) * (len(order) - k))
        order[k], order[other] = order[other], order[k]


@numba.njit(cache=True)
@no_type_check
def _age(traces, now, gone, decay, past):
    """One step of the two truncated exponential traces: what came in now enters, what is too old leaves."""
    for i in range(traces.shape[1]):
        traces[0, i] = decay[0] * (traces[0, i] + now[i]) - past[0] * gone[i]
        traces[1, i] = decay[1] * (traces[1, i] + now[i]) - past[1] * gone[i]


@numba.njit(cache=True)
@no_type_check
def _fire(v, held, basal, spikes, constants):
    """Euler step, spikes and reset of one layer; v of a unit that spikes is left above threshold for the caller."""
    leak, coupling, threshold, reset, hold = constants[0], constants[1], constants[2], constants[3], int(constants[4])
    count = 0
    for i in range(len(v)):
        spikes[i] = 0.0
        if held[i] > 0:
            held[i] -= 1
            v[i] = reset
            continue
        v[i] += coupling * (basal[i] - v[i]) - leak * v[i]
        if v[i] > threshold:
            spikes[i] = 1.0
            held[i] = hold
            count += 1
    return count


@numba.njit(cache=True)
@no_type_check
def _learn(descent, side, z, y, rate):
    """One step of gradient descent on y = slope z + offset, for all upper units."""
    slope, offset = descent[side, 0], descent[side, 1]
    for j in range(len(y)):
        miss = slope[j] * z + offset[j] - y[j]
        slope[j] -= rate * miss * z
        offset[j] -= rate * miss


@numba.njit(cache=True)
@no_type_check
def _watch(i, v, u, basal, spiked_now, soma, window, counted, age, z, spiked, total, q, reference):
    """Drive and window of unit i in a step: the drive goes on without reset while a window is open."""
    length = int(window[1])
    if age[i] >= 0:
        u[i] += soma[1] * (basal[i] - u[i]) - soma[0] * u[i]
        age[i] += 1
    else:
        u[i] = v[i]
        if counted and abs(u[i] - soma[2]) <= window[0]:
            age[i], z[i], spiked[i] = 0, 0.0, 0
            for j in range(len(q)):
                reference[i, j] = total[j] / length + q[j]
    if 0 <= age[i] < length:
        z[i] = max(z[i], u[i])
        if spiked_now[i] > 0:
            spiked[i] = 1
    if spiked_now[i] > 0:
        v[i] = soma[3]


@numba.njit(cache=True, nogil=True)
@no_type_check
def phase(weights, steps, discard, seed, kernel, soma, drive, window, marks, rate, descent):
    """One replica of the feedback phase.

    ``weights`` (lower, upper) scaled; ``marks`` are the steps, the last one ``steps``, up to which statistics are
    kept; ``descent`` (lower, side, slope or offset, upper) is learned in place if ``rate`` > 0. Returns, for each mark:
    windows (lower, side), sums of z and z² (lower, side, 2), sums of y and z y (lower, side, 2, upper), the descent's
    coefficients, and the spikes of both layers. Side 0: no spike in the window, side 1: a spike.
    """
    n, m = weights.shape
    counts, of_z = np.zeros((len(marks), n, 2)), np.zeros((len(marks), n, 2, 2))
    of_y = np.zeros((len(marks), n, 2, 2, m))
    kept = np.zeros((len(marks), n, 2, 2, m) if rate > 0 else (1, 1, 1, 1, 1))
    spikes = np.zeros(2)
    decay, past, amplitude = kernel[:2], kernel[2:4], kernel[4]
    chance, gain, active, redraw = drive[0], drive[1], int(drive[2]), int(drive[3])
    length, memory, reset = int(window[1]), int(window[2]), soma[3]
    state = np.array([seed], dtype=np.uint64)
    order, came = np.arange(n), np.zeros((memory, n))
    input_traces, upper_traces, own_traces = np.zeros((2, n)), np.zeros((2, m)), np.zeros((2, m))
    sums, fired = np.zeros((memory, m)), np.zeros((memory, m))
    v, u, held, spiked_now, basal = np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    v2, held2, q, total, basal2 = np.zeros(m), np.zeros(m, np.int64), np.zeros(m), np.zeros(m), np.zeros(m)
    age, z, spiked = np.full(n, -1), np.zeros(n), np.zeros(n, np.int64)
    reference, y, nothing, gone, old = np.zeros((n, m)), np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(n)
    mark = 0
    for t in range(steps):
        if t % redraw == 0:
            _choose(order, active, state)
        slot = t % memory
        for i in range(n):
            basal[i] = gain * amplitude * (input_traces[0, i] - input_traces[1, i])
        for j in range(m):
            basal2[j] = amplitude * (upper_traces[0, j] - upper_traces[1, j])
            q[j] = amplitude * (own_traces[0, j] - own_traces[1, j])
            total[j] += q[j]
        below = _fire(v, held, basal, spiked_now, soma)
        _age(own_traces, nothing, fired[slot], decay, past)
        above = _fire(v2, held2, basal2, fired[slot], soma)
        for j in range(m):
            own_traces[0, j] += decay[0] * fired[slot, j]
            own_traces[1, j] += decay[1] * fired[slot, j]
            if fired[slot, j] > 0:
                v2[j] = reset
        if t >= discard:
            spikes[0] += below
            spikes[1] += above
        for i in range(n):
            _watch(i, v, u, basal, spiked_now, soma, window, t >= discard, age, z, spiked, total, q, reference)
            if age[i] == length:
                side = spiked[i]
                counts[mark, i, side] += 1
                of_z[mark, i, side, 0] += z[i]
                of_z[mark, i, side, 1] += z[i] * z[i]
                for j in range(m):
                    y[j] = total[j] / length - reference[i, j]
                    of_y[mark, i, side, 0, j] += y[j]
                    of_y[mark, i, side, 1, j] += z[i] * y[j]
                if rate > 0:
                    _learn(descent[i], side, z[i], y, rate)
                age[i] = -1
                u[i] = v[i]
        gone[:] = sums[slot]
        sums[slot] = 0.0
        for i in range(n):
            if spiked_now[i] > 0:
                for j in range(m):
                    sums[slot, j] += weights[i, j]
        _age(upper_traces, sums[slot], gone, decay, past)
        old[:] = came[slot]
        came[slot] = 0.0
        for k in range(active):
            if _uniform(state) < chance:
                came[slot, order[k]] = 1.0
        _age(input_traces, came[slot], old, decay, past)
        if mark < len(marks) and t + 1 == marks[mark]:
            if rate > 0:
                kept[mark] = descent
            mark += 1
            if mark < len(marks):
                counts[mark], of_z[mark], of_y[mark] = counts[mark - 1], of_z[mark - 1], of_y[mark - 1]
    return counts, of_z, of_y, kept, spikes
