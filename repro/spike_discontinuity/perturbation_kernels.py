"""Node perturbation, compiled: neurons that shake their own potential, beside a twin that does not."""

from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.spike_discontinuity.network_kernels import DECAY, LEAK, RESET, SCALE, THRESHOLD
from repro.spike_discontinuity.random_kernels import normal, stream


@numba.njit(cache=True)
@no_type_check
def advance(v, s, held, i, change, refractory, constants):
    """One neuron by one step."""
    potential = v[i] + change - constants[LEAK] * v[i]
    s[i] *= constants[DECAY]
    if potential > constants[THRESHOLD]:
        s[i] += 1.0 - constants[DECAY]
        held[i] = refractory
    if held[i] > 0:
        potential = constants[RESET]
        held[i] -= 1
    v[i] = max(potential, constants[RESET])


@numba.njit(cache=True)
@no_type_check
def shake_one(
    weight, readout, target, correlation, shared, size, seed, window, refractory, constants, eligibility, costs
):
    """One network and its twin with the same input noise and no perturbation.

    Parameters
    ----------
    correlation, shared : share in common of the input noise, and of the perturbations
    size : of a perturbation, per step
    eligibility : (windows, neurons) takes Σ_t ξ_i ζ_i
    costs : (windows, 2) takes mean costs over the window, of the network and of its twin
    """
    n = len(readout)
    state = stream(seed)
    v, s, held = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    twin_v, twin_s, twin_held = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    gains = math.sqrt(correlation) * constants[SCALE], math.sqrt(1 - correlation) * constants[SCALE]
    shakes = math.sqrt(shared) * size, math.sqrt(1 - shared) * size
    for w in range(len(costs)):
        eligibility[w], costs[w] = 0.0, 0.0
        for _ in range(window):
            common, push = gains[0] * normal(state), shakes[0] * normal(state)
            out, twin_out = -target, -target
            for i in range(n):
                xi, zeta = common + gains[1] * normal(state), push + shakes[1] * normal(state)
                advance(v, s, held, i, weight * xi + zeta, refractory, constants)
                advance(twin_v, twin_s, twin_held, i, weight * xi, refractory, constants)
                eligibility[w, i] += xi * zeta
                out += readout[i] * s[i]
                twin_out += readout[i] * twin_s[i]
            costs[w, 0] += abs(out) / window
            costs[w, 1] += abs(twin_out) / window


@numba.njit(cache=True)
@no_type_check
def shake(
    weight, readouts, target, correlation, shared, size, seeds, window, refractory, constants, eligibility, costs
):
    """Networks side by side, each with its own readout and seed."""
    for r in range(len(seeds)):
        shake_one(
            weight,
            readouts[r],
            target,
            correlation,
            shared,
            size,
            seeds[r],
            window,
            refractory,
            constants,
            eligibility[r],
            costs[r],
        )
