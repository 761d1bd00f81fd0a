"""Experiments: nothing of the tested speaker is used, parts of the rule can be left out, chunks change nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from repro.convallis import Cell, Learning, Valley, confluence, feedforward, stored
from repro.convallis import experiments_cell as inside
from repro.convallis import experiments_digits as spoken
from repro.convallis import experiments_groups as toy
from repro.convallis import experiments_recurrent as recurrent
from repro.convallis.contestants import Population, Setting, Units
from repro.convallis.hearing import order, settle, splits, trials
from repro.errors import Mistake
from repro.speech import load_clips, load_cochleograms
from repro.spike_triplets import ValleyRule
from repro.spike_triplets.datasets import load
from repro.spike_triplets.rules import weight_changes

PLAN = spoken.Plan(Population(3), seeds=(0, 1), most=8, tuning_neurons=2, tuning_most=6, validation_most=4, repeats=2)


@pytest.fixture(scope="module")
def heard():
    return load_cochleograms(load_clips("synthetic").where(digits=(4, 5)))


@pytest.fixture(scope="module")
def split(heard):
    return splits(heard)[1]


def test_a_speaker_left_out_is_in_no_other_part(heard):
    for each in splits(heard):
        assert set(each.test.speakers) == {each.tested}
        assert set(each.validation.speakers) == {each.chosen_on} != {each.tested}
        assert not {each.tested, each.chosen_on} & set(each.others.speakers)
        assert set(each.train.speakers) == set(heard.speakers) - {each.tested}


def test_what_the_tested_speaker_says_changes_no_setting(split, heard):
    said = np.array(heard.speakers) == split.tested
    elsewhere = replace(heard, levels=np.where(said[:, None, None], heard.levels[:, ::-1, ::-1], heard.levels))
    other = splits(elsewhere, (split.tested,))[0]
    first, second = (spoken.tune("convallis", each, PLAN, spoken.preference_score) for each in (split, other))
    assert first[0] == second[0]
    assert first[1] == second[1]


def test_rules_hear_the_same_and_seeds_hear_otherwise(split):
    shown = trials(split.train, (0, 1), 3, PLAN.population, 0.5)
    assert shown.shape == (len(split.train), 2, 1000, 100)
    assert not np.array_equal(shown[:, 0], shown[:, 1])
    trials.cache_clear()
    assert np.array_equal(trials(split.train, (0, 1), 3, PLAN.population, 0.5), shown)
    assert np.bincount(order(7, seed=3, epochs=2)).tolist() == [2] * 7


def test_the_rate_constraint_alone_leaves_weights_as_they_were(split):
    rows, tuning, learned = spoken.two_digits("rate", split, PLAN)
    assert tuning.empty
    start = settle(split.train, PLAN.population, PLAN.seeds, PLAN.cell)
    assert np.array_equal(learned.outcome.weights, start.outcome.weights)
    assert rows.seed.tolist() == [0, 1]


def test_ten_digits_and_their_inputs_make_rows_of_one_kind(split):
    rows = spoken.ten_digits("pair", split, PLAN)[0]
    bar = spoken.raw_inputs(split, PLAN)
    assert set(bar.columns) < set(rows.columns)
    assert bar.accuracy.between(0, 100).all()


@pytest.mark.parametrize("digits", [(4,), (4, 4), (1, 2, 3)])
def test_two_different_digits_are_needed(digits):
    with pytest.raises(Mistake, match="two different ones"):
        spoken.two_of(digits)


def test_a_cell_from_inside_changes_as_the_simulator_changes_it():
    rng = np.random.default_rng(0)
    raster, weights = rng.random((600, 10)) < 0.02, rng.uniform(1, 2, 10)
    one = inside.one_cell(raster, weights, Valley(), Cell())
    learning = Learning(Valley(), 1e-6, largest_weight=10.0, keep_mean=False, control=None)
    done = feedforward.train(raster[None], weights[None, :, None], learning)
    assert one.fired.sum() == done.counts.sum() > 0
    assert (done.weights[0, :, 0] - weights) / 1e-6 == pytest.approx(one.change[-1], rel=1e-6)


def test_the_rule_is_the_gradient_and_another_function_is_not(monkeypatch):
    assert inside.gradient_error(Valley(), 5, seed=0) < 1e-6
    shifted = Valley(theta_plus=-54.0).derivative
    monkeypatch.setattr(Valley, "derivative", lambda self, v: shifted(v))
    monkeypatch.setattr(Valley, "objective", lambda self, v: -np.asarray(v))
    assert inside.gradient_error(Valley(), 5, seed=0) > 0.1


def test_silent_and_saturated_populations_count_as_failed(split):
    start = settle(split.train, PLAN.population, PLAN.seeds, PLAN.cell)
    args = (split.train, start, PLAN.population, 12)
    alive = inside.without("both constraints", Setting(0.0), Units(0.0, 1.0), *args)
    assert not inside.failed(alive, PLAN.population).any()
    for broken in (
        replace(alive, counts=np.zeros_like(alive.counts)),
        replace(alive, at_bounds=np.array([0.5, 0.9])),
    ):
        assert inside.failed(broken, PLAN.population).all()


def test_selectivity_is_that_of_a_share():
    group_of = np.repeat(np.arange(4), 5)
    one, none, nothing = (group_of == 2)[:, None] * 1.0, np.ones((20, 1)), np.zeros((20, 1))
    assert toy.selectivity(np.stack([one, none, nothing]), group_of) == pytest.approx([0.75, 0.0, 0.0])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_holds_what_nobody_beats(points):
    errors, gains = np.array(points, dtype=float).T
    beaten = [
        any((e <= a and g >= b) and (e < a or g > b) for e, g in zip(errors, gains, strict=True))
        for a, b in zip(errors, gains, strict=True)
    ]
    assert confluence.pareto_front(errors, gains).tolist() == [not each for each in beaten]


def test_the_error_of_a_set_is_that_of_the_rule_at_one_synapse():
    data = load("sjostrom2001")
    for each in confluence.parameter_sets(3, seed=0, pool=16, starts=1):
        rule, cell = each.rule, each.cell
        alone = ValleyRule(
            rule.a, rule.b, theta_minus=rule.theta_minus, theta_plus=rule.theta_plus, k_minus=2.0, k_plus=1.5,
            after_depolarisation=cell.after_depolarisation, tau_after=cell.tau_after, spike_height=20.0,
        )  # fmt: skip
        changes, w = weight_changes(alone, data.protocols), 1 / data.sem**2
        scale = (w * changes) @ data.change / ((w * changes) @ changes)  # amplitudes were stored up to a factor
        assert np.mean(w * (scale * changes - data.change) ** 2) == pytest.approx(each.error, rel=1e-6)


def test_sets_are_the_best_fit_and_then_valleys_from_good_to_bad():
    sets = confluence.parameter_sets(4, seed=1, pool=16, starts=1)
    best, *others = confluence.errors_of(sets)
    assert best <= others[0]
    assert others == sorted(others)
    assert others[-1] > 1.02 * others[0]
    assert all(min(each.rule.a, each.rule.b) > 0 and max(each.rule.a, each.rule.b) == 1 for each in sets)


def test_only_the_rate_is_tuned_to_in_vitro_constants_and_on_the_validation_speaker(split, monkeypatch):
    each = confluence.ParameterSet(Valley(a=1.0, b=0.6), Cell(tau_after=20.0), 2.0)
    heard, judged = [], []

    def learn(rule, grid, unit, ears, before, population, cell, **more):
        assert (rule, cell, before) == (each.rule, each.cell, ears)
        heard.append((ears, [setting.balance for setting in grid]))
        return grid

    def score(done, learned_from, listened_to, plan):
        judged.append((learned_from, listened_to))
        rates = np.repeat([setting.rate for setting in done], 1 if len(done) > 1 else 2)
        return 1 - np.log(rates / 0.3) ** 2  # best at 0.3, neither the least nor the largest rate

    monkeypatch.setattr(confluence, "measured_units", lambda rule, ears, plan: Units(1.0, 4.0))
    monkeypatch.setattr(confluence, "settle", lambda ears, population, seeds, cell: ears)
    monkeypatch.setattr(confluence, "learn", learn)
    monkeypatch.setattr(confluence, "preference_score", score)
    found = confluence.learned_preference(each, split, PLAN)
    assert found == pytest.approx([1.0, 1.0])
    assert [ears for ears, _ in heard] == [split.others, split.train]
    assert judged == [(split.others, split.validation), (split.train, split.test)]
    # units of balance: 4 is the ratio b/a at which both cancel, so 0.6 is 0.15 of it, at every rate
    assert [set(np.round(balances, 12)) for _, balances in heard] == [{0.15}, {0.15}]


def test_moments_of_the_read_out_do_not_change_what_a_network_learns():
    heard = load_cochleograms(load_clips("synthetic").where(digits=(4, 5, 6)))
    ears = recurrent.leave_out(heard, ("voice5",))
    plan = recurrent.NetworkPlan(20, 5, seeds=(0, 1), settle=4, read_out=12, moments=(0, 4, 8))
    settled = recurrent.settle(ears.train, plan.seeds, plan)
    unit = recurrent.units("pair", settled, ears.train, plan, n=4)
    chosen = (Setting(1.0, 1.0),)
    often = recurrent.learn("pair", chosen, unit, settled, ears, plan)
    once = recurrent.learn("pair", chosen, unit, settled, ears, replace(plan, moments=(0, 8)))
    ends = [table[table.utterances == 8][["seed", "accuracy", "test_rate"]].to_numpy() for table in (often, once)]
    assert np.array_equal(*ends)
    before = often[often.utterances == 0].test_rate.to_numpy()
    assert not np.array_equal(before, ends[0][:, 2])


def test_a_stored_run_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "ROOT", tmp_path)
    monkeypatch.setattr(stored, "RULES", ("before",))
    words = ["two_digits", "--corpus", "synthetic", "--seeds", "2", "--neurons", "2", "--most", "4", "--folder"]

    def store():
        done = CliRunner().invoke(stored.stored, [*words, str(tmp_path)], catch_exceptions=False)
        assert done.exit_code == 0
        return (tmp_path / "convallis" / "two_digits.csv").read_text(), done.output

    whole, told = store()
    assert told.count("-before:") == 6
    assert set(pd.read_csv(tmp_path / "convallis" / "two_digits.csv").speaker) == {f"voice{k}" for k in range(6)}
    cut = sorted(tmp_path.rglob("*.done"))[2]
    cut.unlink()
    again, told = store()
    assert again == whole
    assert told.count("-before:") == 1
