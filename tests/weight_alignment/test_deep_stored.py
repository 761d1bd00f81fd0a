"""What is kept of the deep runs: all that were planned, done or not, and a search only where it was equal."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from repro import results, sweeps
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.weight_alignment import deep_speed, deep_stored, deep_summary
from repro.weight_alignment.deep_campaigns import CAMPAIGNS
from repro.weight_alignment.deep_search import DeepPlan, open_study
from repro.weight_alignment.deep_space import DEEP_FAMILIES, suggest, training
from repro.weight_alignment.matrix_search import open_storage

SETTINGS = {"model": "resnet8", "rule": "SA", "seed": 0, "n_images": 100, "epochs": 2, "batch": 32, "rate": 0.1}
SETTINGS |= {"noise": 0.0, "feedback_noise": 0.0, "match_norm": False}
EPOCHS = [{"epoch": n, "train_accuracy": 0.1 * n, "validation_accuracy": 0.2 * n, "angle": 80.0 / n} for n in (1, 2)]
RESULT = {
    "status": "done",
    "test_accuracy": 0.375,
    "validation_accuracy": 0.4,
    "steps": 6,
    "wall_s": 2.5,
    "history": EPOCHS,
    "fixed": SETTINGS,
    "data": {"title": "some images", "train": 100, "validation": 50, "test": 50},
    "provenance": {"commit": "abc", "machine": {"cpu": "some processor"}, "threads": 1},
}


def planned(folder, *done):
    """A table of two runs, of which some are done."""
    table = folder / "deep.csv"
    table.write_text("name,program,options\naccuracy-SA-0,train,--seed 0\nnoise-SA-0.1-0,train,--seed 0\n")
    for name in done:
        (folder / "runs" / name).mkdir(parents=True)
        (folder / "runs" / name / "result.json").write_text(json.dumps(RESULT))
    return table


def searched(folder, trials):
    """A storage with so many finished trials of each family."""
    storage = open_storage(folder / "log")
    for family, number in trials.items():
        study = open_study(DeepPlan(), storage, family)
        for n in range(number):
            trial = study.ask()
            suggest(trial, DEEP_FAMILIES[family])
            for fact, value in (("status", "done"), ("wall_s", 1.0), ("commit", "abc")):
                trial.set_user_attr(fact, value)
            study.tell(trial, 0.1 * n)
    return str(folder / "log")


def test_every_planned_run_is_told_done_or_not(tmp_path):
    runs, epochs = deep_stored.runs_table(planned(tmp_path, "accuracy-SA-0"), tmp_path / "runs")
    assert dict(zip(runs.name, runs.status, strict=True)) == {"accuracy-SA-0": "done", "noise-SA-0.1-0": "not run"}
    done = runs.iloc[0]
    assert (done.part, done.rule, done.test_accuracy, done.angle, done.commit) == ("accuracy", "SA", 37.5, 40.0, "abc")
    assert epochs.validation_accuracy.tolist() == [20.0, 40.0]
    none, no_epochs = deep_stored.runs_table(planned(tmp_path), tmp_path / "elsewhere")
    assert list(none.columns) == list(runs.columns)
    assert no_epochs.empty


def test_a_rule_with_fewer_trials_is_no_part_of_the_stored_search(tmp_path):
    table = planned(tmp_path, "accuracy-SA-0")
    storage = searched(tmp_path, {"BP": 2, "SA": 2, "WM": 1})
    how = {"on": "cpu", "table": table, "runs": tmp_path / "runs", "folder": tmp_path / "kept"}
    deep_stored.save.callback(storage=storage, trials=2, **how)
    found, record = results.load("weight_alignment", "deep_search", tmp_path / "kept")
    assert found.groupby("family").size().to_dict() == {"BP": 2, "SA": 2}
    assert record["runs"] == {"done": 1, "planned": 2}
    assert record["wall_s"] == 4 * 1.0 + 2.5
    assert record["data"]["cifar10"] == {"title": "some images"}
    with pytest.raises(Mistake, match="holds no rule with 3 finished trials"):
        deep_stored.save.callback(storage=storage, trials=3, **how)


SMALL = deep_speed.Workload("resnet8", 8, 2)


def test_step_times_are_of_each_rule_and_over_backpropagation():
    times = deep_speed.step_times(SMALL, rounds=1, rules=("SA", "AA"), peers={"nobody": lambda plain: plain})
    times = times.set_index("rule")
    assert times.index.tolist() == ["BP", "SA", "AA", "nobody"]
    assert times.ratio["BP"] == 1.0
    assert times.ratio["AA"] == pytest.approx(times.milliseconds["AA"] / times.milliseconds["BP"])
    assert times.theory["AA"] == pytest.approx(5 / 3)
    assert np.isnan(times.theory["nobody"])
    assert (times.milliseconds > 0).all()


def test_a_step_that_is_timed_is_a_step_of_training():
    """The weights move, and so does the feedback of a rule that learns it."""
    learning = deep_speed.make(SMALL.options("SA", 0), 3, 8, 10, SMALL.images(0)[0].device)
    before = [parameter.clone() for parameter in learning.network.parameters()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deep_speed, "make", lambda *_: learning)
        deep_speed.own_step(SMALL, "SA", 0)()
    moved = {n for (n, now), was in zip(learning.network.named_parameters(), before, strict=True) if (now != was).any()}
    assert any(name.endswith("feedback") for name in moved)
    assert any(name.endswith("weight") for name in moved)


def test_rounds_take_turns_and_the_first_look_is_not_kept():
    asked = []
    answers = {"a": iter([9.0, 1.0, 2.0]), "b": iter([9.0, 3.0, 4.0])}
    timed = {name: lambda name=name: asked.append(name) or next(answers[name]) for name in answers}
    assert {k: v.tolist() for k, v in deep_speed.in_turns(timed, 2, 0).items()} == {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    assert [sorted(asked[i : i + 2]) for i in (0, 2, 4)] == [["a", "b"]] * 3


def test_compiled_steps_are_timed_in_processes_of_their_own():
    compiled = dataclasses.replace(SMALL, mode="compiled", model="mlp", side=8)
    times = deep_speed.step_times(compiled, rounds=2, rules=("SA",)).set_index("rule")
    assert times.index.tolist() == ["BP", "SA"]
    assert (times["mode"] == "compiled").all()
    assert (times.milliseconds > 0).all()


def test_a_process_that_cannot_compile_says_why():
    broken = dataclasses.replace(SMALL, mode="compiled", model="nothing")
    with (
        pytest.raises(RuntimeError, match=r"rule SA does not compile: .*nothing"),
        deep_speed.compiled_apart(broken, ["SA"], 0, 1),
    ):
        raise AssertionError("it cannot come here")


def test_imagenet_is_estimated_from_the_time_of_an_image():
    """At 2 images a step of 86.4 ms, 1,281,167 images 90 times take 1,281,167 * 90 * 43.2 ms = 57.65 days."""
    times = pd.DataFrame({"side": [224, 32], "rule": ["BP", "BP"], "batch": [2, 32], "milliseconds": [86.4, 1.0]})
    times["precision"] = "float32"
    assert deep_speed.imagenet_days(times).to_dict() == {"BP": pytest.approx(57.6525, abs=1e-3)}


def test_campaigns_search_what_they_then_run():
    """The GPU's table: every rule, network and seed once, one seed of all first, and its options are the program's."""
    points = {name: dict.fromkeys(family.ranges, 0.01) for name, family in DEEP_FAMILIES.items()}
    names = [name for name, _ in CAMPAIGNS["gpu"].runs(points)]
    assert len(set(names)) == len(names) == 7 * 3 * 3
    assert [name[-1] for name in names] == [*"0" * 21, *"1" * 14, *"2" * 14, *"1" * 7, *"2" * 7]
    for campaign in CAMPAIGNS.values():
        values = dict(campaign.runs(points)[2][1])
        given = training(Path("x"), values)
        assert given.feedback.rule == "WM"
        assert given.learning.batch == campaign.plan.batch
        assert given.data.validation == campaign.plan.validation


def test_a_search_with_further_options_is_another_search():
    plain, more = DeepPlan().described(), DeepPlan(more={"precision": "bf16"}).described()
    assert "more" not in json.loads(plain)
    assert json.loads(more)["more"] == {"precision": "bf16"}
    assert DeepPlan(more={"precision": "bf16"}).shared["precision"] == "bf16"


def test_a_campaign_without_its_machine_or_its_steps_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr(deep_speed, "step_times", lambda *_, **__: pytest.fail("began"))
    with pytest.raises(Mistake, match="the campaign for cpu has no such steps"):
        deep_stored.speed.callback(on="cpu", rounds=3, modes=("compiled",), folder=Path("unused"))
    if not torch.cuda.is_available():
        with pytest.raises(Mistake, match="device is 'cuda'; here it can be auto, cpu"):
            deep_stored.speed.callback(on="gpu", rounds=3, modes=(), folder=Path("unused"))


def test_a_worker_searches_the_families_it_is_given(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(deep_stored, "work", lambda plan, storage, folder: seen.append((plan, folder)) or 0)
    storage = str(tmp_path / "log")
    for families in (("WM", "SA"), ()):
        deep_stored.search.callback(on="gpu", storage=storage, trials=None, folder=None, families=families)
    (given, folder), (every, _) = seen
    assert given.families == ("WM", "SA")
    assert every.families == tuple(DEEP_FAMILIES)
    assert (given.trials, given.model, folder.name) == (12, "resnet20", "deep_gpu_search")


def test_rows_for_a_gpu_ask_for_one():
    """Snakemake reads it from the table; without, a cluster would start them where there is none."""
    for stem, gpus in (("deep", 0), ("deep_gpu", 1)):
        assert {row.gpus for row in sweeps.read_table(ROOT / "sweeps" / f"{stem}.csv").values()} == {gpus}


def test_a_peer_is_compared_where_both_were_timed():
    rows = [(224, "float32", "FA", 2.0), (224, "float32", "peer", 3.0), (32, "float32", "FA", 4.0)]
    rows += [(32, "float32", "peer", 5.0), (32, "bf16", "FA", 1.0)]
    times = pd.DataFrame(rows, columns=["side", "precision", "rule", "milliseconds"])
    assert deep_summary.peer_ratio(times, "peer", "FA").to_dict() == {32: 1.25, 224: 1.5}
