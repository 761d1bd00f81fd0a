"""By how much the map departs from what is claimed of it: one number a claim, 0 (or rounding) where it holds."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from repro.multifactor import sheet_properties as properties
from repro.multifactor.sheet import PERIOD, SPACING, coordinate, exact_residue, index_map

COUNTS = {"0": (40, 48), "1/2": (30, 70), "1": (23, 144), "3/2": (17, 297)}
"""Smallest and largest bin by b/a, as the fact sheet counts them: 18 bins of theta modulo π, a = π, i = 0 to 789."""
RATIOS = (0.0, 0.25, 0.5, 1.0, 1.25, 1.5, 2.0)
SLOPES = (-2 * math.pi, -1.0, 0.5, 1.0, math.pi, 2 * math.pi)


def near_period_departure() -> float:
    """Distance of the slip of 79 indices from 2/2633 of a column, plus 1 for each wrong term of [13; 6, 16, 2]."""
    terms = properties.continued_fraction(Fraction(str(SPACING)))
    wrong = sum(one != other for one, other in zip(terms, [13, 6, 16, 2], strict=True))
    return abs(float(properties.slip(79, 6)) - 2 / 2633) + wrong


def wrong_column_sizes() -> int:
    """Columns of a period with another number of indices than 13 or 14; the first is held against 7."""
    sizes = properties.column_sizes(PERIOD + 7)  # the last column, number 200, ends 6 indices after the period
    return int(sizes[0] != 7) + int(np.sum((sizes[1:] != 13) & (sizes[1:] != 14)))


def product_departures(n: int) -> int:
    """Wrong column counts up to a period, plus units of an n × n sheet whose theta varies along j or phase along i."""
    i, j = np.indices((n, n))
    found = index_map(i, j, b=1.0)
    varies = np.sum(found.theta != found.theta[:, :1]) + np.sum(found.phase != found.phase[:1])
    return properties.wrong_column_counts() + int(varies)


def width_departure() -> float:
    """Largest departure of width and range from their closed forms over (a, b), plus wrongly told injectivities.

    A column is walked over all its residues and both ends; the range is held against its ends where abs(b) ≤ abs(a).
    """
    part = np.sort(exact_residue(np.arange(PERIOD))[1]) / PERIOD
    r = np.concatenate([[-0.5], part, [0.5]])
    worst, wrong = 0.0, 0
    for a in SLOPES:
        for b in (sign * ratio * a for ratio in RATIOS for sign in (1, -1)):
            theta = coordinate(r, a, b)
            worst = max(worst, abs(theta[-1] - theta[0] - a))
            if abs(b) <= abs(a):
                ends = sorted((a / 2 + b / 4, -a / 2 + b / 4))
                worst = max(worst, abs(theta.min() - ends[0]), abs(theta.max() - ends[1]))
            monotone = bool(np.all(np.diff(theta) > 0) or np.all(np.diff(theta) < 0))
            wrong += monotone != properties.is_injective(a, b)
    return worst + wrong


def border_departure() -> float:
    """Largest departure of steps at borders from a/k - a modulo the period, a = 1, π, 2π, plus wrong continuities."""
    worst, wrong = 0.0, 0
    for period in (math.pi, 2 * math.pi):
        for a in (1.0, math.pi, 2 * math.pi):
            inside, border = properties.steps(790, SPACING, a, 0.0, period)
            worst = max(worst, np.abs(inside - properties.wrapped(a / SPACING, period)).max())
            worst = max(worst, np.abs(border - properties.wrapped(a / SPACING - a, period)).max())
        for a in [1.0, *(quarter * period / 4 for quarter in range(1, 13))]:
            left, right = coordinate(np.array([0.5, -0.5]), a, 0.7)
            goes_on = properties.wrapped(float(left - right), period) < 1e-9
            wrong += goes_on != properties.is_continuous(a, period)
    return float(worst) + wrong


def wrong_bin_counts() -> int:
    """Smallest and largest bins of theta that are not those of the fact sheet."""
    found = {ratio: properties.theta_counts(790, Fraction(ratio)) for ratio in COUNTS}
    return sum(int(found[r].min() != least) + int(found[r].max() != most) for r, (least, most) in COUNTS.items())
