"""Train networks side by side under one rule each, and measure accuracy and angle on the way."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from repro.multifactor.measures import cosine
from repro.multifactor.network_rules import changes, check_rule
from repro.multifactor.networks import Networks, forward, initial
from repro.multifactor.task import Task

LARGEST = 1e3  # a weight beyond counts as diverged: activities are of the order of 1


@dataclass(frozen=True)
class Trainee:
    """How one network learns."""

    rule: str
    hidden_rate: float  # learning rate of the hidden layers
    readout_rate: float  # learning rate of the readout
    seed: int = 0  # of weights, feedback, distractors and order of the samples

    def __post_init__(self) -> None:
        check_rule(self.rule)
        for name in ("hidden_rate", "readout_rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"Trainee: {name} is {value!r}; allowed is a finite number, 0 or larger")


@dataclass(frozen=True)
class Schedule:
    """How long to train, and when to measure."""

    epochs: int
    batch: int = 32  # samples a step; what is left over at the end of an epoch is dropped
    measured: tuple[float, ...] = ()  # epochs, fractions allowed, 0 before training; empty: the end
    sigma: float = 1e-2  # standard deviation of node perturbation, in units of the summed input
    chunk: int = 64  # networks computed together; a matter of cache, not of results

    @property
    def checkpoints(self) -> tuple[float, ...]:
        """Epochs after which to measure, in order."""
        return tuple(sorted(set(self.measured))) or (float(self.epochs),)


@dataclass(frozen=True)
class Outcome:
    """What became of each network at each checkpoint."""

    checkpoints: tuple[float, ...]  # epochs
    accuracy: Float[np.ndarray, "networks checkpoints"]  # on the held-out samples; chance once diverged
    angle: Float[np.ndarray, "networks checkpoints hidden"]  # degrees between change and -gradient; nan: no change
    diverged: Bool[np.ndarray, "networks"]

    @property
    def final(self) -> Float[np.ndarray, "networks"]:
        """Accuracy at the last checkpoint."""
        return self.accuracy[:, -1]


def train(
    trainees: Sequence[Trainee],
    sizes: Sequence[int],
    task: Task,
    schedule: Schedule,
    masks: Sequence[np.ndarray | None] | None = None,
    angles: bool = False,
) -> Outcome:
    """Train each network and measure it on the task's held-out samples.

    A network's result does not depend on which others are trained beside it, up to rounding. One that diverges counts
    as chance.

    Parameters
    ----------
    sizes : units of each layer, inputs and outputs included
    masks : which synapses of each layer there are, see ``networks.initial``
    angles : whether to measure the angle of each hidden layer's change on the task's probe samples
    """
    if not trainees:
        raise ValueError("train: no trainees; give one or more")
    if (sizes[0], sizes[-1]) != (task.inputs.shape[1], task.classes):
        raise ValueError(
            f"train: sizes are {tuple(sizes)}; the task has {task.inputs.shape[1]} inputs, {task.classes} classes"
        )
    count, checks = len(trainees), schedule.checkpoints
    accuracy, angle = np.zeros((count, len(checks))), np.full((count, len(checks), len(sizes) - 2), np.nan)
    for rule in dict.fromkeys(trainee.rule for trainee in trainees):
        places = [i for i, trainee in enumerate(trainees) if trainee.rule == rule]
        for start in range(0, len(places), schedule.chunk):
            part = places[start : start + schedule.chunk]
            found = _Group(rule, [trainees[i] for i in part], sizes, task, schedule, masks, angles).run()
            accuracy[part], angle[part] = found
    diverged = np.isnan(accuracy[:, -1])
    return Outcome(checks, np.where(np.isnan(accuracy), 1 / task.classes, accuracy), angle, diverged)


def networks_after(
    trainees: Sequence[Trainee], sizes: Sequence[int], task: Task, schedule: Schedule
) -> tuple[Networks, Float[Tensor, "networks probe inputs"]]:
    """Networks of one rule after training, in float64, and the probe samples with each one's distractors.

    Raises ValueError if the trainees follow more than one rule.
    """
    rules = {trainee.rule for trainee in trainees}
    if len(rules) != 1:
        raise ValueError(f"networks_after: one rule at a time; given are {', '.join(sorted(rules))}")
    group = _Group(rules.pop(), trainees, sizes, task, dataclasses.replace(schedule, measured=()), None, False)
    group.run()
    return group.double()


class _Group:
    """Networks of one rule; those of one seed share distractors, order and noise."""

    def __init__(
        self,
        rule: str,
        group: Sequence[Trainee],
        sizes: Sequence[int],
        task: Task,
        schedule: Schedule,
        masks: Sequence[np.ndarray | None] | None,
        angles: bool,
    ) -> None:
        self.rule, self.task, self.schedule, self.angles = rule, task, schedule, angles
        self.hidden = tuple(sizes[1:-1])
        self.networks = initial(sizes, [trainee.seed for trainee in group], masks)
        rates = [[trainee.hidden_rate] * len(self.hidden) + [trainee.readout_rate] for trainee in group]
        self.rates = [torch.tensor(rate, dtype=torch.float32)[:, None, None] for rate in zip(*rates, strict=True)]
        self.seeds = sorted({trainee.seed for trainee in group})
        self.whose = torch.tensor([self.seeds.index(trainee.seed) for trainee in group])
        self.streams = [np.random.default_rng([seed, 1]) for seed in self.seeds]
        self.draws = [task.distractors(seed) for seed in self.seeds]
        self.lost = torch.zeros(len(group), dtype=torch.bool)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy (nan once diverged) and angles at each checkpoint."""
        schedule, found = self.schedule, []
        steps = len(self.task.inputs) // schedule.batch
        due = {round(epoch * steps): place for place, epoch in enumerate(schedule.checkpoints)}
        for epoch in range(schedule.epochs):
            x, targets, noise = self._epoch(steps)
            for step in range(steps):
                if epoch * steps + step in due:
                    found.append(self._measure())
                self._learn(x[:, step], targets[:, step], [n[:, step] for n in noise])
            self._stop_lost()
        if schedule.epochs * steps in due:
            found.append(self._measure())
        accuracy, angle = zip(*found, strict=True)
        return np.stack(accuracy, 1), np.stack(angle, 1)

    def _epoch(self, steps: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Inputs, targets and noise of an epoch, seeds by steps by batch, with fresh distractors."""
        shape = (steps, self.schedule.batch)
        xs, ts, noises = [], [], []
        for stream, draw in zip(self.streams, self.draws, strict=True):
            order = stream.permutation(len(self.task.inputs))[: steps * self.schedule.batch]
            xs.append(draw.add(self.task.inputs[order], stream).reshape(*shape, -1))
            ts.append(self.task.one_hot[order].reshape(*shape, -1))
            if self.rule == "NP":
                noises.append([stream.standard_normal((*shape, units), dtype=np.float32) for units in self.hidden])
        stacked = [torch.as_tensor(np.stack(arrays), dtype=torch.float32) for arrays in (xs, ts)]
        return stacked[0], stacked[1], [torch.as_tensor(np.stack(same)) for same in zip(*noises, strict=True)]

    def _learn(self, x: Tensor, targets: Tensor, noise: list[Tensor]) -> None:
        x, targets, noise = x[self.whose], targets[self.whose], [n[self.whose] for n in noise]
        activities = forward(self.networks, x)
        moved = changes(self.rule, self.networks, activities, targets, noise, self.schedule.sigma)
        for weight, change, rate in zip(self.networks.weights, moved, self.rates, strict=True):
            weight.addcmul_(rate, change)

    def _stop_lost(self) -> None:
        """Networks that have diverged are set to 0 and stay there, so that they slow nobody down."""
        for weight in self.networks.weights:
            self.lost |= ~(weight.abs().amax((1, 2)) < LARGEST)
        for rate in self.rates:
            rate[self.lost] = 0
        for weight in self.networks.weights:
            weight[self.lost] = 0

    def _measure(self) -> tuple[np.ndarray, np.ndarray]:
        self._stop_lost()
        held = torch.as_tensor(np.stack([draw.held_out for draw in self.draws]), dtype=torch.float32)[self.whose]
        guess = forward(self.networks, held)[-1].argmax(2)
        right = (guess == torch.as_tensor(self.task.held_out_labels)).double().mean(1)
        right[self.lost] = torch.nan
        return right.numpy(), self._angles() if self.angles else np.full((len(right), len(self.hidden)), np.nan)

    def _angles(self) -> np.ndarray:
        """Degrees between the rule's change and minus the gradient, hidden layers, probe samples, float64."""
        double, x = self.double()
        targets = torch.as_tensor(self.task.one_hot[self.task.probe]).double().expand(len(x), -1, -1)
        activities = forward(double, x)
        random = torch.Generator().manual_seed(0)
        noise = [torch.randn((*x.shape[:2], units), generator=random, dtype=x.dtype) for units in self.hidden]
        own = changes(self.rule, double, activities, targets, noise, 1e-4)
        exact = changes("BP", double, activities, targets)
        found = [cosine(a[:, :, :-1], b[:, :, :-1]) for a, b in zip(own[:-1], exact[:-1], strict=True)]
        cosines = np.stack([np.asarray(each) for each in found], 1)
        return np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))

    def double(self) -> tuple[Networks, Tensor]:
        """The networks and each one's probe samples, in float64."""
        now = self.networks
        weights, feedback, direct = ([w.double() for w in each] for each in (now.weights, now.feedback, now.direct))
        masks = [None if mask is None else mask.double() for mask in now.masks]
        x = torch.as_tensor(np.stack([draw.probe for draw in self.draws]))[self.whose]
        return Networks(weights, feedback, direct, masks), x
