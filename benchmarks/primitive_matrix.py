"""Seconds for one trial of all sets: ``python -m benchmarks.primitive_matrix [--rounds N] [--json FILE]``.

136 networks (32 sets, backpropagation, frozen features; 4 networks each), 10 epochs of the digits: in one batch, set
after set, and network after network (a sample of them, scaled up), taking turns in one process on one thread. That the
three agree is checked first. Takes about four minutes.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
import numpy as np
import optuna
import torch

from benchmarks.rounds import take_turns
from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.learners import Learner
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.matrix_search import Plan
from repro.weight_alignment.primitive_sets import REFERENCES, all_sets, family
from repro.weight_alignment.search_space import suggest
from repro.weight_alignment.tasks import load_task

SAMPLE = 17  # every how many-th network is trained alone


def networks(plan: Plan, arm: str) -> list[Learner]:
    """One random trial of every set."""
    found = []
    for name in plan.sets:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        learner = plan.learner(arm, name, suggest(study.ask(), family(name)))  # type: ignore[arg-type]
        found += [dataclasses.replace(learner, seed=seed) for seed in plan.network_seeds]
    return found


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--trials", default=64, show_default=True, help="of a search, for the extrapolation")
@click.option("--json", "path", type=click.Path(dir_okay=False), help="also write the table here")
def main(rounds: int, trials: int, path: str | None) -> None:
    """Print seconds a trial and what a search of one arm and sampler seed takes."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    setup = Setup(load_task("digits", validation=360))
    plan = Plan((*all_sets(), *REFERENCES), setup, depth=4, trials=trials)
    rows = []
    for arm in ("free", "rescaled"):
        learners = networks(plan, arm)

        def run(chosen: list[Learner]) -> np.ndarray:
            task = setup.task
            return train(chosen, setup.shape(plan.depth), task.train, task.validation, setup.schedule()).final

        together = run(learners)
        alone = np.concatenate([run([each]) for each in learners[::SAMPLE]])
        # float32 sums in another order: a few of the 360 examples may change sides in networks that are not settled
        assert np.median(np.abs(together[::SAMPLE] - alone)) <= 2 / 360
        turns = {
            "one batch": lambda every=learners: run(every),
            "set after set": lambda every=learners: [run(every[i : i + 4]) for i in range(0, len(every), 4)],
            "network after network, sample": lambda every=learners: [run([each]) for each in every[::SAMPLE]],
        }
        table = take_turns(turns, rounds, reference="set after set")
        share = len(learners[::SAMPLE]) / len(learners)
        scaled = table.seconds.where(table.contestant != "network after network, sample", table.seconds / share)
        table = table.assign(arm=arm, seconds=scaled, search_min=scaled * trials / 60)
        rows.append(table[["arm", "contestant", "seconds", "search_min"]])
        print(table[["arm", "contestant", "seconds", "search_min"]].round(2).to_string(index=False), flush=True)
    networks_trained = len(plan.sets) * len(plan.network_seeds) * trials
    print(f"search_min: minutes on one thread for {networks_trained:,} trainings, samplers not counted; aim 12 on two")
    if path:
        Path(path).write_text(json.dumps([row for table in rows for row in table.to_dict("records")], indent=1))


if __name__ == "__main__":
    main()
