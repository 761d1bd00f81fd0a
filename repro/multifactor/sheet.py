"""The note's map of two indices to four numbers, and the same map in integers [multifactor2020note].

    f(i, j) -> [x, y, theta, phase]     x = round(i/k),  y = round(j/k),  k = 13.165
    theta = a (i/k - x) + b (i/k - x)²  phase = a (j/k - y) + b (j/k - y)²

The note gives k and nothing else: a and b have no values and the indices no range. Here a = π and b = 0 unless told
otherwise, which tiles orientation once a column. Reading (i, j) as a place on a sheet, (x, y) as the number of its
column, theta as an orientation and phase as that of a filter is an interpretation, not the note's.

Deviates: the fourth coordinate is called phase (the note's φ is its nonlinearity too); halves are rounded up, which the
note leaves open and which never happens at k = 13.165.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from repro.arrays import Numbers
from repro.errors import Mistake

SPACING = 13.165  # the note's k, indices a column
PERIOD, PERIOD_COLUMNS = 2633, 200  # k = 2633/200 in lowest terms, since 2633 is prime


class Place(NamedTuple):
    """Where a unit or synapse is: the number of its column on both axes, and its two coordinates inside the column."""

    x: Int[np.ndarray, "*indices"]
    y: Int[np.ndarray, "*indices"]
    theta: Float[np.ndarray, "*indices"]  # radians under reading R1
    phase: Float[np.ndarray, "*indices"]  # radians under reading R1


def index_map(
    i: Numbers,
    j: Numbers,
    k: float = SPACING,
    a: float = math.pi,
    b: float = 0.0,
    *,
    a_phase: float | None = None,
    b_phase: float | None = None,
) -> Place:
    """The four numbers of each pair of indices, as ``x, y, theta, phase``.

    Parameters
    ----------
    i, j : indices, whole numbers from 0; arrays are broadcast
    k : indices a column, positive
    a, b : coefficients of the residue and of its square, radians
    a_phase, b_phase : those of the phase where it has its own; the note shares a and b

    Raises Mistake naming the index, k or coefficient that is not allowed.

    >>> x, y, theta, phase = index_map(79, 0)
    >>> int(x), int(y), round(float(theta), 4)
    (6, 0, 0.0024)
    """
    rows, columns = np.broadcast_arrays(checked_indices("i", i), checked_indices("j", j))
    x, across = residue(rows, k)
    y, along = residue(columns, k)
    theta = coordinate(across, a, b)
    return Place(x, y, theta, coordinate(along, a if a_phase is None else a_phase, b if b_phase is None else b_phase))


def n_columns(n: int, k: float = SPACING) -> int:
    """Columns along a side of ``n`` indices: round((n - 1)/k) + 1. Raises Mistake for n below 1 or a wrong k."""
    if n < 1:
        raise Mistake(f"n is {n}; a sheet has 1 index a side or more")
    return math.floor((n - 1) / checked_spacing(k) + 0.5) + 1


def residue(
    index: Int[np.ndarray, "*indices"], k: float = SPACING
) -> tuple[Int[np.ndarray, "*indices"], Float[np.ndarray, "*indices"]]:
    """Number of the column of each index, and where inside it the index lies, from -1/2 to 1/2."""
    place = np.asarray(index) / checked_spacing(k)
    column = np.asarray(np.floor(place + 0.5), dtype=np.int64)  # an array for a single index too
    return column, np.asarray(place - column)


def exact_residue(
    index: Int[np.ndarray, "*indices"],
) -> tuple[Int[np.ndarray, "*indices"], Int[np.ndarray, "*indices"]]:
    """The same in whole numbers at the note's k: the column, and 2633 times the residue."""
    whole = np.asarray(index, dtype=np.int64)
    column = np.asarray((400 * whole + 2633) // 5266)
    return column, np.asarray(200 * whole - 2633 * column)


def coordinate(r: Float[np.ndarray, "*indices"], a: float, b: float) -> Float[np.ndarray, "*indices"]:
    """a r + b r², the note's theta of the residue r. Raises Mistake for an a or b that is not finite."""
    for name, value in (("a", a), ("b", b)):
        if not math.isfinite(value):
            raise Mistake(f"{name} is {value}; it must be a finite number")
    return np.asarray(a * r + b * np.square(r), dtype=float)


def checked_spacing(k: float) -> float:
    """k itself. Raises Mistake unless it is finite and positive."""
    if not (math.isfinite(k) and k > 0):
        raise Mistake(f"k is {k}; it must be finite and larger than 0 (the note has {SPACING} indices a column)")
    return k


def checked_indices(name: str, given: Numbers) -> Int[np.ndarray, "*indices"]:
    """Indices as whole numbers. Raises Mistake naming the first that is negative, fractional or not finite."""
    values = np.asarray(given)
    with np.errstate(invalid="ignore"):
        wrong = ~((values >= 0) & (values == np.floor(values)) & np.isfinite(values))
    if wrong.any():
        raise Mistake(f"{name} has the index {values[wrong].flat[0]}; indices are whole numbers from 0")
    return values.astype(np.int64)
