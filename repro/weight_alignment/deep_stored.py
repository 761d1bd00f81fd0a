"""The stored deep runs: a search, a table of runs made from it, the sweep that runs it, and what is kept.

    python -m repro.weight_alignment.deep_stored search
    python -m repro.weight_alignment.deep_stored plan
    snakemake --snakefile sweeps/Snakefile --cores 1 --config table=sweeps/deep.csv
    python -m repro.weight_alignment.deep_stored save

Each can be stopped at any time and goes on with the same command; ``search`` may be started many times at once.
``save`` stores what there is, and says of every run of the table whether it was done. You should see the search end
after about eight minutes of one core, and the first run of each rule ten minutes later.

With ``--on gpu`` and ``sweeps/deep_gpu.csv`` the same four commands are the campaign for a GPU: all images, the
official schedule, three networks. ``--family WM`` searches one rule alone, beside workers for the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

from repro import programs, provenance, results, sweeps
from repro.errors import Mistake
from repro.parameters import find_device
from repro.results import write_atomically
from repro.weight_alignment import deep_speed, deep_table
from repro.weight_alignment.deep_campaigns import CAMPAIGNS, Campaign
from repro.weight_alignment.deep_search import DeepPlan, best, trials_table, work
from repro.weight_alignment.deep_space import DEEP_FAMILIES
from repro.weight_alignment.matrix_search import open_storage
from repro.weight_alignment.peers import biotorch
from repro.weight_alignment.rules import RULES
from repro.weight_alignment.train import device_name

ROOM = "weight_alignment"
KEPT = ("model", "rule", "seed", "n_images", "epochs", "batch", "rate", "noise", "feedback_noise", "match_norm")
MEASURED = ("train_images", "test_accuracy", "validation_accuracy", "angle", "steps", "wall_s", "commit")
RUN_COLUMNS = ("name", "part", "status", *KEPT, *MEASURED)
EPOCH_COLUMNS = ("name", "epoch", "angle", "train_accuracy", "validation_accuracy")

_on = click.option(
    "--on", type=click.Choice(list(CAMPAIGNS)), default="cpu", show_default=True, help="the campaign: for what machine"
)
_storage = click.option("--storage", help="journal file or database URL [default: runs/STEM_search.log]")
_trials = click.option("--trials", type=click.IntRange(min=1), help="of each rule [default: the campaign's]")
_table = click.option("--table", type=click.Path(path_type=Path), help="[default: sweeps/STEM.csv]")
_folder = click.option(
    "--folder", type=click.Path(path_type=Path), default=results.RESULTS, help="where the tables are written"
)


@click.group()
def deep() -> None:
    """Search, plan and store the deep runs."""


@deep.command()
@_on
@_storage
@_trials
@click.option("--folder", type=click.Path(path_type=Path), help="where trials train [default: runs/STEM_search]")
@click.option("--family", "families", type=click.Choice(list(DEEP_FAMILIES)), multiple=True, help="[default: all]")
def search(on: str, storage: str | None, trials: int | None, folder: Path | None, families: tuple[str, ...]) -> None:
    """Work at the search until it is done, beside any other workers."""
    torch.set_num_threads(1)
    campaign = CAMPAIGNS[on]
    plan = _planned(campaign, trials)
    plan = replace(plan, families=families or plan.families)
    own = work(plan, open_storage(storage or campaign.storage), folder or campaign.trials)
    print(f"the search is done; {own} trials were this worker's")


@deep.command()
@_on
@_storage
@_trials
@_table
def plan(on: str, storage: str | None, trials: int | None, table: Path | None) -> None:
    """Write the table of runs from the best trial of every rule."""
    campaign = CAMPAIGNS[on]
    table = table or campaign.table
    points = best(_planned(campaign, trials), open_storage(storage or campaign.storage), tuple(RULES))
    write_atomically(table, deep_table.table(campaign.runs(points), campaign.gpus).encode())
    print(f"{table}: {len(sweeps.read_table(table))} runs")


@deep.command()
@_on
@_storage
@_trials
@_table
@click.option("--runs", type=click.Path(path_type=Path), help="folder of the runs [default: runs/TABLE]")
@_folder
def save(on: str, storage: str | None, trials: int | None, table: Path | None, runs: Path | None, folder: Path) -> None:
    """Store the search, the runs that are done and their epochs."""
    campaign = CAMPAIGNS[on]
    storage, table = storage or campaign.storage, table or campaign.table
    search_plan = _planned(campaign, trials)
    searched = trials_table(search_plan, open_storage(storage))
    if not searched.empty:  # a rule with fewer trials than the others is no part of an equal search
        searched = searched.groupby("family", sort=False).filter(lambda own: len(own) == search_plan.trials)
    if searched.empty:
        raise Mistake(f"{storage} holds no rule with {search_plan.trials} finished trials: run the search first")
    where = runs or sweeps.folder_of(table)
    done, epochs = runs_table(table, where)
    record = describe(search_plan, campaign.common, searched, done, where)
    print(results.save(ROOM, f"{campaign.stem}_search", searched, record, folder))
    print(results.save(ROOM, f"{campaign.stem}_runs", done, record, folder))
    print(results.save(ROOM, f"{campaign.stem}_epochs", epochs, record, folder))
    print(", ".join(f"{number} {status}" for status, number in done.status.value_counts().items()))


@deep.command()
@_on
@programs.count("--rounds", 7, "in which every rule takes its turn")
@click.option("--mode", "modes", type=click.Choice(["eager", "compiled"]), multiple=True, help="[default: both]")
@_folder
def speed(on: str, rounds: int, modes: tuple[str, ...], folder: Path) -> None:
    """Store the time of a training step by rule, a table a mode: on one thread of this processor, or on its GPU.

    The campaign for a processor has no compiled steps.
    """
    torch.set_num_threads(1)
    began = time.perf_counter()
    campaign = CAMPAIGNS[on]
    device = find_device(campaign.device)
    workloads = [each for each in campaign.workloads if each.mode in (modes or ("eager", "compiled"))]
    if not workloads:
        raise Mistake(f"--mode is {modes[0]}; the campaign for {on} has no such steps")
    peers = biotorch()
    times = [
        deep_speed.step_times(each, rounds, peers=peers if each.takes_peers else {}, steps=campaign.steps)
        for each in workloads
    ]
    record = provenance.record(
        command=provenance.command("repro.weight_alignment.deep_stored"),
        parameters={"rounds": rounds, "steps": campaign.steps, "threads": 1},
        device=device_name(device),
        wall_s=round(time.perf_counter() - began, 1),
    )
    for mode, own in pd.concat(times, ignore_index=True).groupby("mode", sort=False):
        name = f"{campaign.stem}_speed" if mode == "eager" else f"{campaign.stem}_speed_{mode}"
        print(results.save(ROOM, name, own, record, folder))


def _planned(campaign: Campaign, trials: int | None) -> DeepPlan:
    return replace(campaign.plan, trials=trials or campaign.plan.trials)


def runs_table(table: Path, runs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every run of a sweep's table, done or not, and the epochs of those that are.

    Returns
    -------
    One row a run: ``name``, ``part``, ``status`` (done, nan, or "not run"), the settings, ``train_images``,
    ``test_accuracy`` and ``validation_accuracy`` (percent), ``angle`` (median over layers, degrees), ``steps``,
    ``wall_s``, ``commit``. And one row a run and epoch: ``name``, ``epoch``, accuracies (percent), ``angle``.
    """
    rows: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    for name in sweeps.read_table(table):
        row: dict[str, Any] = {"name": name, "part": name.split("-")[0], "status": "not run"}
        path = runs / name / sweeps.RESULT
        if path.exists():
            found = json.loads(path.read_text())
            row |= {"status": found["status"]} | {key: found["fixed"][key] for key in KEPT}
            row |= {"train_images": found["data"]["train"], "steps": found["steps"], "wall_s": found["wall_s"]}
            row |= {key: percent(found[key]) for key in ("test_accuracy", "validation_accuracy")}
            row |= {"angle": angle_of(found["history"]), "commit": found["provenance"]["commit"]}
            epochs += [
                {"name": name, "epoch": each["epoch"], "angle": each.get("angle")}
                | {key: percent(each[key]) for key in ("train_accuracy", "validation_accuracy")}
                for each in found["history"]
            ]
        rows.append(row)
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS)), pd.DataFrame(epochs, columns=list(EPOCH_COLUMNS))


def percent(accuracy: float | None) -> float | None:
    """A share as percent; None stays None."""
    return None if accuracy is None else 100 * accuracy


def angle_of(history: list[dict[str, Any]]) -> float | None:
    """The last median angle, if angles were measured."""
    return history[-1].get("angle") if history else None


def describe(
    search_plan: DeepPlan, common: Mapping[str, Any], searched: pd.DataFrame, done: pd.DataFrame, runs: Path
) -> dict[str, Any]:
    """Where the tables come from. The commits, seconds and seeds of single runs stand in the tables."""
    finished = done[done.status != "not run"]
    data: dict[str, Any] = {}
    machines = []
    for name in finished.name:
        found = json.loads((runs / name / sweeps.RESULT).read_text())
        data = {key: value for key, value in found["data"].items() if key not in ("train", "validation", "test")}
        made = found["provenance"]
        on = made.get("device", "cpu")
        machines.append(f"{made['machine']['cpu']}, {made['threads']} thread" if on == "cpu" else on)
    return provenance.record(
        command=provenance.command("repro.weight_alignment.deep_stored"),
        parameters={"search": search_plan.shared | {"trials": search_plan.trials}, "runs": dict(common)},
        seeds={"search": [search_plan.seed], "runs": sorted({int(seed) for seed in finished.seed})},
        machines=sorted(set(machines)),
        data={"cifar10": data},
        runs={"done": len(finished), "planned": len(done)},
        wall_s=round(float(searched.wall_s.sum() + finished.wall_s.astype(float).sum()), 1),
    )


if __name__ == "__main__":
    programs.run(deep)
