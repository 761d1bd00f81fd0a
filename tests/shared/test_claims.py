"""The ledger's schema, and verdicts against what statistics says of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from repro.claims import Claim, interval, intervals, judge, mean_and_interval, read_claims
from repro.errors import Mistake

ENTRY = {
    "says": "It is so.",
    "figure": "f",
    "source": {"where": "abstract", "read": True},
    "paper_value": None,
    "measure": "a number, one sample a seed",
}


def claim(**more):
    return Claim.model_validate({**ENTRY, **more})


def ledger(tmp_path, text):
    (tmp_path / "x.yml").write_text(text)
    return tmp_path


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=20, unique=True))
def test_interval_is_that_of_the_one_sample_t_test(samples):
    expected = stats.ttest_1samp(samples, 0.0).confidence_interval(0.95)
    assert interval(samples) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("samples", "expect", "verdict"),
    [
        ([1.0, 1.1, 0.9, 1.05], {"at_least": 0.5}, "reproduced"),
        ([1.0, 1.1, 0.9, 1.05], {"at_least": 1.5}, "not reproduced"),
        ([1.0, 1.1, 0.9, 1.05], {"at_least": 1.0}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.05], {"at_most": 1.5}, "reproduced"),
        ([1.0, 1.1, 0.9, 1.05], {"between": [0.8, 1.2]}, "reproduced"),
        ([1.0, 1.1, 0.9, 1.05], {"between": [1.0, 1.2]}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.05], {"equal_within": {"value": 1.0, "within": 0.3}}, "reproduced"),
        ([1.0, 1.1, 0.9, 1.05], {"equal_within": {"value": 3.0, "within": 0.3}}, "not reproduced"),
        ([1.0], {"at_least": 0.5}, "inconclusive"),  # one sample has no interval
        ([2.0, 2.0], {"at_least": 2.0}, "reproduced"),  # the edge belongs to the range
    ],
)
def test_verdict_follows_from_where_the_interval_lies(samples, expect, verdict):
    assert judge("X", claim(expect=expect), samples).verdict == verdict


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.floats(-10, 10))
def test_at_least_mirrors_at_most(samples, edge):
    up = judge("X", claim(expect={"at_least": edge}), samples).verdict
    down = judge("X", claim(expect={"at_most": -edge}), [-v for v in samples]).verdict
    assert up == down


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(5e-11, "reproduced"), (-5e-11, "reproduced"), (2e-10, "not reproduced"), (math.nan, "not reproduced")],
)
def test_an_exact_claim_is_judged_by_its_tolerance(value, verdict):
    assert judge("X", claim(tolerance=1e-10), value).verdict == verdict


def test_one_bad_deviation_among_good_ones_fails_an_exact_claim():
    assert judge("X", claim(tolerance=1e-10), [0.0, math.nan, 0.0]).verdict == "not reproduced"
    assert judge("X", claim(tolerance=1e-10), [0.0, -1.0, 0.0]).value == -1.0


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf]])
def test_a_run_that_failed_is_no_evidence(samples):
    with pytest.raises(Mistake, match="claim X"):
        judge("X", claim(expect={"at_least": 0}), samples)


@pytest.mark.parametrize(
    "entry",
    [
        {},  # neither expect nor tolerance
        {"expect": {"at_least": 0}, "tolerance": 1e-10},
        {"expect": {"at_least": 0, "at_most": 1}},
        {"expect": {}},
        {"tolerance": -1.0},
        {"tolerance": 1e-10, "scales": ["huge"]},
        {"tolerance": 1e-10, "sayz": "misspelt"},
        {"tolerance": 1e-10, "paper_value": 3.0, "source": {"where": "a talk", "read": False}},
    ],
)
def test_a_ledger_entry_outside_the_schema_is_refused(entry):
    with pytest.raises(ValidationError):
        claim(**entry)


def test_a_broken_ledger_names_file_claim_and_field(tmp_path):
    folder = ledger(
        tmp_path, "X-1: {says: a, figure: f, source: {where: b, read: true}, paper_value: null, measure: m}"
    )
    with pytest.raises(Mistake, match=r"x\.yml: claim X-1"):
        read_claims("x", folder)
    with pytest.raises(Mistake, match=r"nowhere\.yml is missing"):
        read_claims("nowhere", folder)


def test_intervals_of_groups_are_those_of_each_and_one_sample_stands_alone():
    groups = [[1.0, 2.0, 4.0], [3.0]]
    middle, low, high = intervals(groups)
    assert (low[0], high[0]) == interval(groups[0])
    assert middle.tolist() == pytest.approx([7 / 3, 3.0])
    assert (low[1], high[1]) == (3.0, 3.0)


def test_a_mean_in_words_has_its_interval():
    # mean 7/3, standard error sqrt(7/9), t(2) = 4.3027
    assert mean_and_interval([1.0, 2.0, 4.0], "+.2f") == "+2.33 [-1.46, +6.13]"
