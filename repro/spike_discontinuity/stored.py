"""The stored run of the convolutional network: ``python -m repro.spike_discontinuity.stored``.

A part of CIFAR-10, which must be there. You should see ``data/results/spike_discontinuity/convolutional.csv`` and its
``.json`` after about twenty minutes on one busy core. A run that is cut off goes on behind its last finished network
with the same command.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

from repro import provenance, results
from repro.spike_discontinuity.convolutional import ConvolutionalPlan, Images, Training, load_images

ROOM = "spike_discontinuity"
METHODS = ("BP", "FA", "SA", "as coded")
RATES = (0.003, 0.01, 0.03)
LAYERS = ("800 to 128", "128 to 64", "64 to 10")


def trained(
    method: str, rate: float, seed: int, epochs: int, part: str, plan: ConvolutionalPlan, images: Images, done: Path
) -> list[dict[str, Any]]:
    """One row an epoch of a network in training, from the file ``done`` if it has been trained before."""
    if done.exists():
        return json.loads(done.read_text())
    began, training, rows = time.perf_counter(), Training(method, rate, seed, plan), []
    for epoch in range(1, epochs + 1):
        training.run_epoch(images)
        signs = dict(zip((f"sign, {name}" for name in LAYERS), training.signs(), strict=True))
        row = {"part": part, "method": method, "rate": rate, "seed": seed, "epoch": epoch}
        rows.append(row | {"accuracy": training.accuracy(images, part)} | signs)
    rows[-1]["seconds"] = round(time.perf_counter() - began, 1)
    results.write_atomically(done, json.dumps(rows).encode())
    click.echo(f"{method}, rate {rate}, seed {seed}: {rows[-1]['accuracy']:.1f} % in {rows[-1]['seconds']} s")
    return rows


@click.command()
@click.option("--train", default=6000, show_default=True, help="training images")
@click.option("--validation", default=2000, show_default=True, help="images on which rates are chosen")
@click.option("--test", default=4000, show_default=True, help="images on which networks are measured")
@click.option("--epochs", default=8, show_default=True)
@click.option("--tuning-epochs", default=3, show_default=True, help="of the network that each rate is tried on")
@click.option("--seeds", default=5, show_default=True, help="networks of each method")
@click.option("--seed", default=0, show_default=True, help="from which the others follow")
def convolutional(
    train: int, validation: int, test: int, epochs: int, tuning_epochs: int, seeds: int, seed: int
) -> None:
    """Choose a rate for each method on validation images, train it on fresh seeds, and store test accuracies."""
    torch.set_num_threads(1)
    plan, images = ConvolutionalPlan(), load_images(train, validation, test)
    folder = provenance.ROOT / ".build" / f"convolutional-{train}-{validation}-{test}-{epochs}-{tuning_epochs}"
    rows: list[dict[str, Any]] = []
    rates: dict[str, float] = {}
    for method in METHODS:
        scores = {}
        for rate in RATES:
            done = folder / f"{method}-{rate}-{1000 * seed}-tuning.json".replace(" ", "-")
            found = trained(method, rate, 1000 * seed, tuning_epochs, "validation", plan, images, done)
            scores[rate] = found[-1]["accuracy"]
            rows += found
        rates[method] = max(RATES, key=lambda rate: scores[rate])
    fresh = [1000 * seed + 100 + k for k in range(seeds)]
    for each in fresh:
        for method, rate in rates.items():
            done = folder / f"{method}-{rate}-{each}-test.json".replace(" ", "-")
            rows += trained(method, rate, each, epochs, "test", plan, images, done)
    table = pd.DataFrame(rows)
    record = provenance.record(
        command=provenance.command("repro.spike_discontinuity.stored"),
        parameters=asdict(plan) | {"rates": RATES, "chosen": rates, "epochs": epochs, "tuning_epochs": tuning_epochs},
        seeds={"tuning": [1000 * seed], "test": fresh},
        device="cpu",
        data={"cifar10": images.facts},
        wall_s=round(float(table.seconds.sum()), 1),
    )
    print(results.save(ROOM, "convolutional", table, record))


if __name__ == "__main__":
    convolutional()
