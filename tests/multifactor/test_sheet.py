"""The note's map against fractions, brute force and the closed forms that follow from it."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import Mistake
from repro.multifactor import sheet_properties as properties
from repro.multifactor.sheet import PERIOD, SPACING, coordinate, exact_residue, index_map, n_columns, residue

K = Fraction(13165, 1000)
INDEX = np.arange(3 * PERIOD)
whole = st.integers(0, 10**6)
coefficient = st.floats(-7, 7).filter(lambda v: v == 0 or abs(v) > 1e-3)


def spelled_out(i, j, k, a, b):
    """The note's four lines in fractions, one pair of indices."""
    x, y = math.floor(i / k + Fraction(1, 2)), math.floor(j / k + Fraction(1, 2))
    across, along = float(i / k - x), float(j / k - y)
    return x, y, a * across + b * across**2, a * along + b * along**2


@given(whole, whole, coefficient, coefficient)
def test_the_map_is_the_four_lines_of_the_note(i, j, a, b):
    found = index_map(i, j, a=a, b=b)
    wanted = spelled_out(i, j, K, a, b)
    assert (int(found.x), int(found.y)) == wanted[:2]
    # i/k up to 1e5 leaves a residue rounded to about 1e-11
    assert (float(found.theta), float(found.phase)) == pytest.approx(wanted[2:], abs=1e-9)


def test_theta_and_phase_share_the_notes_a_and_b_unless_the_phase_has_its_own():
    shared, own = index_map(5, 5, a=2.0, b=1.0), index_map(5, 5, a=2.0, b=1.0, a_phase=4.0, b_phase=0.0)
    assert shared.theta == shared.phase == own.theta
    assert own.phase == pytest.approx(4 * 5 / SPACING, abs=1e-15)


def test_the_integer_form_is_the_fraction():
    column, part = exact_residue(INDEX)
    for i in range(0, len(INDEX), 7):
        r = Fraction(i) / K
        assert column[i] == math.floor(r + Fraction(1, 2))
        assert Fraction(int(part[i]), PERIOD) == r - int(column[i])


def test_floating_and_integer_form_agree():
    column, r = residue(INDEX)
    exact_column, part = exact_residue(INDEX)
    assert np.array_equal(column, exact_column)
    # i/k is at most 600, whose rounding is about 1e-13
    np.testing.assert_allclose(r, part / PERIOD, atol=3e-13)


def test_the_period_is_2633_indices_and_200_columns_and_nothing_less():
    assert properties.period_departures() == 0
    column, part = exact_residue(INDEX)
    # shorter periods would have to divide the prime 2633, so that a residue of 0 comes back at no index before it
    assert np.flatnonzero(part == 0).tolist() == [0, 2633, 5266]
    assert column[2633] == 200
    assert all(PERIOD % divisor for divisor in range(2, 52))


@pytest.mark.parametrize("periods", [1, 3])
def test_a_broken_integer_form_is_seen(monkeypatch, periods):
    monkeypatch.setattr(
        properties, "exact_residue", lambda i: ((400 * i) // 5266, 200 * i - 2633 * ((400 * i) // 5266))
    )
    assert properties.period_departures(periods) > 0


def test_residues_stay_within_half_a_column_and_never_tie():
    part = exact_residue(INDEX)[1]
    assert 2 * abs(part).max() == PERIOD - 1


def test_79_indices_are_nearly_6_columns():
    assert properties.slip(79, 6) == Fraction(2, 2633)
    assert float(properties.slip(79, 6)) == pytest.approx(7.6e-4, abs=5e-6)  # the fact sheet has two digits
    assert properties.continued_fraction(K) == [13, 6, 16, 2]
    # the best that fewer indices do
    assert min(properties.slip(i, round(i / K)) for i in range(1, 79)) > properties.slip(79, 6)


@given(st.fractions(min_value=0, max_value=100, max_denominator=500))
def test_a_continued_fraction_gives_its_fraction_back(value):
    terms = properties.continued_fraction(value)
    back = Fraction(terms[-1])
    for term in terms[-2::-1]:
        back = term + 1 / back
    assert back == value


def test_full_columns_hold_13_or_14_indices_and_the_first_holds_7():
    sizes = properties.column_sizes(10 * PERIOD)[:-1]  # the last one is cut
    assert sizes[0] == 7
    assert set(sizes[1:].tolist()) == {13, 14}
    assert sizes[1 : 1 + 200].sum() == PERIOD


def test_the_number_of_columns_is_the_formula_on_every_side_of_a_period():
    assert properties.wrong_column_counts() == 0
    assert (n_columns(1), n_columns(27), n_columns(79)) == (1, 3, 7)


@given(st.integers(1, 400), st.floats(0.5, 60))
def test_the_number_of_columns_is_the_number_of_different_columns(n, k):
    assert n_columns(n, k) >= len(np.unique(residue(np.arange(n), k)[0]))
    assert n_columns(n, k) == residue(np.arange(n), k)[0][-1] + 1


def test_the_code_is_a_product_and_fills_a_column_with_all_pairs():
    i, j = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    x, y, theta, phase = index_map(i, j, b=0.7)
    assert np.all(theta == theta[:, :1])
    assert np.all(phase == phase[:1])
    one = (x == 1) & (y == 2)
    pairs = set(zip(theta[one], phase[one], strict=True))
    assert len(pairs) == len(set(theta[one])) * len(set(phase[one])) == one.sum()
    assert one.sum() in {169, 182, 196}


def test_the_sheet_has_no_pinwheel():
    # around a singularity theta would turn by a multiple of π along a closed path; here it comes back
    i, j = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    theta = index_map(i, j).theta
    loops = [theta[:-1, :-1], theta[1:, :-1], theta[1:, 1:], theta[:-1, 1:], theta[:-1, :-1]]
    turns = sum(np.mod(after - before + np.pi / 2, np.pi) - np.pi / 2 for before, after in pairwise(loops))
    np.testing.assert_allclose(turns, 0, atol=1e-12)


@given(coefficient, coefficient)
def test_theta_grows_by_a_over_a_column_whatever_b_is(a, b):
    ends = coordinate(np.array([-0.5, 0.5]), a, b)
    assert ends[1] - ends[0] == pytest.approx(a, abs=1e-12)
    np.testing.assert_allclose(ends, [-a / 2 + b / 4, a / 2 + b / 4], atol=1e-12)


@given(coefficient, coefficient)
def test_a_column_is_injective_exactly_for_b_up_to_a(a, b):
    if abs(abs(b) - abs(a)) < 0.02 and abs(b) != abs(a):
        return  # a grid of residues doesn't resolve a turn this near to the end
    steps = np.diff(coordinate(np.linspace(-0.5, 0.5, 2001), a, b))
    monotone = bool(np.all(steps > 0) or np.all(steps < 0))
    assert properties.is_injective(a, b) == monotone


@given(coefficient, coefficient)
def test_the_range_of_theta_is_its_closed_form(a, b):
    theta = coordinate(np.linspace(-0.5, 0.5, 4001), a, b)
    low, high = properties.theta_range(a, b)
    # a vertex between two of the residues is missed by at most |b|/8000²
    assert (theta.min(), theta.max()) == pytest.approx((low, high), abs=2e-7)


@pytest.mark.parametrize(
    ("a", "period", "goes_on"),
    [
        (1, math.pi, False),
        (math.pi, math.pi, True),
        (2 * math.pi, math.pi, True),
        (math.pi, 2 * math.pi, False),
        (2 * math.pi, 2 * math.pi, True),
        (1, 1, True),
    ],
)
def test_orientation_goes_on_across_borders_exactly_where_a_is_a_multiple_of_its_period(a, period, goes_on):
    assert properties.is_continuous(a, period) == goes_on
    # just left and right of the border between two columns
    left, right = coordinate(np.array([0.5 - 1e-9, -0.5 + 1e-9]), a, 0.4)
    jump = properties.wrapped(float(left - right), period)
    assert (jump < 1e-7) == goes_on
    assert jump == pytest.approx(properties.wrapped(a, period), abs=1e-7)


def test_steps_at_borders_have_the_values_of_the_fact_sheet():
    inside, border = properties.steps(790, SPACING, 1.0, 0.0, 100.0)
    np.testing.assert_allclose(inside, 1 / SPACING, atol=1e-12)
    np.testing.assert_allclose(border, 1 - 1 / SPACING, atol=1e-12)
    assert round(1 - 1 / SPACING, 2) == 0.92
    for part in properties.steps(790, SPACING, math.pi, 0.0, math.pi):
        np.testing.assert_allclose(part, math.pi / SPACING, atol=1e-12)
    assert round(math.pi / SPACING, 3) == 0.239


@pytest.mark.parametrize(("ratio", "least", "most"), [("0", 40, 48), ("1/2", 30, 70), ("1", 23, 144), ("3/2", 17, 297)])
def test_bins_of_theta_hold_what_the_fact_sheet_counts(ratio, least, most):
    counts = properties.theta_counts(790, Fraction(ratio))
    assert (counts.min(), counts.max()) == (least, most)
    assert counts.sum() == 790


@pytest.mark.parametrize("ratio", ["0", "1/2", "1"])
def test_counts_in_integers_are_those_of_floating_angles_away_from_edges(ratio):
    theta = index_map(np.arange(790), 0, b=float(Fraction(ratio)) * math.pi).theta
    floating = np.histogram(np.mod(theta, math.pi), bins=18, range=(0, math.pi))[0]
    # an angle of exactly 0 may fall to either side
    assert np.abs(floating - properties.theta_counts(790, Fraction(ratio))).sum() <= 2 * (790 // PERIOD + 1)


@pytest.mark.parametrize("ratio", ["1/2", "3/4", "3/2"])
def test_density_is_what_a_whole_period_counts(ratio):
    b = float(Fraction(ratio)) * math.pi
    counts = properties.theta_counts(PERIOD, Fraction(ratio), bins=12)
    edges = np.linspace(0, math.pi, 12 * 400 + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    expected = properties.theta_density(middle, math.pi, b).reshape(12, 400).mean(1) * math.pi / 12
    assert expected.sum() == pytest.approx(1, abs=0.02)  # the square root at a turn is summed on a grid
    np.testing.assert_allclose(counts / PERIOD, expected, atol=0.012)


@pytest.mark.parametrize("k", [0.0, -1.0, math.inf, math.nan])
def test_a_wrong_k_is_refused_in_one_line(k):
    for call in (lambda: index_map(0, 0, k), lambda: n_columns(5, k)):
        with pytest.raises(Mistake, match=r"^k is .* must be finite and larger than 0") as told:
            call()
        assert "\n" not in str(told.value)


def test_wrong_indices_and_coefficients_are_refused():
    with pytest.raises(Mistake, match=r"^i has the index -1; indices are whole"):
        index_map([0, -1], 0)
    with pytest.raises(Mistake, match=r"^j has the index 0.5"):
        index_map(0, 0.5)
    with pytest.raises(Mistake, match=r"^j has the index nan"):
        index_map(0, math.nan)
    with pytest.raises(Mistake, match=r"^b is inf"):
        index_map(0, 0, b=math.inf)
    with pytest.raises(Mistake, match=r"^n is 0"):
        n_columns(0)
