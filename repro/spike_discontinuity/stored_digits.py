"""The stored run on digits: ``python -m repro.spike_discontinuity.stored_digits``; more networks than a page waits for.

Learning rates chosen on validation images, then fresh networks of each way of sending errors back, and the feedback's
imposed scale halved and doubled. You should see ``data/results/spike_discontinuity/feedback_digits.csv`` and its
``.json`` after about five minutes on one core. A run that is cut off goes on behind its last finished seed with the
same command.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

from repro import provenance, results
from repro.spike_discontinuity.spiking_feedback import METHODS, Contestant, Plan, compare
from repro.weight_alignment.tasks import load_task

ROOM = "spike_discontinuity"
RATES = (0.02, 0.05, 0.1, 0.2)
SCALES = (0.5, 2.0)


def measured(who: Sequence[Contestant], part: str, plan: Plan, done: Path) -> list[dict[str, Any]]:
    """One row a network and epoch, from the file ``done`` if they were trained before."""
    if done.exists():
        return json.loads(done.read_text())
    began = time.perf_counter()
    table, _ = compare(who, plan, held_out=part)
    tidy = table.drop(columns="loss").assign(part=part)
    rows: list[dict[str, Any]] = [dict(zip(tidy.columns, row, strict=True)) for row in tidy.itertuples(index=False)]
    rows[-1]["seconds"] = round(time.perf_counter() - began, 1)
    results.write_atomically(done, json.dumps(rows, default=_plain).encode())
    click.echo(f"{part}, seed {who[0].seed}: {rows[-1]['seconds']} s")
    return rows


def _plain(number: Any) -> Any:
    """A numpy number as Python's own."""
    return number.item()


@click.command()
@click.option("--epochs", default=5, show_default=True)
@click.option("--phase-seconds", default=30.0, show_default=True, help="of each layer, before every epoch")
@click.option("--tuning-seeds", default=3, show_default=True, help="networks that each rate is tried on")
@click.option("--seeds", default=20, show_default=True, help="fresh networks of each method")
@click.option("--seed", default=0, show_default=True, help="from which the others follow")
def digits(epochs: int, phase_seconds: float, tuning_seeds: int, seeds: int, seed: int) -> None:
    """Choose rates, train fresh networks, and store their accuracies."""
    torch.set_num_threads(1)
    task = load_task("digits", validation=360)
    plan = Plan(task, epochs=epochs, phase_seconds=phase_seconds)
    folder = provenance.ROOT / ".build" / f"feedback-digits-{epochs}-{phase_seconds:g}"
    tried = [1000 * seed + k for k in range(tuning_seeds)]
    fresh = [1000 * seed + 100 + k for k in range(seeds)]
    rows: list[dict[str, Any]] = []
    for each in tried:
        who = [Contestant(method, rate, each) for method in METHODS for rate in RATES]
        rows += measured(who, "validation", plan, folder / f"{each}-validation.json")
    last = pd.DataFrame(rows).query(f"epoch == {epochs}").groupby(["method", "rate"]).accuracy.mean()
    rates = {method: float(last[method].idxmax()) for method in METHODS}
    for each in fresh:
        who = [Contestant(method, rate, each) for method, rate in rates.items()]
        who += [Contestant("as coded", rates["as coded"], each, scale) for scale in SCALES]
        rows += measured(who, "test", plan, folder / f"{each}-test.json")
    table = pd.DataFrame(rows)
    record = provenance.record(
        command=provenance.command("repro.spike_discontinuity.stored_digits"),
        parameters={"rates": RATES, "chosen": rates, "scales": SCALES, "epochs": epochs}
        | {"phase_seconds": phase_seconds, "hidden": plan.hidden, "batch": plan.batch, "momentum": plan.momentum},
        seeds={"tuning": tried, "test": fresh},
        device="cpu",
        data={task.name: task.facts},
        wall_s=round(float(table.seconds.sum()), 1),
    )
    print(results.save(ROOM, "feedback_digits", table, record))


if __name__ == "__main__":
    digits()
