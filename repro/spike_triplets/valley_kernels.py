"""Kernels of the valley rule: exact traces with Gauss-Legendre panels between spikes, and plain Euler steps."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.spike_triplets.steady import MARK, POST, PRE

_NODES, _WEIGHTS = (np.ascontiguousarray(part) for part in np.polynomial.legendre.leggauss(4))
FIRST_PANEL = 0.5  # ms; panels grow with the time since the last spike, over which everything slows down
PANEL_GROWTH = 0.2
NEGLIGIBLE = 1e-9  # of a presynaptic trace


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _panels(length, x, after, spiking, row, sums):
    """Add ∫σ+ x and -∫σ-(1 - σ+) x over ``length`` ms without events to ``sums``."""
    theta_minus, theta_plus, k_minus, k_plus, _, tau_after, tau_trace, epsp, height, _, rest, holding = row
    base = rest + holding + (height if spiking else 0.0)
    passed = 0.0
    while passed < length and x * math.exp(-passed / tau_trace) > NEGLIGIBLE:
        panel = min(FIRST_PANEL + PANEL_GROWTH * passed, length - passed)
        for node in range(4):
            t = passed + 0.5 * panel * (1.0 + _NODES[node])
            trace = x * math.exp(-t / tau_trace)
            v = base + epsp * trace + after * math.exp(-t / tau_after)
            upper = 1.0 / (1.0 + math.exp(-2.0 * (v - theta_plus) / k_plus))
            lower = 1.0 / (1.0 + math.exp(-2.0 * (v - theta_minus) / k_minus))
            weight = 0.5 * panel * _WEIGHTS[node] * trace
            sums[0] += weight * upper
            sums[1] -= weight * lower * (1.0 - upper)
        passed += panel


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def integrate(times, kinds, starts, left_out, parameters):
    """Both sums for each parameter set and protocol, the marked repetition counted for those left out."""
    protocols = len(starts) - 1
    out = np.zeros((len(parameters), protocols, 2))
    sums, mark = np.zeros(2), np.zeros(2)
    for s in range(len(parameters)):
        row = parameters[s]
        jump, tau_after, tau_trace, width = row[4], row[5], row[6], row[9]
        for p in range(protocols):
            sums[:] = 0.0
            x = after = 0.0
            now, spike_end, marks = 0.0, -np.inf, 0
            for e in range(starts[p], starts[p + 1] + 1):
                is_end = e == starts[p + 1]
                target = np.inf if is_end else times[e]
                if e == starts[p]:
                    now = target
                while now < target:
                    spiking = now < spike_end
                    until = min(target, spike_end) if spiking else target
                    _panels(until - now, x, after, spiking, row, sums)
                    x *= math.exp(-(until - now) / tau_trace)
                    after *= math.exp(-(until - now) / tau_after)
                    now = until
                if is_end:
                    break
                if kinds[e] == PRE:
                    x += 1.0
                elif kinds[e] == POST:
                    after += jump
                    spike_end = now + width
                elif kinds[e] == MARK:
                    marks += 1
                    if marks == 1:
                        mark[:] = sums
                    else:
                        out[s, p] = left_out[p] * (sums - mark)
            out[s, p] += sums
    return out


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def step(pre, post, steps, dt, row):
    """Both sums by forward Euler; ``pre`` and ``post`` are the steps at which spikes come, counted from the first."""
    theta_minus, theta_plus, k_minus, k_plus, jump, tau_after, tau_trace, epsp, height, width, rest, holding = row
    sums = np.zeros(2)
    x = after = 0.0
    wide, spiking = round(width / dt), 0
    i = j = 0
    first = 0
    if len(pre) and pre[0] < first:
        first = pre[0]
    if len(post) and post[0] < first:
        first = post[0]
    for k in range(first, steps):
        v = rest + holding + epsp * x + after + (height if spiking > 0 else 0.0)
        upper = 0.5 * (1.0 + math.tanh((v - theta_plus) / k_plus))
        lower = 0.5 * (1.0 + math.tanh((v - theta_minus) / k_minus))
        sums[0] += dt * upper * x
        sums[1] -= dt * lower * (1.0 - upper) * x
        x -= dt * x / tau_trace
        after -= dt * after / tau_after
        if spiking > 0:
            spiking -= 1
        while i < len(pre) and pre[i] == k:
            x += 1.0
            i += 1
        while j < len(post) and post[j] == k:
            after += jump
            spiking = wide
            j += 1
    return sums
