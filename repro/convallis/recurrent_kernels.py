"""Compiled: recurrent populations through a block of steps, and their weight changes, over lists of targets."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from typing import no_type_check

import numba

from repro.convallis.cell_kernels import EXC, INH, REST, advance, measure


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def deliver(targets, weights, conductance):
    """Add a spike's weights to the conductances of its targets."""
    for k in range(len(targets)):
        conductance[targets[k]] += weights[k]


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def collect(credit, targets, sums):
    """Add the credit of a spike's targets to the sums of its synapses."""
    for k in range(len(targets)):
        sums[k] += credit[targets[k]]


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def simulate(
    channels, starts, raster_of, first, in_targets, in_weights, targets, weights, excitatory, cells, held, refractory,
    constants, seen, fired, begin, histogram, moments,
):  # fmt: skip
    """One block of every population; arguments as in ``feedforward_kernels``.

    Parameters
    ----------
    in_targets, in_weights : (batch, inputs, targets of each)
    targets, weights : (batch, neurons, targets of each); the first ``excitatory`` neurons excite, the others inhibit
    """
    for b in numba.prange(len(weights)):
        ends = starts[raster_of[b]]
        exc, inh = cells[b, EXC], cells[b, INH]
        for t in range(seen.shape[1]):
            advance(cells[b], held[b], refractory, constants, seen[b, t], fired[b, t])
            if first + t >= begin:
                measure(cells[b, :, :excitatory], held[b, :excitatory], constants[REST], histogram[b], moments[b])
            for e in range(ends[first + t], ends[first + t + 1]):
                deliver(in_targets[b, channels[e]], in_weights[b, channels[e]], exc)
            for n in range(fired.shape[2]):
                if fired[b, t, n]:
                    deliver(targets[b, n], weights[b, n], exc if n < excitatory else inh)


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def gather_inputs(channels, starts, raster_of, first, credit, targets, sums):
    """Add each input spike's credit (batch, steps, neurons) to its synapses' sums (batch, inputs, plastic)."""
    for b in numba.prange(len(sums)):
        ends = starts[raster_of[b]]
        for t in range(credit.shape[1]):
            row = credit[b, t]
            for e in range(ends[first + t], ends[first + t + 1]):
                collect(row, targets[b, channels[e]], sums[b, channels[e]])


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def gather_recurrent(fired, credit, targets, sums):
    """The same for the spikes of excitatory neurons, sums (batch, excitatory, plastic)."""
    for b in numba.prange(len(sums)):
        for t in range(credit.shape[1]):
            row = credit[b, t]
            for n in range(sums.shape[1]):
                if fired[b, t, n]:
                    collect(row, targets[b, n], sums[b, n])


@numba.njit(cache=True, parallel=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def add_carried(traces, part, targets, sums):
    """Add what presynaptic traces (batch, sources) from before the block added, trace times part (batch, neurons)."""
    for b in numba.prange(len(sums)):
        for j in range(sums.shape[1]):
            for k in range(sums.shape[2]):
                sums[b, j, k] += traces[b, j] * part[b, targets[b, j, k]]


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def scaled(targets, weights, factors, out):
    """out = weights (batch, sources, targets) times the factor (batch, neurons) of the target."""
    for b in range(len(weights)):
        for j in range(weights.shape[1]):
            for k in range(weights.shape[2]):
                out[b, j, k] = weights[b, j, k] * factors[b, targets[b, j, k]]


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def incoming(targets, weights, out):
    """Add the weights (batch, sources, targets) that reach each neuron to out (batch, neurons)."""
    for b in range(len(weights)):
        for j in range(weights.shape[1]):
            for k in range(weights.shape[2]):
                out[b, targets[b, j, k]] += weights[b, j, k]
