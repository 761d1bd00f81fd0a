"""Measures of counts and weights: closed forms, scikit-learn and numpy, and what chance alone gives."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.feature_selection import f_classif

from repro.convallis.measures import (
    d_prime,
    eta_squared,
    eta_squared_by_chance,
    filter_correlation,
    mean_difference,
    pair_correlation,
    paired_differences,
    silent,
)
from repro.errors import Mistake

DIGITS = np.repeat([4, 5, 9], [10, 14, 6])


def poisson(*batch, cells=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(3 + (DIGITS[:, None] == 5) * np.arange(cells), (*batch, len(DIGITS), cells))


def test_eta_squared_is_that_of_an_analysis_of_variance():
    counts = poisson()
    f, _ = f_classif(counts, DIGITS)
    between, within = 2, len(DIGITS) - 3  # degrees of freedom
    assert eta_squared(counts, DIGITS) == pytest.approx(f * between / (f * between + within), rel=1e-12)


def test_eta_squared_is_one_for_a_digits_own_count_and_nothing_for_a_silent_cell():
    counts = np.stack([DIGITS, np.zeros_like(DIGITS), np.full_like(DIGITS, 3)], axis=1)
    assert eta_squared(counts, DIGITS) == pytest.approx([1, 0, 0], abs=1e-12)
    assert silent(counts).tolist() == [False, True, False]


@given(st.integers(0, 1000), st.floats(0.1, 50), st.floats(-20, 20))
def test_eta_squared_depends_on_neither_unit_nor_origin(seed, unit, origin):
    counts = poisson(seed=seed)
    assert eta_squared(unit * counts + origin, DIGITS) == pytest.approx(eta_squared(counts, DIGITS), abs=1e-9)


def test_eta_squared_by_chance_is_that_of_shuffled_digits():
    rng = np.random.default_rng(3)
    counts = rng.poisson(4.0, (len(DIGITS), 1))
    shuffled = np.array([eta_squared(counts, rng.permutation(DIGITS))[0] for _ in range(2000)])
    # the mean over permutations is exact; four standard errors of 2,000 of them
    assert shuffled.mean() == pytest.approx(eta_squared_by_chance(len(DIGITS), 3), abs=4 * shuffled.std() / 2000**0.5)


def test_d_prime_is_the_distance_of_two_gaussians_in_their_common_spread():
    rng = np.random.default_rng(0)
    n = 20_000
    digits = np.repeat([4, 5], n)
    values = rng.normal(0, [[1.0], [2.0]], (2, n)).reshape(-1, 1) + 3.0 * (digits == 5)[:, None]
    expected = 3 / np.sqrt((1 + 4) / 2)
    # its standard error is about sqrt(2 / n (1 + d'^2 / 4)), here below 0.02
    assert d_prime(values, digits, 5, 4)[0] == pytest.approx(expected, abs=0.06)
    assert d_prime(values, digits, 4, 5) == pytest.approx(-d_prime(values, digits, 5, 4))


def test_d_prime_by_hand_and_of_cells_without_spread():
    digits = np.array([4, 4, 5, 5, 9])
    counts = np.array([[1, 0, 2], [3, 0, 2], [5, 0, 7], [7, 0, 7], [100, 0, 50]])
    # means 2 and 6, both variances 2
    assert d_prime(counts, digits, 5, 4)[:2] == pytest.approx([4 / np.sqrt(2), 0])
    assert d_prime(counts, digits, 5, 4)[2] == np.inf
    assert d_prime(counts, digits, 4, 5)[2] == -np.inf
    with pytest.raises(Mistake, match="digit 9 has 1 trials"):
        d_prime(counts, digits, 4, 9)


def test_pair_correlation_is_the_mean_over_pairs_of_cells_that_vary():
    counts = poisson(cells=5).astype(float)
    all_pairs = np.corrcoef(counts.T)[np.triu_indices(5, 1)]
    assert pair_correlation(counts) == pytest.approx(all_pairs.mean(), rel=1e-12)
    with_silent = np.hstack([counts, np.zeros((len(counts), 2))])
    assert pair_correlation(with_silent) == pytest.approx(all_pairs.mean(), rel=1e-12)
    assert np.isnan(pair_correlation(counts[:, :1]))


def test_noise_correlation_leaves_out_what_digits_share():
    rng = np.random.default_rng(1)
    digits = np.tile(np.arange(4), 2500)
    tuned = 10.0 * digits[:, None] + rng.standard_normal((10_000, 6))
    assert pair_correlation(tuned) > 0.95
    # 15 pairs, each with a standard error of 1/100; by themselves they average closer to 0 still
    assert abs(pair_correlation(tuned, digits)) < 0.02
    exact = np.repeat(digits[:, None], 3, axis=1) * 0.1  # nothing is left of it
    assert np.isnan(pair_correlation(exact, digits))


def test_batches_are_measured_one_by_one():
    counts = poisson(2, 3)
    weights = np.random.default_rng(0).random((2, 3, 11, 7))
    reference = np.random.default_rng(1).random(11)
    for a in range(2):
        for b in range(3):
            assert np.allclose(eta_squared(counts, DIGITS)[a, b], eta_squared(counts[a, b], DIGITS))
            assert np.allclose(d_prime(counts, DIGITS, 4, 5)[a, b], d_prime(counts[a, b], DIGITS, 4, 5))
            assert np.allclose(pair_correlation(counts, DIGITS)[a, b], pair_correlation(counts[a, b], DIGITS))
            one = filter_correlation(weights[a, b], reference)
            assert np.allclose(filter_correlation(weights, reference)[a, b], one)


def test_measures_leave_the_counts_as_they_were():
    counts = poisson().astype(float)
    before = counts.copy()
    pair_correlation(counts, DIGITS)
    eta_squared(counts, DIGITS)
    assert np.array_equal(counts, before)


def test_filter_correlation_is_pearsons():
    weights = np.random.default_rng(0).random((30, 4))
    weights[:, 3] = 0.5
    reference = np.random.default_rng(1).standard_normal(30)
    expected = [stats.pearsonr(weights[:, k], reference).statistic for k in range(3)]
    assert filter_correlation(weights, reference) == pytest.approx([*expected, 0.0], abs=1e-12)
    with pytest.raises(Mistake, match="the reference is 1 at every input"):
        filter_correlation(weights, np.ones(30))


def test_the_mean_difference_is_of_means_of_digits():
    inputs = np.array([[1.0, 2.0], [3.0, 2.0], [10.0, 0.0], [50.0, 50.0]])
    assert mean_difference(inputs, np.array([4, 4, 5, 9]), 5, 4) == pytest.approx([8, -2])
    with pytest.raises(Mistake, match="digit 7 has no trial"):
        mean_difference(inputs, np.array([4, 4, 5, 9]), 7, 4)


def test_one_digit_has_nothing_to_explain():
    with pytest.raises(Mistake, match=r"the digits are \[4\]"):
        eta_squared(np.ones((3, 2)), np.array([4, 4, 4]))


# --- differences in pairs -----------------------------------------------------------------------------------------


def rows():
    made = [
        {"rule": rule, "seed": seed, "speaker": who, "accuracy": base + seed + 10 * len(who)}
        for rule, base in (("valley", 0.5), ("none", 0.25))
        for seed in (0, 1)
        for who in ("theo", "al")
    ]
    made[0]["accuracy"] += 1  # valley, seed 0, theo
    return pd.DataFrame(made).sample(frac=1, random_state=0)


def test_differences_are_taken_within_pairs_whatever_the_order_of_rows():
    found = paired_differences(rows(), "accuracy", "rule", "valley", "none")
    assert found.to_dict() == {(0, "theo"): 1.25, (0, "al"): 0.25, (1, "theo"): 0.25, (1, "al"): 0.25}
    by_speaker = paired_differences(rows(), "accuracy", "rule", "valley", "none", over=("seed",))
    assert by_speaker.to_dict() == {"al": 0.25, "theo": 0.75}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (rows().query("rule != 'none'"), "rule 'none' has no row"),
        (pd.concat([rows(), rows()]), "two rows of one seed and speaker"),
        (
            rows().query("rule != 'none' or seed != 1 or speaker != 'al'"),
            "seed 1, speaker al is only on one side",
        ),
    ],
)
def test_pairs_that_are_not_pairs_are_refused(table, says):
    with pytest.raises(Mistake, match=says):
        paired_differences(table, "accuracy", "rule", "valley", "none")
