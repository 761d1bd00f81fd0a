"""Compiled: exponential traces of spikes forward in time, and of a postsynaptic factor backward in time."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import no_type_check

import numba
import numpy as np


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def forward(spikes, fade, trace, out):
    """out[b, t] = Σ_{s<t} fade^(t-s) spikes[b, s] plus what ``trace`` (batch, neurons) had; ``trace`` goes on."""
    batch, steps, neurons = spikes.shape
    for b in range(batch):
        for t in range(steps):
            for n in range(neurons):
                out[b, t, n] = trace[b, n]
                trace[b, n] = fade * (trace[b, n] + spikes[b, t, n])


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def backward(factor, fade, amplitude, out):
    """out[b, t] += amplitude Σ_{u>t} fade^(u-t) factor[b, u]; returns amplitude Σ_u fade^u factor[b, u].

    The first is what a presynaptic spike at step t will have added by the end of the block, the second what a trace of
    1 that is there at the block's first step will have.
    """
    batch, steps, neurons = factor.shape
    carried = np.zeros((batch, neurons), factor.dtype)
    for b in range(batch):
        for t in range(steps - 1, -1, -1):
            for n in range(neurons):
                ahead = carried[b, n]
                out[b, t, n] += fade * ahead
                carried[b, n] = amplitude * factor[b, t, n] + fade * ahead
    return carried
