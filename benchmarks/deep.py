"""What a deep training step costs by rule, over backpropagation: ``python -m benchmarks.deep --help``.

    python -m benchmarks.deep --model resnet20 --side 32 --batch 32 --rounds 7 --mode eager

A step is the training program's own: random images, forward, backward, both optimisers. The rules take turns in one
process, compiled networks each in one of its own. Before time, agreement: with rule BP the converted network has plain
torch's gradients. From the times the cost of ImageNet's 90 epochs is estimated, which nobody has run here.

BioTorch's feedback alignment is timed beside ours where it can be imported (see ``repro.weight_alignment.peers``).
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
import torch

from repro.parameters import find_device
from repro.weight_alignment.deep_models import MODELS
from repro.weight_alignment.deep_speed import IMAGENET_EPOCHS, IMAGENET_IMAGES, Workload, step_times
from repro.weight_alignment.peers import biotorch


def timed(workload: Workload, rounds: int, steps: int) -> pd.DataFrame:
    """One row a rule: seconds, ratio over backpropagation with quartiles, and what counting operations gives."""
    table = step_times(workload, rounds, peers=biotorch() if workload.takes_peers else {}, steps=steps)
    hours = table.milliseconds / workload.batch * IMAGENET_IMAGES * IMAGENET_EPOCHS / 3.6e6
    return table.assign(**{"ImageNet hours, estimated": hours})


@click.command()
@click.option("--model", type=click.Choice(MODELS), default="resnet20", show_default=True)
@click.option("--side", type=click.IntRange(min=8), default=32, show_default=True, help="Pixels a side.")
@click.option("--batch", type=click.IntRange(min=2), default=32, show_default=True, help="Images a step.")
@click.option("--rounds", type=click.IntRange(min=3), default=7, show_default=True, help="Turns of each rule.")
@click.option("--steps", type=click.IntRange(min=1), default=1, show_default=True, help="Steps a turn.")
@click.option("--mode", type=click.Choice(["eager", "compiled"]), default="eager", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bf16"]), default="float32", show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(
    model: str,
    side: int,
    batch: int,
    rounds: int,
    steps: int,
    mode: str,
    precision: str,
    device: str,
    target: Path | None,
) -> None:
    """Print the table."""
    where = find_device(device)
    if where.type == "cpu":
        click.echo("no GPU: the times are this processor's")
    workload = Workload(model, side, batch, str(where), mode, precision)  # type: ignore[arg-type]
    table = timed(workload, rounds, steps)
    if (model, side) not in (("resnet18", 224), ("resnet50", 224)):
        table = table.drop(columns="ImageNet hours, estimated")
    threads = torch.get_num_threads()
    click.echo(f"{model}, {side} pixels, batch {batch}, {mode}, {precision}, {where}, {threads} threads; over BP")
    shown = table.drop(columns=["model", "side", "batch", "device", "mode", "precision"])
    click.echo(shown.round(3).to_string(index=False))
    if target:
        target.write_text(table.to_json(orient="records", indent=1) + "\n")


if __name__ == "__main__":
    main()
