"""Kernels of the voltage rule: the neuron once for each train of spikes, filters and weight for each parameter set."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.spike_triplets.steady import MARK, POST, PRE

SECOND_PEAK, AFTER_SPIKE = 32.862, -49.5  # mV; a spike's peak and second peak are held for 1 ms each

NEGLIGIBLE = 1e-16  # of a presynaptic trace, behind the last spike


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
def record(at, kinds, neuron, b, faded, dt):
    """The neuron driven by events at the steps ``at``: the steps gone through, the potential at their start and end.

    Steps at which all has been at rest for ``faded`` steps are left out; a step ends before its own spike.
    """
    end = at[-1] + faded
    size = end - at[0] + 1
    steps, old, new = np.empty(size, dtype=np.int64), np.empty(size), np.empty(size)
    u, adaptation, after, threshold, held = neuron[2], 0.0, 0.0, neuron[3], 0
    e, k, n = 0, at[0], 0
    forgotten = k + faded
    while k < end:
        steps[n], old[n] = k, u
        u, adaptation, after, threshold, held = advance(u, adaptation, after, threshold, held, neuron, b, dt)
        new[n] = u
        n += 1
        while e < len(at) and at[e] <= k:
            if kinds[e] == POST:
                u, held = neuron[11], 2 * round(1.0 / dt)
            e += 1
            forgotten = k + faded
        k += 1
        if k > forgotten and e < len(at):
            k = max(k, at[e])
    return steps[:n].copy(), old[:n].copy(), new[:n].copy()


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _filter(at, kinds, left_out, row, rest, dt, steps, old, new, sums):
    """Both sums over the recorded steps, the marked repetition counted for those left out, added to ``sums``."""
    theta_minus, theta_plus, tau_minus, tau_plus, tau_x, jump, homeostasis, _, weight_first = row
    low, high, x = rest, rest, 0.0
    ltp = ltd = ltp_mark = ltd_mark = 0.0
    e = marks = 0
    share_minus, share_plus, share_x = dt / tau_minus, dt / tau_plus, dt / tau_x
    for i in range(len(steps)):
        if e == len(at) and x < NEGLIGIBLE * jump:
            break
        u = old[i]
        if weight_first:
            ltp += dt * x * max(u - theta_plus, 0.0) * max(high - theta_minus, 0.0)
        low, high = low + share_minus * (u - low), high + share_plus * (u - high)
        if not weight_first:
            ltp += dt * x * max(new[i] - theta_plus, 0.0) * max(high - theta_minus, 0.0)
        x -= share_x * x
        while e < len(at) and at[e] <= steps[i]:
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
def integrate(at, kinds, left_out, parameters, rest, dt, steps, old, new):
    """Both sums for each parameter set along a recorded neuron."""
    out = np.zeros((len(parameters), 2))
    for s in range(len(parameters)):
        _filter(at, kinds, left_out, parameters[s], rest, dt, steps, old, new, out[s])
    return out
