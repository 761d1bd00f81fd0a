"""The full search over all sets of primitives: ``python -m repro.weight_alignment.matrix_stored``.

Two arms, three seeds of the tree-structured Parzen estimator and three of random trials, 64 trials of each of the 32
sets, of backpropagation and of frozen features, 4 networks a trial: 104,448 trainings, about an hour and a half on one
core. It can be stopped at any time; the same command goes on. Several machines that share the storage (a file that all
see, or a database URL) share the work. You should see ``data/results/weight_alignment/matrix_*.csv`` at the end.
"""

from __future__ import annotations

import sys
import time
import zlib
from pathlib import Path

import click
import pandas as pd
import torch
from optuna.storages import BaseStorage
from tqdm import tqdm

from repro import programs, provenance, results
from repro.data import available
from repro.parameters import find_device
from repro.provenance import ROOT
from repro.results import read_table, write_atomically
from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.matrix_final import conditions, fresh_seeds, measure
from repro.weight_alignment.matrix_search import (
    ARMS,
    Plan,
    Unit,
    best_learners,
    open_storage,
    search,
    seconds_spent,
    trials_table,
)
from repro.weight_alignment.matrix_workers import finished, take_some
from repro.weight_alignment.primitive_sets import REFERENCES, all_sets
from repro.weight_alignment.tasks import load_task

ROOM = "weight_alignment"
CHUNK_GPU = 4096  # networks computed together
FRESH = 10_000  # the first network seed that no search uses


def units(sampler_seeds: int) -> tuple[Unit, ...]:
    """All searches, in the order in which they are worth having."""
    samplers = ("tpe", "random")
    return tuple(Unit(arm, kind, seed) for seed in range(sampler_seeds) for kind in samplers for arm in ARMS)  # type: ignore[arg-type]


@click.command()
@click.option("--storage", default=str(ROOT / "runs" / "matrix.log"), show_default=True, help="file or database URL")
@programs.count("--trials", 64, "of each set and search, 4 networks each")
@programs.count("--sampler-seeds", 3, "searches of each arm, by TPE and by random trials")
@programs.count("--epochs", 10)
@programs.count("--seeds", 10, "fresh networks of each set and search")
@click.option("--device", default="cpu", show_default=True)
@click.option("--folder", default=str(results.RESULTS), show_default=True, help="where the tables are written")
@click.option("--only-search", is_flag=True, help="leave measuring and saving to another machine")
def matrix(
    storage: str, trials: int, sampler_seeds: int, epochs: int, seeds: int, device: str, folder: str, only_search: bool
) -> None:
    """Search the settings of every set of primitives, measure the best on fresh networks, and store the tables."""
    torch.set_num_threads(1)
    where = find_device(device)
    chunk = CHUNK_GPU if where.type == "cuda" else Setup.chunk
    setup = Setup(load_task("digits", validation=360), epochs=epochs, device=where, chunk=chunk)
    plan = Plan((*all_sets(), *REFERENCES), setup, depth=4, trials=trials)
    kept, todo = open_storage(storage), units(sampler_seeds)
    try:
        _search_all(todo, plan, kept)
        waiting = [unit.name for unit in todo if not finished(unit, plan, kept)]
        if waiting:
            print(f"others are busy with {', '.join(waiting)}; the same command measures and saves once they are done")
        elif not only_search:
            _measure_and_save(todo, plan, kept, seeds, Path(folder))
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None


def _search_all(todo: tuple[Unit, ...], plan: Plan, storage: BaseStorage) -> None:
    """Take units until none is left that nobody works on: one at a time on a core, all at once on a GPU."""
    at_once = len(todo) if plan.setup.chunk >= CHUNK_GPU else 1
    while taken := take_some(todo, plan, storage, at_once):
        began = time.perf_counter()
        names = ", ".join(unit.name for unit in taken)
        with tqdm(total=plan.trials, desc=names, mininterval=10) as bar:
            search(taken, plan, storage, progress=bar.update)
        print(f"{names}: {time.perf_counter() - began:.0f} s", flush=True)


def _measure_and_save(todo: tuple[Unit, ...], plan: Plan, storage: BaseStorage, seeds: int, folder: Path) -> None:
    """Fresh networks in every condition, each kept as soon as it is there; then all tables."""
    began = time.perf_counter()
    trials = pd.concat([trials_table(unit, plan, storage) for unit in todo], ignore_index=True)
    found = best_learners(trials[trials["sampler"] == "tpe"], plan)
    fresh = fresh_seeds(sorted({key[2] for key in found}), seeds, FRESH)
    other = None
    if available("mnist"):
        other = Setup(
            load_task("mnist", validation=2000, limit=6000), epochs=5, device=plan.setup.device, chunk=plan.setup.chunk
        )
    tables, kept = [], []
    same = zlib.crc32(f"{plan.described()} {plan.trials} {fresh}".encode())  # what is kept must be of this very search
    for condition in conditions(plan.setup, plan.depth, other):
        path = folder / ROOM / f"measured.{condition.name}.{same}.partial"
        if not path.exists():
            write_atomically(path, measure(found, condition, fresh).to_csv(index=False).encode())
            print(f"{condition.name}: {time.perf_counter() - began:.0f} s", flush=True)
        tables.append(read_table(path))
        kept.append(path)
    searching = sum(seconds_spent(unit, plan, storage) for unit in todo)
    record = _record(todo, plan, fresh, other, searching + time.perf_counter() - began)
    for (arm, sampler), table in trials.groupby(["arm", "sampler"]):
        print(results.save(ROOM, f"matrix_{arm}_{sampler}", table, record, folder, digits=4))
    print(results.save(ROOM, "matrix_final", pd.concat(tables, ignore_index=True), record, folder, digits=4))
    for path in kept:
        path.unlink()


def _record(todo: tuple[Unit, ...], plan: Plan, fresh: dict, other: Setup | None, seconds: float) -> dict:
    """Where the tables come from; the wall time is that of all searches, one after another, and of saving."""
    setup = plan.setup
    return provenance.record(
        command=provenance.command("repro.weight_alignment.matrix_stored"),
        parameters={"depth": plan.depth, "trials": plan.trials, "sets": len(plan.sets), "networks": 4}
        | {name: getattr(setup, name) for name in ("width", "epochs", "batch", "momentum", "batch_norm")},
        seeds={
            "search": sorted({unit.seed for unit in todo}),
            "networks": list(plan.network_seeds),
            "final": [s for found in fresh.values() for s in found],
        },
        device=str(setup.device),
        data={task.name: task.facts for task in (setup.task, *([other.task] if other else []))},
        wall_s=round(seconds, 1),
    )


if __name__ == "__main__":
    programs.run(matrix)
