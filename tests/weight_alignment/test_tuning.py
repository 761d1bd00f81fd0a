"""Every rule is tuned with the same budget, by rate and gain, on validation data alone."""

from dataclasses import replace
from itertools import chain, combinations

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.weight_alignment.learners import Examples, Schedule, Shape
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.rules import PRIMITIVES
from repro.weight_alignment.search_space import FAMILIES, GROWTH, RANGES, SHRINK, Family, learner, suggest
from repro.weight_alignment.tuning import Budget, Search, tune

SHAPE = Shape(4, (6, 6), 3)
PLAN = Schedule(epochs=2, batch=8)
SETS = list(chain.from_iterable(combinations(PRIMITIVES, size) for size in range(6)))


def task(seed, samples=48):
    random = np.random.default_rng(seed)
    labels = np.arange(samples) % 3
    return Examples(np.eye(4)[labels] * 3 + random.standard_normal((samples, 4)), labels)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SETS), st.integers(0, 10_000), st.booleans())
def test_a_point_means_total_rate_gain_and_ratios(primitives, seed, follows):
    family = Family("any", primitives, follows=follows and primitives == ("decay",))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    point = suggest(study.ask(), family)
    made = learner(family, point, seed=7, momentum=0.5)
    assert (made.seed, made.momentum, made.rate) == (7, 0.5, point["rate"])
    assert made.centre_input == point.get("centre", False)
    for name in PRIMITIVES:
        assert (getattr(made.rule, name) > 0) == (name in primitives)
    growth, shrink = (sum(getattr(made.rule, name) for name in side) for side in (GROWTH, SHRINK))
    if growth and shrink:
        assert growth / shrink == pytest.approx(point["gain"])
    if not primitives:
        return
    if made.feedback_adam:
        assert growth + shrink == pytest.approx(1)
        assert RANGES["adam_rate"][0] <= made.feedback_rate <= RANGES["adam_rate"][1]
    else:
        assert (shrink or growth) == pytest.approx(point["feedback_rate"])
        assert made.feedback_rate == 1
    if {"null", "decay"} <= set(primitives):
        assert made.rule.null / made.rule.decay == pytest.approx(point["ratio_null"])
    if {"amp", "self_weight"} <= set(primitives):
        assert made.rule.self_weight / made.rule.amp == pytest.approx(point["ratio_self_weight"])


def test_kolen_pollack_decays_its_weights_as_fast_as_its_feedback():
    made = learner(FAMILIES["KP"], {"rate": 0.05, "optimiser": "descent", "feedback_rate": 0.01})
    assert made.rule.follows_weight_gradient
    assert made.rate * made.weight_decay == pytest.approx(made.rule.decay * made.feedback_rate)


def test_every_rule_gets_the_same_budget_and_the_search_can_be_repeated():
    budget = Budget(trials=4, sampler_seeds=(0, 1), network_seeds=(0, 1), startup=2)
    chosen = [FAMILIES[name] for name in ("BP", "FA", "IA", "KP")]
    found, again = (tune(chosen, SHAPE, task(0), task(1), PLAN, budget, momentum=0.5) for _ in range(2))
    assert (found.trials.groupby("rule").size() == 8).all()
    pd.testing.assert_frame_equal(found.trials, again.trials)
    for rule in ("BP", "FA"):  # the same sampler seed asks the same rates of rules with the same space, until it models
        rates = found.trials[(found.trials.rule == rule) & (found.trials.trial < 2)]["rate"]
        assert rates.tolist() == found.trials[(found.trials.rule == "BP") & (found.trials.trial < 2)]["rate"].tolist()


def test_the_score_is_mean_minus_spread_over_the_networks_on_the_validation_data():
    budget = Budget(trials=3, network_seeds=(5, 6, 8))
    found = tune([FAMILIES["WM"]], SHAPE, task(0), task(1), PLAN, budget)
    for _, row in found.trials.iterrows():
        point = found.parameters["WM", 0, int(row.trial)]
        learners = [learner(FAMILIES["WM"], point, seed=seed) for seed in budget.network_seeds]
        accuracy = train(learners, SHAPE, task(0), task(1), PLAN).final
        assert row.score == pytest.approx(accuracy.mean() - accuracy.std(ddof=1))
    best = found.trials.loc[found.trials.score.idxmax()]
    assert found.best("WM", seed=3).rate == best.rate


def test_divergence_counts_as_chance():
    wild = Examples(task(0).inputs * 1e30, task(0).labels)
    found = tune([FAMILIES["AA"]], SHAPE, wild, wild, PLAN, Budget(trials=2, network_seeds=(0, 1)), batch_norm=False)
    assert (found.trials.diverged == 2).all()
    assert found.trials["mean"].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_random_search_draws_from_the_same_ranges():
    budget = Budget(trials=40, network_seeds=(0, 1), sampler="random")
    found = tune([FAMILIES["SA"]], SHAPE, task(0, 24), task(1, 24), Schedule(epochs=1, batch=8), budget)
    low, high = np.log(RANGES["rate"])
    # the mean of 40 uniform draws lies within four of its standard errors
    assert abs(np.log(found.trials.rate).mean() - (low + high) / 2) < 4 * (high - low) / np.sqrt(12 * 40)
    assert found.trials.optimiser.nunique() == 2
    other = tune([FAMILIES["SA"]], SHAPE, task(0), task(1), PLAN, replace(budget, trials=1, sampler_seeds=(1,)))
    assert other.trials.rate[0] != found.trials.rate[0]


def test_shares_and_best_so_far_are_read_from_the_trials():
    rows = {"rule": ["BP"] * 4, "sampler_seed": [0, 0, 1, 1], "trial": [0, 1, 0, 1]}
    scores = pd.DataFrame(rows | {"score": [0.5, 0.4, 0.2, 0.6], "mean": [0.9, 0.81, 0.5, 0.82]})
    points = {("BP", seed, trial): {"rate": 0.1 + seed + 0.5 * trial} for seed in (0, 1) for trial in (0, 1)}
    search = Search(scores, points, dict(FAMILIES), Budget(trials=2))
    assert [search.best("BP", seed).rate for seed in (None, 0, 1)] == [1.6, 0.1, 1.6]
    assert search.share_within(0.9).share.tolist() == [1.0, 0.5]
    assert search.best_so_far().best.tolist() == [0.5, 0.5, 0.2, 0.6]
    with pytest.raises(ValueError, match="no trials of 'B'"):
        search.best("B")


def test_tuning_leaves_the_log_as_it_was():
    before = optuna.logging.INFO
    optuna.logging.set_verbosity(before)
    tune([FAMILIES["BP"]], SHAPE, task(0), task(1), PLAN, Budget(trials=1, network_seeds=(0, 1)))
    assert optuna.logging.get_verbosity() == before


def test_a_budget_and_a_family_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="0 trials"):
        Budget(trials=0)
    with pytest.raises(ValueError, match="two or more"):
        Budget(trials=1, network_seeds=(1,))
    with pytest.raises(ValueError, match="'self' is not a primitive"):
        Family("any", ("self",))


def test_the_sampler_is_told_the_score_that_counts(monkeypatch):
    told = []
    tell = optuna.Study.tell
    monkeypatch.setattr(
        optuna.Study, "tell", lambda study, trial, value: (told.append(value), tell(study, trial, value))
    )
    budget = Budget(trials=3, sampler_seeds=(0,), network_seeds=(0, 1, 2), startup=2)
    found = tune([FAMILIES["SA"]], SHAPE, task(0), task(1), PLAN, budget)
    assert told == pytest.approx(found.trials["mean"] - found.trials.sd)
    assert (found.trials.sd > 0).any()  # else the score would be the mean
