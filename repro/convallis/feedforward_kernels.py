"""Compiled: populations without lateral synapses through a block of steps, and their weight changes."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import no_type_check

import numba

from repro.convallis.cell_kernels import EXC, REST, advance, measure


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def simulate(
    channels, starts, raster_of, first, weights, cells, held, refractory, constants, seen, fired, begin, histogram,
    moments,
):  # fmt: skip
    """One block of every population.

    Parameters
    ----------
    channels, starts : spikes of the trial; the block begins at step ``first``
    weights : (batch, inputs, neurons) with their gains
    cells, held : (batch, 4, neurons), (batch, neurons), which go on
    seen, fired : (batch, steps, neurons) take what the rule sees, and spikes
    begin : step of the trial from which potentials are measured
    """
    for b in numba.prange(len(weights)):
        ends = starts[raster_of[b]]
        for t in range(seen.shape[1]):
            advance(cells[b], held[b], refractory, constants, seen[b, t], fired[b, t])
            if first + t >= begin:
                measure(cells[b], held[b], constants[REST], histogram[b], moments[b])
            exc = cells[b, EXC]
            for e in range(ends[first + t], ends[first + t + 1]):
                row = weights[b, channels[e]]
                for n in range(len(exc)):
                    exc[n] += row[n]


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def gather(channels, starts, raster_of, first, credit, sums):
    """Add each spike's credit (batch, steps, neurons) to the sums of its input, (batch, inputs, neurons)."""
    for b in numba.prange(len(sums)):
        ends = starts[raster_of[b]]
        for t in range(credit.shape[1]):
            row = credit[b, t]
            for e in range(ends[first + t], ends[first + t + 1]):
                target = sums[b, channels[e]]
                for n in range(len(row)):
                    target[n] += row[n]


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def traces(channels, starts, first, steps, fade, out):
    """Carry the traces (rasters, inputs) from the block's first step to the step after its last."""
    for r in range(len(out)):
        for t in range(first, first + steps):
            for e in range(starts[r, t], starts[r, t + 1]):
                out[r, channels[e]] += 1.0
            for j in range(out.shape[1]):
                out[r, j] *= fade
