"""What the settings that a search found are worth: with fresh networks, on unseen examples, in other networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.learners import Examples, Learner
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.matrix_search import Arm, angle_and_gain

Found = Mapping[tuple[Arm, str, int], Learner]
"""Learners by arm, set and sampler seed."""


@dataclass(frozen=True)
class Condition:
    """Where settings are put to the test, without tuning them again."""

    name: str
    setup: Setup
    depth: int
    examples: Examples  # on which fresh networks are measured


def conditions(setup: Setup, depth: int, other: Setup | None = None) -> tuple[Condition, ...]:
    """The search's own network on validation and test examples, twice its depth, twice its width, other images."""
    wide = replace(setup, width=2 * setup.width)
    here = (
        Condition("validation", setup, depth, setup.task.validation),
        Condition("test", setup, depth, setup.task.test),
        Condition("deeper", setup, 2 * depth, setup.task.test),
        Condition("wider", wide, depth, setup.task.test),
    )
    return here if other is None else (*here, Condition(other.task.name, other, depth, other.task.test))


def fresh_seeds(sampler_seeds: Sequence[int], count: int, first: int) -> dict[int, tuple[int, ...]]:
    """Network seeds for each search: the same for all its sets and both arms, others for each search."""
    return {
        sampler_seed: tuple(range(first + count * place, first + count * (place + 1)))
        for place, sampler_seed in enumerate(sorted(sampler_seeds))
    }


def measure(found: Found, condition: Condition, seeds: Mapping[int, Sequence[int]]) -> pd.DataFrame:
    """Train fresh networks with each setting and measure them.

    Parameters
    ----------
    found : the settings
    seeds : of the networks, by sampler seed

    Returns
    -------
    One row a network: ``condition``, ``arm``, ``set``, ``sampler_seed``, ``seed``, ``accuracy`` (percent; chance if it
    diverged), ``angle`` (degrees) and ``gain`` (log10), means over layers, ``diverged``.
    """
    keys = [(*key, seed) for key in found for seed in seeds[key[2]]]
    networks = [replace(found[arm, name, search], seed=seed) for arm, name, search, seed in keys]
    setup = condition.setup
    outcome = train(
        networks,
        setup.shape(condition.depth),
        setup.task.train,
        condition.examples,
        setup.schedule(),
        device=setup.device,
    )
    angle, gain = angle_and_gain(outcome)
    table = pd.DataFrame(keys, columns=["arm", "set", "sampler_seed", "seed"])
    table.insert(0, "condition", condition.name)
    return table.assign(accuracy=100 * outcome.final, angle=angle, gain=gain, diverged=outcome.diverged)
