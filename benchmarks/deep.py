"""What a deep training step costs by rule, over backpropagation: ``python -m benchmarks.deep --help``.

    python -m benchmarks.deep --model resnet20 --side 32 --batch 32 --rounds 7 --mode eager

A step is the training program's own: random images, forward, backward, both optimisers. The rules take turns in one
process. Before time, agreement: with rule BP the converted network has plain torch's gradients. From the times the
cost of ImageNet's 90 epochs is estimated, which nobody has run here.

BioTorch's feedback alignment is timed beside ours where it can be imported (see ``benchmarks.weight_alignment``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.rounds import take_turns
from benchmarks.weight_alignment import biotorch
from repro.parameters import find_device
from repro.weight_alignment import RULES, revert
from repro.weight_alignment.cost import theoretical_ratio
from repro.weight_alignment.deep_models import MODELS
from repro.weight_alignment.deep_network import descend, make
from repro.weight_alignment.deep_options import Feedback, Learning, Machine, Options

CLASSES = 10
IMAGENET_IMAGES = 1_281_167  # training images
IMAGENET_EPOCHS = 90

Step = Callable[[], object]


def step_of(options: Options, side: int, mode: str, x: Tensor, y: Tensor) -> Step:
    """A training step of the program as a function without arguments; compiled at its first call."""
    learning = make(options, 3, side, CLASSES, x.device)
    forward = torch.compile(learning.network) if mode == "compiled" else learning.network
    numbers = iter(range(10**9))

    def step() -> None:
        for optimiser in (learning.weights, learning.feedback):
            if optimiser is not None:
                optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(forward(x), y).backward()
        descend(learning, options, next(numbers), 10**9)
        if x.is_cuda:
            torch.cuda.synchronize()

    return step


def peer_step(network: nn.Module, rate: float, x: Tensor, y: Tensor) -> Step:
    """The same step of somebody else's conversion."""
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(network(x), y).backward()
        optimiser.step()
        if x.is_cuda:
            torch.cuda.synchronize()

    return step


def check_backpropagation(options: Options, side: int, x: Tensor, y: Tensor) -> None:
    """Stop with a line if rule BP has other gradients than the plain network."""
    own = dataclasses.replace(options, feedback=Feedback(rule="BP"))
    network = make(own, 3, side, CLASSES, x.device).network
    plain = revert(network)
    for each in (network, plain):
        F.cross_entropy(each(x), y).backward()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        if (ours.grad is None) != (theirs.grad is None) or not torch.allclose(ours.grad, theirs.grad, 1e-4, 1e-6):
            raise SystemExit("error: with rule BP the gradients are not those of plain torch")


def step_times(model: str, side: int, batch: int, rounds: int, mode: str, device: torch.device) -> pd.DataFrame:
    """One row a rule: seconds, ratio over backpropagation with quartiles, and what counting operations gives."""
    torch.manual_seed(0)
    x = torch.randn(batch, 3, side, side, device=device)
    y = torch.randint(CLASSES, (batch,), device=device)
    if device.type == "cuda":
        x = x.contiguous(memory_format=torch.channels_last)
    steady = Learning(rate=1e-4, schedule="constant")  # how fast is asked, not how well
    options = Options(out=Path("unused"), model=model, learning=steady, machine=Machine(device=device.type))
    check_backpropagation(options, side, x, y)
    contestants: dict[str, Step] = {}
    for rule in RULES:
        given = dataclasses.replace(options, feedback=Feedback(rule=rule))
        contestants[rule] = step_of(given, side, mode, x, y)
    for name, convert in biotorch().items():
        plain = revert(
            make(dataclasses.replace(options, feedback=Feedback(rule="BP")), 3, side, CLASSES, device).network
        )
        contestants[name] = peer_step(convert(plain).to(device), steady.rate, x, y)
    table = take_turns(contestants, rounds, reference="BP")
    table["over BP"] = 1 / table["times faster"]
    table["over BP low"], table["over BP high"] = 1 / table["high"], 1 / table["low"]
    table["theory"] = [theoretical_ratio(RULES[name]) if name in RULES else float("nan") for name in table.contestant]
    table["ImageNet hours, estimated"] = table.seconds / batch * IMAGENET_IMAGES * IMAGENET_EPOCHS / 3600
    return table.drop(columns=["times faster", "low", "high"])


@click.command()
@click.option("--model", type=click.Choice(MODELS), default="resnet20", show_default=True)
@click.option("--side", type=click.IntRange(min=8), default=32, show_default=True, help="Pixels a side.")
@click.option("--batch", type=click.IntRange(min=2), default=32, show_default=True, help="Images a step.")
@click.option("--rounds", type=click.IntRange(min=3), default=7, show_default=True, help="Turns of each rule.")
@click.option("--mode", type=click.Choice(["eager", "compiled"]), default="eager", show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here too.")
def main(model: str, side: int, batch: int, rounds: int, mode: str, device: str, target: Path | None) -> None:
    """Print the table."""
    where = find_device(device)
    if where.type == "cpu":
        click.echo("no GPU: the times are this processor's")
    table = step_times(model, side, batch, rounds, mode, where)
    threads = torch.get_num_threads()
    if (model, side) not in (("resnet18", 224), ("resnet50", 224)):
        table = table.drop(columns="ImageNet hours, estimated")
    click.echo(
        f"{model}, {side} pixels, batch {batch}, {mode}, {where.type}, {threads} threads, {rounds} rounds; over BP"
    )
    click.echo(table.round(3).to_string(index=False))
    if target:
        target.write_text(table.to_json(orient="records", indent=1) + "\n")


if __name__ == "__main__":
    main()
