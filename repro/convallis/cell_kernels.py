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


@numba.njit(cache=True, error_model="numpy")  # a check for division by zero would keep the loop from vector units
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def advance(cells, held, refractory, constants, seen, fired):
    """One step of all cells, without the spikes that arrive.

    Written without branches and in one type, so that several cells go through a vector unit at once; so is the
    exponential, exp(-x) = (Σ (-x/16)^k / k!)^16, whose absolute error stays below 1e-10 at any x > 0.

    Parameters
    ----------
    cells : (4, neurons) potential (mV), conductances (nS), after-depolarisation (mV)
    held : (neurons,) steps until the potential is free again
    constants : ``Cell.constants``
    seen, fired : (neurons,) take what the rule sees, and who spiked
    """
    leak, per_capacitance, rest, threshold, reset, e_exc, e_inh, fade_exc, fade_inh, fade_after, jump = constants[:11]
    sixteenth, most, c0, c1, c2, c3, c4, c5, c6, c7, c8 = constants[11:]
    potentials, excs, inhs, afters = cells[V], cells[EXC], cells[INH], cells[AFTER]
    leak_rest, pace = leak * rest, per_capacitance * sixteenth
    for n in range(len(held)):
        exc, inh, v, after = excs[n], inhs[n], potentials[n], afters[n] * fade_after
        waits = max(held[n] - 1, 0)
        total = leak + exc + inh
        towards = (leak_rest + exc * e_exc + inh * e_inh) / total
        x = total * pace
        x = x if x < most else most
        part = c4 + x * (c5 + x * (c6 + x * (c7 + x * c8)))
        part = c0 + x * (c1 + x * (c2 + x * (c3 + x * part)))
        part = part * part
        part = part * part
        part = part * part
        part = part * part
        v = towards + (v - towards) * part if waits == 0 else v
        excs[n], inhs[n] = exc * fade_exc, inh * fade_inh
        shown = v + after
        seen[n] = shown if shown < threshold else threshold
        spike = (waits == 0) & (v > threshold)
        fired[n] = spike
        potentials[n] = reset if spike else v
        afters[n] = after + jump if spike else after
        held[n] = refractory if spike else waits


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
