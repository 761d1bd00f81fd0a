"""Long runs that the chapter shows beside its live ones: ``python -m repro.weight_alignment.stored``.

MNIST with all its training images. You should see ``data/results/weight_alignment/mnist.csv`` and ``.json`` after
about three minutes on one core.
"""

from __future__ import annotations

import time

import click
import torch

from repro import programs, provenance, results
from repro.weight_alignment.experiments import Setup, accuracy_after_search
from repro.weight_alignment.search_space import FAMILIES
from repro.weight_alignment.tasks import load_task
from repro.weight_alignment.tuning import Budget

ROOM = "weight_alignment"


@click.command()
@programs.count("--depth", 4, "hidden layers of 48 units")
@programs.count("--trials", 32, "of each rule, 4 networks each, on 6,000 images, 3 epochs")
@programs.count("--epochs", 5, "of the final networks, on all training images")
@programs.count("--seeds", 5, "final networks of each rule")
@click.option("--seed", default=0, show_default=True, help="from which the others follow")
def mnist(depth: int, trials: int, epochs: int, seeds: int, seed: int) -> None:
    """Tune every rule on part of MNIST, train it on all, and store the test accuracies."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    part, whole = (load_task("mnist", validation=2000, limit=limit) for limit in (6000, None))
    searching, final = Setup(part, epochs=3), Setup(whole, epochs=epochs)
    first = 1000 * seed
    budget = Budget(trials, (first,), network_seeds=tuple(range(first, first + 4)), startup=8)
    fresh = tuple(range(first + 100, first + 100 + seeds))
    table = accuracy_after_search(searching, final, depth, tuple(FAMILIES), budget, fresh)
    record = provenance.record(
        command=provenance.command("repro.weight_alignment.stored"),
        parameters={"depth": depth, "trials": trials, "epochs": epochs, "seeds": seeds, "seed": seed}
        | {name: value for name, value in vars(final).items() if name in ("width", "batch", "momentum", "batch_norm")},
        seeds={"search": [first], "networks": list(budget.network_seeds), "final": list(fresh)},
        device="cpu",
        data={whole.name: whole.facts},
        wall_s=round(time.perf_counter() - began, 1),
    )
    print(results.save(ROOM, "mnist", table, record))


if __name__ == "__main__":
    programs.run(mnist)
