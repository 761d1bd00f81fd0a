"""Kernels of the voltage rule: the neuron once for each train of spikes, filters and weight for each parameter set."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.spike_triplets.steady import MARK, POST, PRE

SECOND_PEAK, AFTER_SPIKE = 32.862, -49.5  # mV; a spike's peak and second peak are held for 1 ms each


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def advance(u, adaptation, after, threshold, held, neuron, b, dt):
    """One Euler step of the neuron from the old values; ``held`` steps of the spike's fixed potentials are left."""
    c, g, rest, vt_rest, vt_max, tau_vt, slope, tau_w, a, i_after, tau_z, _ = neuron
    wide = round(1.0 / dt)
    if held > 0:
        held -= 1
        if held == wide:
            u = SECOND_PEAK
        elif held == 0:
            u, adaptation, after, threshold = AFTER_SPIKE, adaptation + b, i_after, vt_max
        return u, adaptation, after, threshold, held
    current = g * slope * math.exp((u - threshold) / slope) - g * (u - rest) - adaptation + after
    new_u = u + dt * current / c
    new_adaptation = adaptation + dt * (a * (u - rest) - adaptation) / tau_w
    return new_u, new_adaptation, after - dt * after / tau_z, threshold + dt * (vt_rest - threshold) / tau_vt, held


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def potential(spikes, neuron, b, dt):
    """The membrane potential in each step; ``spikes`` says in which steps the neuron spikes."""
    out = np.empty(len(spikes))
    u, adaptation, after, threshold, held = neuron[2], 0.0, 0.0, neuron[3], 0
    for k in range(len(spikes)):
        u, adaptation, after, threshold, held = advance(u, adaptation, after, threshold, held, neuron, b, dt)
        if spikes[k]:
            u, held = neuron[11], 2 * round(1.0 / dt)
        out[k] = u
    return out


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _record(times, kinds, first, last, neuron, b, faded, end, dt, steps, old, new):
    """Steps to go through, with the potential at their start and behind their advance; returns how many.

    Steps at which all has been at rest for long are left out.
    """
    u, adaptation, after, threshold, held = neuron[2], 0.0, 0.0, neuron[3], 0
    e, k, n = first, round(times[first] / dt), 0
    forgotten = k + faded
    while k < end:
        steps[n], old[n] = k, u
        u, adaptation, after, threshold, held = advance(u, adaptation, after, threshold, held, neuron, b, dt)
        new[n] = u
        n += 1
        while e < last and round(times[e] / dt) <= k:
            if kinds[e] == POST:
                u, held = neuron[11], 2 * round(1.0 / dt)
            e += 1
            forgotten = k + faded
        k += 1
        if k > forgotten and e < last:
            k = max(k, round(times[e] / dt))
    return n


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _filter(times, kinds, first, last, left_out, row, rest, dt, steps, old, new, n, sums):
    """Both sums over the recorded steps, the marked repetition counted for those left out, added to ``sums``."""
    theta_minus, theta_plus, tau_minus, tau_plus, tau_x, jump, homeostasis, _, weight_first = row
    low, high, x = rest, rest, 0.0
    ltp = ltd = ltp_mark = ltd_mark = 0.0
    e, marks = first, 0
    for i in range(n):
        u = old[i]
        if weight_first:
            ltp += dt * x * max(u - theta_plus, 0.0) * max(high - theta_minus, 0.0)
        low, high = low + dt * (u - low) / tau_minus, high + dt * (u - high) / tau_plus
        if not weight_first:
            ltp += dt * x * max(new[i] - theta_plus, 0.0) * max(high - theta_minus, 0.0)
        x -= dt * x / tau_x
        while e < last and round(times[e] / dt) <= steps[i]:
            if kinds[e] == PRE:
                ltd -= homeostasis * max(low - theta_minus, 0.0)
                x += jump
            elif kinds[e] == MARK:
                marks += 1
                if marks == 1:
                    ltp_mark, ltd_mark = ltp, ltd
                else:
                    sums[0] += left_out * (ltp - ltp_mark)
                    sums[1] += left_out * (ltd - ltd_mark)
            e += 1
    sums[0] += ltp
    sums[1] += ltd


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def integrate(times, kinds, starts, left_out, parameters, neuron, memory, dt):
    """Both sums for each parameter set and protocol; sets that share the adaptation jump share the neuron."""
    protocols = len(starts) - 1
    out = np.zeros((len(parameters), protocols, 2))
    faded = round(memory / dt)
    for p in range(protocols):
        first, last = starts[p], starts[p + 1]
        if first == last:
            continue
        end = round((times[last - 1] + memory) / dt)
        size = end - round(times[first] / dt) + 1
        steps, old, new = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
        n, b = 0, np.nan
        for s in range(len(parameters)):
            if parameters[s, 7] != b:
                b = parameters[s, 7]
                n = _record(times, kinds, first, last, neuron, b, faded, end, dt, steps, old, new)
            args = steps, old, new, n, out[s, p]
            _filter(times, kinds, first, last, left_out[p], parameters[s], neuron[2], dt, *args)
    return out
