"""Compiled: one cell whose input weights change at every spike."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math
from typing import no_type_check

import numba
import numpy as np

from repro.convallis.cell_kernels import EXC, V, advance


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def follow(at, channels, steps, weights, largest, plus, minus, step_over_plus, step_over_minus, constants, fired):
    """Input spikes (step, channel), in order of steps, drive the cell and change its weights; ``fired`` takes its own.

    Traces decay exactly between spikes. In a step: the cell advances, input spikes act, then its own spike does.
    """
    cells, held = np.zeros((4, 1), weights.dtype), np.zeros(1, np.int64)
    cells[V, 0] = constants[2]
    seen, spike = np.empty(1, weights.dtype), np.empty(1, np.bool_)
    trace, since = np.zeros(len(weights)), np.zeros(len(weights), np.int64)
    own, own_since, e = 0.0, 0, 0
    for t in range(steps):
        advance(cells, held, 1, constants, seen, spike)
        while e < len(at) and at[e] == t:
            j = channels[e]
            cells[EXC, 0] += weights[j]
            trace[j] = trace[j] * math.exp(-(t - since[j]) * step_over_plus) + plus
            since[j] = t
            weights[j] = max(weights[j] - own * math.exp(-(t - own_since) * step_over_minus), 0.0)
            e += 1
        fired[t] = spike[0]
        if spike[0]:
            own = own * math.exp(-(t - own_since) * step_over_minus) + minus
            own_since = t
            for j in range(len(weights)):
                if trace[j] > 0.0:
                    weights[j] = min(weights[j] + trace[j] * math.exp(-(t - since[j]) * step_over_plus), largest)
