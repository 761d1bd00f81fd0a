"""What follows exactly from the note's map: period, columns, range, borders, density. Whole numbers where possible."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from repro.errors import Mistake
from repro.multifactor.sheet import PERIOD, coordinate, exact_residue, n_columns, residue

EXACT_SPACING = Fraction(2633, 200)


def continued_fraction(value: Fraction) -> list[int]:
    """The terms [n0; n1, …] of a fraction; a last term is larger than 1."""
    terms = []
    while True:
        whole, rest = divmod(value, 1)
        terms.append(int(whole))
        if not rest:
            return terms
        value = 1 / rest


def slip(indices: int, columns: int, k: Fraction = EXACT_SPACING) -> Fraction:
    """By how much ``indices`` miss ``columns`` whole columns, as a share of a column."""
    return abs(Fraction(indices) / k - columns)


def period_departures(periods: int = 10) -> int:
    """How many statements about the period fail, in whole numbers.

    Over ``periods`` periods: one period on the residue is the same and the column 200 higher, and no index is a tie.
    Within a period: 2633 residues, all different, one gap between neighbours, mean 0, variance (1 - 2633⁻²)/12.
    """
    index = np.arange(periods * PERIOD)
    column, part = exact_residue(index)
    later_column, later_part = exact_residue(index + PERIOD)
    wrong = int(np.sum(later_part != part) + np.sum(later_column != column + 200))
    wrong += int(np.sum(2 * np.abs(part) == PERIOD))
    ordered = np.sort(part[:PERIOD])
    wrong += int(np.sum(np.diff(ordered) != 1)) + int(len(np.unique(ordered)) != PERIOD) + int(ordered.sum() != 0)
    variance = Fraction(int(np.sum(ordered**2)), PERIOD**3)
    return wrong + int(variance != (1 - Fraction(1, PERIOD**2)) / 12)


def column_sizes(n: int, k: float | None = None) -> Int[np.ndarray, "columns"]:
    """Indices in each column of a side of ``n``; without ``k`` at the note's spacing, in whole numbers."""
    index = np.arange(n)
    column = exact_residue(index)[0] if k is None else residue(index, k)[0]
    return np.bincount(column)


def wrong_column_counts(largest: int = PERIOD) -> int:
    """Sides up to ``largest`` on which round((n - 1)/k) + 1 is not the number of columns that are there."""
    counted = exact_residue(np.arange(largest))[0] + 1  # columns come in order, so that the last names their number
    predicted = np.array([n_columns(n) for n in range(1, largest + 1)])
    return int(np.sum(counted != predicted))


def is_injective(a: float, b: float) -> bool:
    """Whether each residue of a column has a theta of its own: exactly where abs(b) ≤ abs(a) and a is not 0."""
    return a != 0 and abs(b) <= abs(a)


def theta_range(a: float, b: float) -> tuple[float, float]:
    """Smallest and largest theta over a column: at its ends ±a/2 + b/4, or at the vertex -a²/4b if that lies inside."""
    ends = [a / 2 + b / 4, -a / 2 + b / 4]
    if abs(b) > abs(a):
        ends.append(-(a**2) / (4 * b))
    return min(ends), max(ends)


def is_continuous(a: float, period: float) -> bool:
    """Whether theta goes on across the borders of columns, modulo ``period``: exactly where a/period is whole."""
    return wrapped(a, period) < 1e-9  # radians; a multiple of π in floating point misses by about 1e-15


def wrapped(angle: float, period: float) -> float:
    """Distance of an angle from 0 on a circle of circumference ``period``."""
    return abs(math.remainder(angle, period))


def steps(n: int, k: float, a: float, b: float, period: float) -> tuple[Float[np.ndarray, "inside"], np.ndarray]:
    """Distances on the circle between the thetas of neighbouring indices: inside columns, and across their borders."""
    column, r = residue(np.arange(n), k)
    theta = coordinate(r, a, b)
    distance = np.array([wrapped(step, period) for step in np.diff(theta)])
    border = np.diff(column) > 0
    return distance[~border], distance[border]


def theta_counts(n: int, ratio: Fraction, bins: int = 18) -> Int[np.ndarray, "bins"]:
    """Indices 0 to n - 1 by theta modulo π, a = π and b = ``ratio`` a, in equal bins; in whole numbers.

    theta/π = r + ratio r² has the denominator 2633² times that of the ratio, so that no bin edge is rounded.
    """
    if n < 1 or bins < 1:
        raise Mistake(f"n is {n} and bins is {bins}; both must be 1 or larger")
    part = exact_residue(np.arange(n))[1]
    bottom = PERIOD**2 * ratio.denominator
    top = part * PERIOD * ratio.denominator + ratio.numerator * part**2
    return np.bincount((top % bottom) * bins // bottom, minlength=bins)


def theta_density(
    theta: Float[np.ndarray, "points"], a: float, b: float, period: float = math.pi
) -> Float[np.ndarray, "points"]:
    """Density of theta modulo ``period``, residues spread evenly over a column: the sum of 1/abs(a + 2 b r) over r.

    The residues that reach a theta are the roots of b r² + a r = theta + m period, whole m.
    """
    low, high = theta_range(a, b)
    total = np.zeros(len(theta))
    for m in range(math.floor((low - period) / period), math.ceil((high + period) / period) + 1):
        for root in _roots(theta + m * period, a, b):
            with np.errstate(divide="ignore", invalid="ignore"):
                total += np.where((root >= -0.5) & (root < 0.5), 1 / np.abs(a + 2 * b * root), 0.0)
    return total


def _roots(theta: Float[np.ndarray, "points"], a: float, b: float) -> list[Float[np.ndarray, "points"]]:
    """Residues r with a r + b r² = theta; nan where there are none."""
    if b == 0:
        return [theta / a]
    with np.errstate(invalid="ignore"):
        root = np.sqrt(a**2 + 4 * b * theta)
    return [(-a + root) / (2 * b), (-a - root) / (2 * b)]
