"""The search on deep networks: equal for every rule, shared by workers, and nothing is lost when one is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from optuna.trial import TrialState

from repro.errors import Mistake
from repro.provenance import ROOT
from repro.sweeps import read_table
from repro.weight_alignment import deep_summary, deep_table
from repro.weight_alignment.deep_search import (
    DeepPlan,
    best,
    finished,
    give_back_stale,
    open_study,
    take,
    trials_table,
    work,
)
from repro.weight_alignment.deep_space import DEEP_FAMILIES, settings, training
from repro.weight_alignment.matrix_search import open_storage
from repro.weight_alignment.rules import PRIMITIVES, RULES

TINY = {"data": "digits", "model": "mlp", "n_images": 200, "validation": 100, "n_test": 10, "epochs": 1}
MIDDLE = {
    name: {key: float(np.sqrt(low * high)) for key, (low, high) in each.ranges.items()}
    for name, each in DEEP_FAMILIES.items()
}


@pytest.mark.parametrize("name", DEEP_FAMILIES)
def test_a_point_becomes_a_run_of_its_rule_with_just_its_primitives(name):
    family, point = DEEP_FAMILIES[name], MIDDLE[name]
    options = training(Path("x"), settings(family, point))
    rule, named = options.rule, RULES[family.rule]
    assert (rule.tied, rule.follows_weight_gradient) == (named.tied, named.follows_weight_gradient)
    assert [getattr(rule, each) > 0 for each in PRIMITIVES] == [getattr(named, each) > 0 for each in PRIMITIVES]
    assert options.learning.rate == pytest.approx(point["rate"], rel=1e-5)  # six digits on the command line
    if "gain" in point:
        growth, shrink = rule.amp + rule.self_weight, rule.decay + rule.sparse
        assert growth / shrink == pytest.approx(point["gain"], rel=1e-5)
        assert options.feedback_learning[0] == ("sgd" if name.endswith("plain") else "adam")
    if family.rule == "KP":
        assert rule.decay == options.learning.weight_decay == pytest.approx(point["weight_decay"], rel=1e-5)


def test_shared_settings_have_the_same_range_for_every_rule():
    usual = [each for name, each in DEEP_FAMILIES.items() if name in RULES]
    for shared in ("rate", "feedback_rate"):
        assert len({each.ranges[shared] for each in usual if shared in each.ranges}) == 1
    with pytest.raises(Mistake, match="searched over rate; given are rate, gain"):
        settings(DEEP_FAMILIES["BP"], {"rate": 0.1, "gain": 1.0})


def test_every_rule_gets_its_trials_and_is_judged_on_images_set_aside(tmp_path):
    plan = DeepPlan(families=("BP", "SA"), trials=2, **TINY)
    storage = open_storage(tmp_path / "log")
    assert work(plan, storage, tmp_path / "f") == 4
    assert work(plan, storage, tmp_path / "f") == 0
    table = trials_table(plan, storage)
    assert table.groupby("family").size().to_dict() == {"BP": 2, "SA": 2}
    results = [json.loads(path.read_text()) for path in (tmp_path / "f").glob("*/result.json")]
    assert sorted(100 * each["validation_accuracy"] for each in results) == sorted(table.accuracy)
    assert {each["data"]["validation"] for each in results} == {100}
    top = table.loc[table[table.family == "SA"].accuracy.idxmax()]
    assert best(plan, storage, ["SA"])["SA"]["rate"] == top.p_rate
    with pytest.raises(Mistake, match="BP has 2 of 3 trials"):
        best(DeepPlan(families=("BP",), trials=3, **TINY), storage, ["BP"])
    with pytest.raises(Mistake, match="give another one"):
        work(DeepPlan(families=("BP",), trials=3, **TINY | {"epochs": 2}), storage, tmp_path / "f")


def test_workers_that_ask_at_once_take_no_trial_too_many(tmp_path):
    plan = DeepPlan(families=("BP",), trials=3, **TINY)
    gate, taken = threading.Barrier(8), []

    def worker():
        study = open_study(plan, open_storage(tmp_path / "log"), "BP")
        gate.wait()
        taken.append(take(study, plan, "BP"))

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(trial is not None for trial in taken) == 3


def left_by(worker, alive, tmp_path):
    """A study with one trial that is running for a worker."""
    plan = DeepPlan(families=("BP",), trials=1, **TINY)
    study = open_study(plan, open_storage(tmp_path / "log"), "BP")
    trial = take(study, plan, "BP")
    trial.set_user_attr("worker", worker)
    trial.set_user_attr("alive", alive)
    return study, trial


@pytest.mark.parametrize(
    ("host", "process", "age_s", "gone"),
    [
        (socket.gethostname(), 2**22 + 1, 0.0, True),  # beyond the largest process number
        (socket.gethostname(), os.getppid(), 10.0, False),
        ("elsewhere", 1, 10.0, False),
        ("elsewhere", 1, 1000.0, True),
    ],
)
def test_only_a_trial_whose_worker_is_gone_is_enqueued_again_and_once(tmp_path, host, process, age_s, gone):
    study, trial = left_by(f"{host}:{process}", time.time() - age_s, tmp_path)
    for _ in range(2):
        give_back_stale(study, 180.0)
    trials = study.get_trials()
    if not gone:
        assert [each.state for each in trials] == [TrialState.RUNNING]
        return
    assert [each.state for each in trials] == [TrialState.FAIL, TrialState.WAITING]
    plan = DeepPlan(families=("BP",), trials=1, **TINY)
    assert take(study, plan, "BP").params == trial.params


def test_a_database_by_its_url_serves_as_well(tmp_path):
    plan = DeepPlan(families=("BP",), trials=1, **TINY)
    study = open_study(plan, open_storage(f"sqlite:///{tmp_path}/search.db"), "BP")
    trial = take(study, plan, "BP")
    assert take(study, plan, "BP") is None
    trial.set_user_attr("worker", "elsewhere:1")
    trial.set_user_attr("alive", time.time() - 1000.0)
    give_back_stale(study, 180.0)
    assert take(study, plan, "BP").params == trial.params


def test_a_killed_worker_loses_no_trial(tmp_path):
    """Killed while it trains; the next worker goes on from its checkpoint with the same point."""
    plan = DeepPlan(families=("BP",), trials=2, **TINY | {"epochs": 30})
    program = (
        "from pathlib import Path; from tests.weight_alignment.test_deep_search import *; "
        f"work(DeepPlan(families=('BP',), trials=2, **TINY | {{'epochs': 30}}), "
        f"open_storage(Path({str(tmp_path)!r}) / 'log'), Path({str(tmp_path)!r}) / 'f')"
    )
    first = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("f/*/checkpoints/*")):
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    storage = open_storage(tmp_path / "log")
    (killed,) = open_study(plan, storage, "BP").get_trials()
    assert killed.state == TrialState.RUNNING
    assert work(plan, storage, tmp_path / "f") == 2
    done = finished(open_study(plan, storage, "BP"))
    assert [each.params for each in done].count(killed.params) == 1
    assert len(done) == 2
    assert len(list((tmp_path / "f").iterdir())) == 2  # the killed trial's folder was gone on with


def test_the_table_of_runs_holds_every_rule_and_only_runs_that_can_be_told(tmp_path):
    points = {name: MIDDLE[name] for name in RULES}
    path = tmp_path / "deep.csv"
    path.write_text(deep_table.table(deep_table.runs(points)))
    rows = read_table(path)
    assert list(rows) == [name for name, _ in deep_table.runs(points)]
    told = {name: training(Path("x"), values) for name, values in deep_table.runs(points) if name.endswith("-0")}
    for name, options in told.items():
        assert {options.data.data, options.data.validation} == {"cifar10", DeepPlan.validation}
        assert options.feedback.rule in name.split("-")
        noisy = options.learning.noise > 0 or options.feedback.feedback_noise > 0
        assert noisy == (name.startswith(("noise", "backward")) and "-0-" not in name)
        if name.startswith(("noise", "backward")):
            assert options.learning.rate == pytest.approx(points["BP"]["rate"], rel=1e-5)
            assert options.feedback.match_norm == (options.feedback.rule != "BP")
        if name.startswith("backward"):
            assert options.learning.noise == 0


def made_up():
    """Runs of three seeds, the third without information alignment; accuracy is 10 a rule's place plus the seed."""
    rows = []
    for seed in range(3):
        for place, rule in enumerate(RULES):
            for model, drop in (("resnet8", 0.0), ("resnet20", 2.0 * place)):
                status = "not run" if (seed, rule) == (2, "IA") else "done"
                rows.append({"part": "depth", "model": model, "rule": rule, "seed": seed, "status": status})
                rows[-1]["test_accuracy"] = 80.0 - 10 * place + seed - drop
    return deep_summary.finished(pd.DataFrame(rows))


def test_claims_take_the_seeds_that_have_all_their_rules():
    done = made_up()
    table = deep_summary.by_seed(done, "depth")
    places = {rule: place for place, rule in enumerate(RULES)}
    np.testing.assert_allclose(deep_summary.difference(table, ["BP"], ["FA"]), [10.0 * places["FA"]] * 3)
    assert len(deep_summary.difference(table, ["IA"], ["WM"])) == 2
    mean_place = (places["WM"] + places["IA"]) / 2
    np.testing.assert_allclose(deep_summary.widening(done, ["WM", "IA"]), [2.0 * mean_place] * 2)
    back = deep_summary.widening(done, ["WM"], "depth", ("resnet20", "resnet8"))
    np.testing.assert_allclose(back, [-2.0 * places["WM"]] * 3)


def test_runs_of_one_part_are_told_by_their_model():
    names = ["full-resnet20-SA-0", "full-resnet56-SA-0"]
    runs = pd.DataFrame({"name": names, "part": "full", "status": ["done", "not run"], "seed": [0, None]})
    told = deep_summary.state(deep_summary.by_model(runs.assign(train_images=24000, epochs=10)))
    assert list(zip(told.part, told.planned, told.done, strict=True)) == [("resnet20", 1, 1), ("resnet56", 1, 0)]


def test_a_run_that_diverged_counts_as_chance():
    runs = pd.DataFrame(
        {"status": ["nan", "done", "not run"], "test_accuracy": [None, 50.0, None], "seed": [0, 0, None]}
    )
    assert deep_summary.finished(runs).accuracy.tolist() == [10.0, 50.0]


def test_noise_levels_are_averaged_only_where_all_are_there():
    rows = [
        {"part": part, "rule": rule, "seed": 0, "status": "done", "test_accuracy": accuracy}
        | {"noise": level if part == "noise" else 0.0, "feedback_noise": level}
        for part, rule, level, accuracy in (
            ("noise", "BP", 0.0, 50.0),
            ("noise", "BP", 0.1, 46.0),
            ("noise", "BP", 0.3, 30.0),
            ("noise", "SA", 0.0, 48.0),
            ("noise", "SA", 0.1, 44.0),
            ("backward", "SA", 0.1, 40.0),
        )
    ]
    noisy = deep_summary.under_noise(deep_summary.finished(pd.DataFrame(rows)))
    assert deep_summary.tolerated(noisy, [0.0, 0.1, 0.3]) == [0.1]
    assert deep_summary.tolerated(noisy, [0.0, 0.1, 0.3, 1.0]) == []
    both = deep_summary.over_levels(noisy, [0.1, 0.3])
    assert both.loc[0, "BP"] == 38.0
    assert np.isnan(both.loc[0, "SA"])
    backward = [deep_summary.over_levels(noisy, [level], only_feedback=True).loc[0, "SA"] for level in (0.0, 0.1)]
    assert backward == [48.0, 40.0]


def test_planned_noise_levels_are_those_of_the_table_done_or_not():
    names = [name for name, _ in deep_table.runs({name: MIDDLE[name] for name in RULES})]
    runs = pd.DataFrame({"name": names, "part": [name.split("-")[0] for name in names]})
    assert deep_summary.planned_levels(runs) == list(deep_table.LEVELS)


def test_the_search_says_how_many_trials_come_near_backprop_and_what_adam_brings():
    trials = {"BP": [40.0, 20.0], "WM": [37.0, 20.0], "WM-plain": [30.0, 10.0]}
    search = pd.DataFrame([{"family": name, "accuracy": a} for name, each in trials.items() for a in each])
    assert deep_summary.share_within(search, "WM") == 0.5
    assert deep_summary.adam_advantage(search, ["WM"]).tolist() == [7.0]
    assert deep_summary.adam_advantage(search[:-1], ["WM"]).size == 0
