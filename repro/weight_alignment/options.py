"""What the authors' code lets one switch on around a rule: noise input, centring, turns, delay, update noise.

A separate optimiser for the feedback needs no option: give it ``feedback_parameters(model)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from repro.weight_alignment.operators import Operator

CENTRINGS = ("none", "batch", "sample")
NOISES = ("none", "normal", "uniform")


@dataclass(frozen=True)
class AlignmentInput:
    """What a layer's alignment sees as x (and y = W x, without the bias).

    The error's way back and the weight's gradient are never touched by it. Noise is drawn afresh for each layer, not
    propagated, from torch's own generator of the device, as dropout is: ``torch.manual_seed`` fixes it.
    """

    batch_fraction: float = 1.0  # share of the batch, from its front; the mean is over that share
    center: str = "none"  # "batch": mean over the batch removed; "sample": mean over each sample, as the authors
    noise: str = "none"  # white noise of zero mean in place of x: weight mirroring proper
    noise_std: float = 1.0  # standard deviation of that noise

    def __post_init__(self) -> None:
        if not 0.0 < self.batch_fraction <= 1.0:
            raise ValueError(f"AlignmentInput: batch_fraction is {self.batch_fraction!r}; allowed is (0, 1]")
        if self.center not in CENTRINGS:
            raise ValueError(f"AlignmentInput: center is {self.center!r}; allowed are {', '.join(CENTRINGS)}")
        if self.noise not in NOISES:
            raise ValueError(f"AlignmentInput: noise is {self.noise!r}; allowed are {', '.join(NOISES)}")
        if not 0.0 < self.noise_std < float("inf"):
            raise ValueError(f"AlignmentInput: noise_std is {self.noise_std!r}; allowed is a finite number above 0")

    @property
    def keeps_output(self) -> bool:
        """Whether the forward pass's own y can be used; otherwise y is computed again from the x that is seen."""
        return self.noise == "none" and self.center != "sample"

    def rows(self, n: int) -> int:
        """How many of n samples are seen; at least one."""
        return min(n, max(1, round(n * self.batch_fraction)))

    def seen(
        self, operator: Operator, weight: Tensor | None, x: Tensor, y: Tensor | None, wants_output: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The x and y that the rule sees, from the layer's x and (cut to the seen rows already) y.

        The weight is read only if y is wanted and not kept.
        """
        x = x[: self.rows(len(x))]
        if self.noise == "normal":
            x = torch.randn_like(x) * self.noise_std
        elif self.noise == "uniform":
            x = (torch.rand_like(x) - 0.5) * (12.0**0.5 * self.noise_std)
        if self.center == "batch":
            x = x - x.mean(0)
            y = None if y is None else y - y.mean(0)
        elif self.center == "sample":
            x = x - x.mean(tuple(range(1, x.dim())), keepdim=True)
        if wants_output and not self.keeps_output:
            assert weight is not None
            y = operator.apply(x, weight)
        return x, y


class Turn(NamedTuple):
    """What a training step does."""

    align: bool  # the feedback learns
    task: bool  # the weights learn


def turn(step: int, tasks_per_alignment: int | None = None, delay_steps: int = 0) -> Turn:
    """What step number ``step`` (from 0) does.

    During ``delay_steps`` there is alignment only. Then one alignment step is followed by ``tasks_per_alignment``
    task steps, over and over; with None both learn in every step, from the same batch.

    Deviates from the authors' code, which multiplies a resting loss by zero but still takes the optimiser's step, so
    that momentum and weight decay go on moving what should rest. Here what rests is not stepped.
    """
    if step < 0 or delay_steps < 0 or (tasks_per_alignment is not None and tasks_per_alignment < 1):
        raise ValueError(
            f"turn: step {step}, tasks_per_alignment {tasks_per_alignment}, delay_steps {delay_steps}; "
            "steps must be 0 or larger, tasks_per_alignment None or at least 1"
        )
    if step < delay_steps:
        return Turn(align=True, task=False)
    if tasks_per_alignment is None:
        return Turn(align=True, task=True)
    aligns = (step - delay_steps) % (tasks_per_alignment + 1) == 0
    return Turn(align=aligns, task=not aligns)


@torch.no_grad()
def add_update_noise(
    parameters: Iterable[Tensor], learning_rate: float, std: float, generator: torch.Generator | None = None
) -> None:
    """Add ``learning_rate`` times Gaussian noise of standard deviation ``std`` to each parameter, in place.

    Call it after the optimiser's step. The authors add it to every variable that an optimiser visits; for
    Kolen-Pollack to the feedback alone, i.e. to ``feedback_parameters(model)``.
    """
    if not (std >= 0.0 and learning_rate >= 0.0):
        raise ValueError(f"add_update_noise: learning_rate {learning_rate}, std {std}; both must be 0 or larger")
    for parameter in parameters:
        noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype, device=parameter.device)
        parameter.add_(noise, alpha=learning_rate * std)
