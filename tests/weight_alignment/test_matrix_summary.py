"""Summaries of small hand-made tables, whose answers can be seen."""

import numpy as np
import pandas as pd
import pytest

from repro.weight_alignment import matrix_summary as summary

TRIALS = pd.DataFrame(
    [
        # arm, sampler, seed, set, trial, score, mean, diverged, angle, gain
        ("free", "tpe", 0, "amp", 0, 0.50, 0.55, 0, 60, 0.1),
        ("free", "tpe", 0, "amp", 1, 0.80, 0.85, 0, 50, 0.2),
        ("free", "tpe", 0, "amp", 2, 0.70, 0.90, 0, 40, 0.3),
        ("free", "tpe", 0, "self", 0, 0.90, 0.92, 0, 10, 0.0),
        ("free", "tpe", 0, "self", 1, 0.40, 0.50, 0, 90, 0.0),
        ("free", "random", 0, "amp", 0, 0.60, 0.65, 1, 70, np.nan),
        ("free", "random", 0, "amp", 1, 0.75, 0.80, 0, 55, 2.0),
        ("free", "random", 0, "self", 0, 0.85, 0.90, 0, 20, -1.0),
        ("free", "random", 0, "self", 1, 0.20, 0.30, 0, 95, -2.0),
        ("free", "random", 0, "BP", 0, 0.95, 1.00, 0, 0, 0.0),
    ],
    columns=["arm", "sampler", "sampler_seed", "set", "trial", "score", "mean", "diverged", "angle", "gain"],
).assign(p_optimiser="descent", p_feedback_rate=[1, 1, 1, 1, 1, 1, 0.5, 0.1, 0.9, 1], p_rate=0.1)


def networks(condition, arm, values):
    """Two networks of each set."""
    rows = [(condition, arm, name, 0, seed, a) for name, pair in values.items() for seed, a in enumerate(pair)]
    return pd.DataFrame(rows, columns=["condition", "arm", "set", "sampler_seed", "seed", "accuracy"])


FINAL = pd.concat(
    [
        networks("test", "free", {"amp": (80, 90), "self": (94, 96)}),
        networks("test", "rescaled", {"amp": (90, 90), "self": (99, 99)}),
        networks("deeper", "free", {"amp": (60, 70), "self": (94, 96)}),
        networks("validation", "free", {"amp": (80, 82), "self": (90, 92)}),
    ]
)


def test_accuracy_is_the_mean_over_networks_and_arms():
    assert summary.by_set(FINAL, "test", ["free"]).loc[0].to_dict() == {"amp": 85, "self": 95}
    assert summary.by_set(FINAL, "test", ["free", "rescaled"]).loc[0].to_dict() == {"amp": 87.5, "self": 97}


def test_what_is_lost_is_test_minus_there():
    assert summary.lost(FINAL, "deeper", ["free"]).loc[0].to_dict() == {"amp": 20, "self": 0}


def test_the_best_set_is_picked_by_validation_score_not_by_test_accuracy():
    assert summary.best_by_validation(TRIALS, "free", ["amp", "self"]) == {0: "self"}
    lucky = TRIALS.copy()
    lucky.loc[6, "score"] = 0.99  # a random trial of amp, which is not the search's
    assert summary.best_by_validation(lucky, "free", ["amp", "self"]) == {0: "self"}
    swapped = TRIALS.assign(score=TRIALS.score.where(TRIALS["set"] != "self", 0.0))
    assert summary.accuracy_of_best(swapped, FINAL, ["free"], ["amp", "self"]).to_dict() == {0: 85}


def test_the_best_so_far_never_falls_and_keeps_to_its_search():
    best = summary.best_so_far(TRIALS).set_index(["sampler", "set", "trial"]).best
    assert best["tpe", "amp"].tolist() == [0.5, 0.8, 0.8]
    assert best["random", "amp"].tolist() == [0.6, 0.75]


def test_the_share_is_of_random_trials_and_relative_to_backprop():
    # backprop's best mean is 1.00, so the bar is 0.9: one of two trials of self reaches it, none of amp
    assert summary.share_within(TRIALS, ["free"]).loc[0].to_dict() == {"amp": 0, "self": 50, "BP": 100}


def test_the_promise_is_the_mean_of_the_trial_with_the_best_score():
    # amp: trial 1 has the best score; its mean of 85 % against 81 %
    gap = summary.promise_gap(TRIALS, FINAL, ["free"]).loc[0]
    assert gap.to_dict() == pytest.approx({"amp": 4, "self": 1})


def test_the_gain_of_the_search_is_over_random_trials():
    gain = summary.search_gain(TRIALS, ["free"]).loc[0]
    assert gain[["amp", "self"]].tolist() == pytest.approx([5, 5])


def test_a_lost_trial_counts_as_grown_in_the_median():
    assert summary.median_gain(TRIALS).to_dict() == {"amp": 2.5, "self": -1.5}


def test_plain_trials_are_random_ones_of_sets_without_adam_and_frozen_feedback():
    changed = TRIALS.copy()
    changed.loc[6, "p_optimiser"] = "adam"
    changed.loc[7, ["set", "p_optimiser"]] = ["none", None]  # frozen feedback has no optimiser
    assert summary.plain(changed, "free").index.tolist() == [5, 7, 8]


def test_centring_compares_best_with_best():
    trials = TRIALS.assign(p_centre=[None] * 5 + [True, False, None, None, None])
    assert summary.centring_gain(trials, "free", ["amp"]).to_dict() == pytest.approx({0: -15})


def test_predictors_leave_out_references_and_lost_networks():
    # three trials are left: means .80, .90, .30; angles 55, 20, 95; |gains| 2, 1, 2; lags 2, 10, 1/.9
    found = summary.predictors(TRIALS, "free").loc[0]
    assert found.angle == pytest.approx(-1)
    assert found.lag == pytest.approx(1)
    assert found.gain == pytest.approx(-np.sqrt(3) / 2)  # ranks 2, 3, 1 and 2.5, 1, 2.5
    assert np.isnan(summary.predictors(TRIALS.assign(arm="rescaled"), "rescaled").loc[0].gain)


def test_ranks_are_compared_over_the_sets_that_are_asked_for():
    first = pd.DataFrame({"amp": [1.0], "self": [2.0], "null": [3.0]})
    assert summary.rank_over_sets(first, -first, ["amp", "self", "null"]).tolist() == [-1]
