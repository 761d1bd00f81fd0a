"""What a small network is, how it learns, and on what: the settings of networks that train as one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from repro.weight_alignment.rules import Rule


@dataclass(frozen=True)
class Shape:
    """A chain of dense layers with rectified hidden units."""

    inputs: int
    hidden: tuple[int, ...]  # units of each hidden layer
    classes: int

    def __post_init__(self) -> None:
        for size in (self.inputs, *self.hidden, self.classes):
            if size < 1:
                raise ValueError(f"Shape: a layer has {size} units; allowed are 1 or more")
        if not self.hidden:
            raise ValueError("Shape: hidden is empty; without a hidden layer no feedback weight is ever read")

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(outputs, inputs) of each layer, first to last."""
        sizes = (self.inputs, *self.hidden, self.classes)
        return tuple(zip(sizes[1:], sizes[:-1], strict=True))


@dataclass(frozen=True)
class Learner:
    """How one network learns: a rule, its rates, and a seed.

    Initial weights, order of the batches, update noise and mirror noise each have their own random stream, and
    each follows from ``seed`` alone: two learners with the same seed and another rule are a paired comparison.

    Deviates from the authors' code: weight decay is applied to W after the momentum, not through it; Kolen-Pollack's
    feedback makes the weight's own step, momentum included; update noise is added to W and B only.
    """

    rule: Rule
    rate: float  # learning rate of the weights
    seed: int = 0
    momentum: float = 0.0  # of the weights; v = momentum v - rate g, w += v
    weight_decay: float = 0.0  # per step and unit of rate: W shrinks by rate * weight_decay
    feedback_rate: float = 1.0  # learning rate of the feedback; multiplies the rule's coefficients
    feedback_adam: bool = False  # feedback moves by Adam (0.9, 0.999, 1e-8), otherwise by plain descent
    centre_input: bool = False  # alignment sees the input without its batch mean
    match_norm: bool = False  # feedback of each layer is rescaled to the weight's Frobenius norm after each step
    weight_noise: float = 0.0  # sd of Gaussian noise on each weight update, in units of rate
    feedback_noise: float = 0.0  # sd of Gaussian noise on each feedback update, in units of rate
    mirror: bool = False  # alignment sees white Gaussian noise instead of the activations
    batch_norm: bool = True  # before each rectification, with exact backward pass
    frozen_features: bool = False  # only the last layer learns

    def __post_init__(self) -> None:
        for name in ("rate", "momentum", "weight_decay", "feedback_rate", "weight_noise", "feedback_noise"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"Learner: {name} is {value!r}; allowed is a finite number, 0 or larger")
        if self.momentum >= 1:
            raise ValueError(f"Learner: momentum is {self.momentum!r}; allowed is 0 or larger, below 1")
        if self.seed < 0:
            raise ValueError(f"Learner: seed is {self.seed!r}; allowed is 0 or larger")


@dataclass(frozen=True)
class Examples:
    """Inputs with their classes."""

    inputs: Float[np.ndarray, "samples inputs"]
    labels: Int[np.ndarray, "samples"]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Int[np.ndarray, "taken"] | slice) -> Examples:
        """Some of the examples."""
        return Examples(self.inputs[index], self.labels[index])


@dataclass(frozen=True)
class Schedule:
    """How long and in which portions to train."""

    epochs: int
    batch: int = 32  # examples a step; what is left over at the end of an epoch is dropped
    measured: tuple[int, ...] = ()  # epochs after which to measure, 0 for before training; empty: the last one
    chunk: int = 32  # networks computed together; a matter of cache size, not of results

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "chunk"):
            if getattr(self, name) < 1:
                raise ValueError(f"Schedule: {name} is {getattr(self, name)!r}; allowed is 1 or more")
        if any(not 0 <= epoch <= self.epochs for epoch in self.measured):
            raise ValueError(f"Schedule: measured is {self.measured}; allowed are epochs from 0 to {self.epochs}")

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The epochs after which to measure, in order."""
        return tuple(sorted(set(self.measured))) or (self.epochs,)


def arrange(learners: Sequence[Learner], chunk: int) -> Iterator[list[int]]:
    """Positions of the learners, in groups that are computed together.

    Learners that need different kinds of work (Adam, mirror noise, batch normalisation, frozen features) never
    share a group; among the others, those with the same primitives come side by side, so that a group computes
    few terms that only some of it needs.
    """

    def work(learner: Learner) -> tuple[bool, ...]:
        return (learner.feedback_adam, learner.frozen_features, learner.mirror, learner.batch_norm)

    def wish(position: int) -> tuple[bool, ...]:
        learner = learners[position]
        rule = learner.rule
        terms = (rule.sparse > 0, rule.null > 0, rule.amp > 0, rule.self_weight > 0, rule.tied)
        return (*work(learner), *terms, learner.match_norm)

    group: list[int] = []
    for position in sorted(range(len(learners)), key=wish):
        if group and (len(group) == chunk or work(learners[group[0]]) != work(learners[position])):
            yield group
            group = []
        group.append(position)
    if group:
        yield group
