"""Criteria, points left out and differences of E against closed forms of linear least squares and of Gaussian noise."""

import numpy as np
import pytest
from scipy.optimize import nnls

from repro.spike_triplets import comparison, traps, windows
from repro.spike_triplets.datasets import load
from repro.spike_triplets.events import Events, trace_sums
from repro.spike_triplets.fitting import error
from repro.spike_triplets.parameter_sets import published_sets
from repro.spike_triplets.rules import PairSTDP

MEASURED = np.array([[16.8, 33.7, 100.0, 100.0]])


def weighted(dataset, nearest=False, taus=MEASURED):
    """Design matrix and target of pair STDP in units of SEM."""
    data = load(dataset)
    sums = trace_sums(Events.of(data.protocols), taus, nearest)[0][:, [0, 2]]
    return sums / data.sem[:, None], data.change / data.sem


def test_points_left_out_are_predicted_as_the_hat_matrix_says():
    # both amplitudes stay positive in every refit, so each is plain least squares: residual / (1 - leverage)
    design, target = weighted("wang2005")
    contender = comparison.fitted("pair-all", "wang2005", 0)
    hat = design @ np.linalg.pinv(design)
    expected = (hat @ target - target) / (1 - np.diag(hat))
    found = (contender.left_out - contender.dataset.change) / contender.dataset.sem
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_group_left_out_is_not_seen():
    contender = comparison.fitted("pair-all", "wang2005", 0)
    design, target = weighted("wang2005")
    out = contender.dataset.in_group("post-pre-post")
    amplitudes, _ = nnls(design[~out], target[~out])
    expected = (design[out] @ amplitudes) * contender.dataset.sem[out]
    assert contender.left_group[out] == pytest.approx(expected, rel=1e-9)
    assert comparison.fitted("pair-all", "sjostrom2001", 0).left_group is None  # two groups are too few


def test_criteria_are_those_of_gaussian_errors():
    contender = comparison.fitted("triplet3-all", "sjostrom2001", 0, pool=16, starts=1, refit_starts=1)
    chi_square = np.sum(contender.misses**2)
    assert contender.error == pytest.approx(chi_square / 10)
    assert contender.aic == pytest.approx(chi_square + 6)
    assert contender.aicc == pytest.approx(chi_square + 6 + 24 / 6)
    assert contender.bic == pytest.approx(chi_square + 3 * np.log(10))
    assert comparison.aicc(1.0, 6, 10) - 13.0 == pytest.approx(28.0)  # six parameters on ten points
    assert comparison.aicc(1.0, 9, 10) == np.inf


def test_a_difference_of_errors_has_the_mean_and_spread_of_its_closed_form():
    data = load("wang2005")
    better, worse = comparison.fixed("a", PairSTDP(0.01, 0.005), data), comparison.null(data)
    n = 4000
    row = comparison.bootstrap_differences([better], worse, n, seed=0).iloc[0]
    # the noise enters a difference only through -2 noise (a - b)
    spread = 2 * np.sqrt(np.sum((better.misses - worse.misses) ** 2)) / len(data)
    assert row.difference == pytest.approx(better.error - worse.error, abs=4 * spread / np.sqrt(n))
    assert row.high - row.low == pytest.approx(2 * 1.96 * spread, rel=0.08)  # quantiles of 4,000 draws: 2 % each


def test_of_each_kind_the_cheapest_is_kept():
    found = [comparison.null("wang2005"), *(comparison.fitted(f"pair-{s}", "wang2005", 0) for s in ("nearest", "all"))]
    assert [c.name for c in comparison.best_of_each_kind(found)] == ["null", "pair-all"]
    assert comparison.best_pair("wang2005").name == "pair-all"


def test_the_table_has_a_row_a_rule_and_reads_its_error():
    table = comparison.table([comparison.null("wang2005"), comparison.best_pair("wang2005")])
    assert table.rule.tolist() == ["null", "pair-all"]
    assert table.reading.tolist() == ["misses", "misses"]
    assert [comparison.reading(e) for e in (1.0, 1.1, 4.0, 4.1)] == ["within error", "partly", "partly", "misses"]


def test_a_rule_that_predicts_no_number_is_named():
    class Broken:
        def weight_change(self, pre, post):
            return float("nan")

    with pytest.raises(ValueError, match=r"mine predicts nan for '\+10 ms' of wang2005"):
        comparison.fixed("mine", Broken(), "wang2005")


@pytest.mark.parametrize("scheme", ["all-to-all", "nearest"])
def test_the_bound_over_windows_is_that_of_a_general_solver(scheme):
    grid = np.random.default_rng(0).uniform(1, 300, (25, 2))
    errors, amplitudes = windows.pair_errors("wang2005", grid, scheme)
    free, _ = windows.pair_errors("wang2005", grid, scheme, any_sign=True)
    for window, found, chosen, lower in zip(grid, errors, amplitudes, free, strict=True):
        design, target = weighted("wang2005", scheme == "nearest", np.array([[*window, 100.0, 100.0]]))
        best, rest = nnls(design, target)
        assert found == pytest.approx(rest**2 / len(target), rel=1e-9)
        assert chosen == pytest.approx(best, rel=1e-6, abs=1e-12)
        residual = np.linalg.lstsq(design, target, rcond=None)[1]
        assert lower == pytest.approx(residual[0] / len(target), rel=1e-9)
    assert (free <= errors + 1e-12).all()


def test_the_freed_rule_has_the_error_it_is_said_to_have():
    rule, least = windows.freed_pair_rule("sjostrom2001", np.geomspace(1, 1000, 7), "all-to-all")
    assert error(rule, "sjostrom2001") == pytest.approx(least, rel=1e-9)
    assert least <= windows.pair_errors("sjostrom2001", np.array([[1.0, 1.0]]), "all-to-all")[0][0]


def test_random_pair_rules_cannot_tell_triplets_apart():
    assert windows.largest_triplet_difference(5, seed=0) < 1e-12
    assert windows.largest_triplet_difference(5, seed=0, timings=(3.0, 20.0)) < 1e-12


def test_sixty_pairs_in_one_burst_are_contiguous_pairs():
    data, sets = load("sjostrom2001"), published_sets("visual")
    by_size = traps.errors_by_burst(sets, data, (60,))
    by_protocol = traps.errors_by_protocol(sets, data)
    assert by_size.loc[60].to_numpy() == pytest.approx(by_protocol[traps.CONTIGUOUS].to_numpy(), rel=1e-9)
    assert list(by_protocol.columns) == [traps.CONTIGUOUS, traps.MATCHED, traps.AS_MEASURED]


def test_a_refit_is_under_the_protocol_of_its_column():
    data = load("sjostrom2001")
    found = traps.refitted_by_protocol(["pair-all"], data, seed=0, pool=4, starts=1)
    assert found.loc["pair-all", traps.MATCHED] == pytest.approx(
        comparison.fitted("pair-all", data.under_bursts(repetitions=12), 0).error, rel=1e-9
    )
