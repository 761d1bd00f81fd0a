"""Compiled: one step of many cells, and the sums kept of their potentials. Order of events: see ``cell``."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import math
from typing import no_type_check

import numba

V, EXC, INH, AFTER = range(4)  # rows of the cells' state
REST = 2  # place in the constants, whose order ``advance`` tells
LOW, PER_BIN = -90.0, 2.0  # mV, lower edge of the histogram; bins of half a mV
BINS = 90  # to -45 mV


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def advance(cells, held, refractory, constants, seen, fired):
    """One step of all cells, without the spikes that arrive.

    Parameters
    ----------
    cells : (4, neurons) potential (mV), conductances (nS), after-depolarisation (mV)
    held : (neurons,) steps until the potential is free again
    seen, fired : (neurons,) take what the rule sees, and who spiked
    """
    leak, per_capacitance, rest, threshold, reset, e_exc, e_inh, fade_exc, fade_inh, fade_after, jump = constants
    for n in range(len(held)):
        exc, inh, v = cells[EXC, n], cells[INH, n], cells[V, n]
        after = cells[AFTER, n] * fade_after
        if held[n] > 0:
            held[n] -= 1
        free = held[n] == 0
        if free:
            total = leak + exc + inh
            towards = (leak * rest + exc * e_exc + inh * e_inh) / total
            v = towards + (v - towards) * math.exp(-total * per_capacitance)
        cells[EXC, n], cells[INH, n] = exc * fade_exc, inh * fade_inh
        seen[n] = min(v + after, threshold)
        spike = free and v > threshold
        fired[n] = spike
        if spike:
            v = reset
            after += jump
            held[n] = refractory
        cells[V, n], cells[AFTER, n] = v, after


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def measure(cells, held, rest, histogram, moments):
    """Count potentials in bins of half a mV, and sum their powers from rest, but for spikes and refractory steps."""
    for n in range(len(held)):
        if held[n] == 0:
            v = cells[V, n]
            place = math.floor((v - LOW) * PER_BIN)
            histogram[min(max(place, 0), BINS - 1)] += 1
            u = v - rest
            moments[n, 0] += 1.0
            moments[n, 1] += u
            moments[n, 2] += u * u
            moments[n, 3] += u * u * u
