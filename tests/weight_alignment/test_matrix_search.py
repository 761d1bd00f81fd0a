"""The search over all sets: it goes on where it was killed, keeps to its settings, and shares its work."""

import dataclasses
import time

import numpy as np
import optuna
import pandas as pd
import pytest
from click.testing import CliRunner
from optuna.trial import TrialState

from repro import results
from repro.errors import Mistake
from repro.weight_alignment import matrix_stored, matrix_workers
from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.matrix_final import conditions, fresh_seeds, measure
from repro.weight_alignment.matrix_search import Plan, Unit, best_learners, open_storage, search, seconds_spent
from repro.weight_alignment.matrix_workers import finished, take, take_some
from repro.weight_alignment.tasks import load_task

SETS = ("none", "amp+decay", "decay+self", "sparse", "BP")
UNIT = Unit("free", "tpe", 3)


@pytest.fixture(scope="module")
def plan():
    setup = Setup(load_task("digits", validation=360, limit=100), width=8, epochs=1)
    return Plan(SETS, setup, depth=2, trials=4, network_seeds=(0, 1), startup=2)


class Killed(Exception):
    pass


def killed_after(trials):
    """A progress function that ends the search after some trials."""
    left = iter(range(trials - 1))

    def progress():
        if next(left, None) is None:
            raise Killed

    return progress


@pytest.fixture(scope="module")
def uninterrupted(plan):
    return search(UNIT, plan)


def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(plan, tmp_path, uninterrupted):
    with pytest.raises(Killed):
        search(UNIT, plan, open_storage(tmp_path / "kept.log"), killed_after(2))
    pd.testing.assert_frame_equal(search(UNIT, plan, open_storage(tmp_path / "kept.log")), uninterrupted)


def test_a_search_killed_between_two_sets_of_a_trial_goes_on_as_if_it_had_not_been(
    plan, tmp_path, uninterrupted, monkeypatch
):
    told = optuna.Study.tell
    left = iter(range(2 * len(SETS) + 2))  # two trials of all sets, and two sets of the third

    def tell(study, *args, **kwargs):
        if next(left, None) is None:
            raise Killed
        return told(study, *args, **kwargs)

    monkeypatch.setattr(optuna.Study, "tell", tell)
    with pytest.raises(Killed):
        search(UNIT, plan, open_storage(tmp_path / "kept.log"))
    monkeypatch.undo()
    kept = open_storage(tmp_path / "kept.log")
    left_over = optuna.load_study(storage=kept, study_name=f"{UNIT.name}/BP").get_trials(states=(TrialState.RUNNING,))
    assert len(left_over) == 1
    pd.testing.assert_frame_equal(search(UNIT, plan, kept), uninterrupted)


def test_a_longer_search_begins_with_the_shorter_one(plan, uninterrupted):
    longer = search(UNIT, dataclasses.replace(plan, trials=5))
    assert len(longer) == 5 * len(SETS)
    pd.testing.assert_frame_equal(longer[longer.trial < 4].reset_index(drop=True), uninterrupted)


def test_units_differ_in_what_they_try(plan, uninterrupted):
    other = search(Unit("free", "tpe", 4), plan)
    assert not np.isin(other.p_rate, uninterrupted.p_rate).any()


def test_units_in_lockstep_do_what_each_does_alone(plan):
    units = [Unit("free", "random", 3), Unit("rescaled", "random", 4)]
    both, alone = search(units, plan), pd.concat([search(unit, plan) for unit in units], ignore_index=True)
    settings = [name for name in both.columns if name.startswith("p_")]
    pd.testing.assert_frame_equal(both[settings], alone[settings])
    # other neighbours, another order of float32 sums: an example in a hundred may change sides
    assert abs(both["mean"] - alone["mean"]).max() < 0.02
    assert abs(both.angle - alone.angle).max() < 1


def test_sets_of_one_unit_start_from_the_same_random_numbers(uninterrupted):
    first = uninterrupted[uninterrupted.trial == 0]
    assert first.p_rate.nunique() == 1


def test_a_storage_made_with_other_settings_is_refused(plan, tmp_path):
    search(UNIT, dataclasses.replace(plan, trials=1), open_storage(tmp_path / "kept.log"))
    with pytest.raises(Mistake, match="give another storage"):
        search(UNIT, dataclasses.replace(plan, depth=3), open_storage(tmp_path / "kept.log"))


def test_a_database_keeps_the_same_search_as_memory(plan, tmp_path, uninterrupted):
    short = dataclasses.replace(plan, sets=("none", "decay+self"), trials=2)
    pd.testing.assert_frame_equal(
        search(UNIT, short, open_storage(f"sqlite:///{tmp_path}/kept.db")), search(UNIT, short)
    )


def test_a_trial_is_scored_by_the_networks_that_its_settings_give(plan, uninterrupted):
    """The best learner of the table, trained on its own, repeats what the table says of it."""
    found = best_learners(uninterrupted, plan)
    rows = uninterrupted.loc[uninterrupted.groupby("set").score.idxmax()].set_index("set")
    task, setup = plan.setup.task, plan.setup
    for (_, name, _), learner in found.items():
        networks = [dataclasses.replace(learner, seed=seed) for seed in plan.network_seeds]
        accuracy = train(networks, setup.shape(plan.depth), task.train, task.validation, setup.schedule()).final
        assert rows.loc[name, "mean"] == pytest.approx(accuracy.mean())
        assert rows.loc[name, "score"] == pytest.approx(accuracy.mean() - accuracy.std(ddof=1))


def test_the_rescaled_arm_keeps_the_norm_of_the_weights(plan, uninterrupted):
    rescaled = search(Unit("rescaled", "random", 3), dataclasses.replace(plan, trials=2))
    assert rescaled.gain.abs().max() < 1e-5  # float32, norms of 64 entries
    assert uninterrupted[uninterrupted["set"] == "sparse"].gain.abs().max() > 1e-3


def test_workers_take_different_units_until_none_is_left(plan, tmp_path, monkeypatch):
    kept, units = open_storage(tmp_path / "kept.log"), [UNIT, Unit("rescaled", "tpe", 3)]
    monkeypatch.setattr(matrix_workers.time, "sleep", lambda seconds: None)
    assert take(units, plan, kept) == UNIT
    monkeypatch.setattr(matrix_workers.socket, "gethostname", lambda: "elsewhere")
    assert take(units, plan, open_storage(tmp_path / "kept.log")) == units[1]
    monkeypatch.setattr(matrix_workers.socket, "gethostname", lambda: "a third")
    assert take(units, plan, kept) is None
    later = matrix_workers.time.time() + matrix_workers.STALE_S + 1
    monkeypatch.setattr(matrix_workers.time, "time", lambda: later)
    assert take(units, plan, kept) == UNIT  # its worker is taken to be gone


def test_a_gpu_takes_all_units_at_once_and_a_core_one(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(matrix_workers.time, "sleep", lambda seconds: None)
    units = matrix_stored.units(2)
    assert len(set(take_some(units, plan, open_storage(tmp_path / "kept.log"), 99))) == len(units) == 8
    assert len(take_some(units, plan, open_storage(tmp_path / "other.log"), 1)) == 1


def test_a_finished_unit_is_not_taken(plan, tmp_path):
    kept, short = open_storage(tmp_path / "kept.log"), dataclasses.replace(plan, trials=1)
    assert not finished(UNIT, short, kept)
    began = time.perf_counter()
    search(UNIT, short, kept)
    assert finished(UNIT, short, kept)
    assert 0 < seconds_spent(UNIT, short, kept) <= time.perf_counter() - began
    assert take([UNIT], short, kept) is None


def test_fresh_networks_are_the_same_for_sets_and_arms_and_others_for_each_search(plan, uninterrupted):
    seeds = fresh_seeds([3, 9], 2, first=100)
    assert seeds == {3: (100, 101), 9: (102, 103)}
    found = best_learners(uninterrupted, plan)
    here, *others = conditions(plan.setup, plan.depth)
    table = measure(found, here, seeds)
    assert table.groupby("set").seed.apply(tuple).unique().tolist() == [(100, 101)]
    assert table.accuracy.between(0, 100).all()
    assert (table.condition == "validation").all()
    assert [c.name for c in others] == ["test", "deeper", "wider"]
    assert (others[1].depth, others[2].setup.width) == (4, 16)


def test_the_full_program_stores_every_table_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix_stored, "available", lambda name: False)
    monkeypatch.setattr(matrix_stored, "all_sets", lambda: ("none", "decay+self"))
    options = ["--storage", str(tmp_path / "kept.log"), "--trials", "2", "--sampler-seeds", "1", "--epochs", "1"]
    options += ["--seeds", "2", "--folder", str(tmp_path)]
    monkeypatch.setattr(matrix_stored, "measure", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    stopped = CliRunner().invoke(matrix_stored.matrix, options)
    assert stopped.exit_code == 130
    assert "the same command goes on" in stopped.output
    monkeypatch.setattr(matrix_stored, "measure", measure)
    done = CliRunner().invoke(matrix_stored.matrix, options, catch_exceptions=False)
    assert done.exit_code == 0
    trials, origin = results.load("weight_alignment", "matrix_free_tpe", tmp_path)
    assert len(trials) == 2 * 4  # trials, sets and references
    assert origin["seeds"]["search"] == [0]
    final, _ = results.load("weight_alignment", "matrix_final", tmp_path)
    assert len(final) == 4 * 2 * 4 * 2  # conditions, arms, sets and references, networks
    assert not list(tmp_path.rglob("*.partial"))
