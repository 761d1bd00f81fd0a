"""What feedback learning costs: ``python -m benchmarks.weight_alignment [--only SECTION] [--json FILE]``.

Takes about two minutes on two cores; set OMP_NUM_THREADS to fix the threads. Ratios are medians over rounds in which
each contestant takes its turn, with quartiles.

BioTorch's feedback alignment is timed beside ours if it can be imported. Its models want torchvision, its layers and
its converter don't, so it installs without its dependencies, best outside this environment:

    pip install --no-deps --target /some/folder biotorch
    PYTHONPATH=/some/folder python -m benchmarks.weight_alignment
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import pandas as pd
import torch

from benchmarks.lockstep import throughput
from repro.weight_alignment.cost import step_cost
from repro.weight_alignment.peers import biotorch

AIMS = {"FA": 1.05, "SA": 1.05, "WM": 1.45, "IA": 1.85, "AA": 1.85, "all five": 2.6}  # set before measuring

Table = pd.DataFrame


def step_time(model_name: str, repeats: int) -> Table:
    """Time of a training step over backpropagation, by rule."""
    table = step_cost(model_name, repeats=repeats, peers=biotorch())
    table["aim"] = table["rule"].map(AIMS)
    batch, threads = table["batch"].iloc[0], table["threads"].iloc[0]
    click.echo(f"\nTraining step of {model_name}, batch {batch}, {threads} threads, {repeats} rounds; over BP")
    click.echo(table.drop(columns=["model", "batch", "repeats", "threads"]).round(3).to_string(index=False))
    return table


def resnet20(repeats: int) -> Table:
    """ResNet-20 on 32 x 32 images."""
    return step_time("resnet20", max(3, repeats // 3))


def mlp(repeats: int) -> Table:
    """A dense network, 784-512-512-512-10."""
    return step_time("mlp", 2 * repeats)


def small_networks(repeats: int) -> Table:
    """128 small networks as one batch, against one after another."""
    return throughput(max(1, repeats // 15))


SECTIONS: dict[str, Callable[[int], Table]] = {"resnet20": resnet20, "mlp": mlp, "lockstep": small_networks}


@click.command()
@click.option("--only", type=click.Choice(list(SECTIONS)), multiple=True, help="Sections to run; all by default.")
@click.option("--repeats", type=click.IntRange(min=3), default=30, show_default=True, help="Rounds, scaled by section.")
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here too.")
def main(only: tuple[str, ...], repeats: int, target: Path | None) -> None:
    """Print the tables, and write them as JSON (section: list of rows)."""
    click.echo(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    tables = {name: SECTIONS[name](repeats) for name in only or SECTIONS}
    if target:
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
