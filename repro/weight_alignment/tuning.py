"""Equal tuning: every rule gets the same trials, sampler seeds, networks and ranges, and all train in lockstep.

A trial's score is the mean validation accuracy of its networks minus their standard deviation, so that a setting
that fails on some seeds does not win; a network that diverges counts as chance. The test examples play no part.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import optuna
import pandas as pd
import torch

from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape
from repro.weight_alignment.lockstep import Outcome, train
from repro.weight_alignment.search_space import Family, Parameters, learner, suggest

Kind = Literal["tpe", "random"]
"""How trials are chosen: by the tree-structured Parzen estimator, or at random."""


@dataclass(frozen=True)
class Budget:
    """What each rule is given."""

    trials: int
    sampler_seeds: tuple[int, ...] = (0,)  # one search each
    network_seeds: tuple[int, ...] = (0, 1, 2, 3)  # networks of a trial, the same for every trial and rule
    sampler: Kind = "tpe"
    startup: int = 16  # trials before the tree-structured Parzen estimator begins to model

    def __post_init__(self) -> None:
        if self.trials < 1 or not self.sampler_seeds:
            raise ValueError(f"Budget: {self.trials} trials of {len(self.sampler_seeds)} searches; give 1 or more each")
        if len(self.network_seeds) < 2:
            raise ValueError("Budget: network_seeds needs two or more, for the standard deviation of a trial")

    @property
    def trainings(self) -> int:
        """Networks trained for each rule."""
        return self.trials * len(self.sampler_seeds) * len(self.network_seeds)


@dataclass(frozen=True)
class Search:
    """The trials of a search, tidy, and the budget that each rule was given."""

    trials: pd.DataFrame  # rule, sampler_seed, trial, score, mean, sd, diverged, and the parameters
    parameters: Mapping[tuple[str, int, int], Parameters]  # by rule, sampler seed and trial
    families: Mapping[str, Family]
    budget: Budget

    def best(self, rule: str, sampler_seed: int | None = None, **options: object) -> Learner:
        """The learner of a rule's best trial, of one sampler seed or over all; the first one, among equals."""
        own = self.trials[self.trials.rule == rule]
        if sampler_seed is not None:
            own = own[own.sampler_seed == sampler_seed]
        if own.empty:
            raise ValueError(f"Search: no trials of {rule!r} with sampler seed {sampler_seed}")
        row = own.iloc[int(own.score.argmax())]
        found = self.parameters[rule, int(row.sampler_seed), int(row.trial)]
        return learner(self.families[rule], found, **options)

    def best_so_far(self) -> pd.DataFrame:
        """The trials with the column ``best``: the best score up to each trial, so that any budget can be read."""
        ordered = self.trials.sort_values(["rule", "sampler_seed", "trial"])
        return ordered.assign(best=ordered.groupby(["rule", "sampler_seed"]).score.cummax())

    def share_within(self, reference: float, fraction: float = 0.9) -> pd.DataFrame:
        """Share of each rule's trials whose mean accuracy reaches a fraction of ``reference``, by sampler seed."""
        reached = self.trials.assign(share=self.trials["mean"] >= fraction * reference)
        return reached.groupby(["rule", "sampler_seed"], sort=False).share.mean().reset_index()


def tune(
    families: Sequence[Family],
    shape: Shape,
    examples: Examples,
    validation: Examples,
    schedule: Schedule,
    budget: Budget,
    *,
    device: torch.device | str = "cpu",
    **options: object,
) -> Search:
    """Search every family's space; trial t of all families and sampler seeds trains as one batch.

    Parameters
    ----------
    families : the rules to tune
    examples, validation : what networks learn from, and what a trial is scored on
    options : further fields of ``Learner``, the same for all rules, such as ``momentum``
    """
    rows: list[dict[str, object]] = []
    parameters: dict[tuple[str, int, int], Parameters] = {}
    with quiet():
        studies = {
            (family.name, seed): (family, optuna.create_study(direction="maximize", sampler=drawn))
            for family in families
            for seed in budget.sampler_seeds
            for drawn in [sampler(budget.sampler, budget.startup, seed)]
        }
        for number in range(budget.trials):
            asked = {key: (family, study.ask()) for key, (family, study) in studies.items()}
            points = {key: suggest(trial, family) for key, (family, trial) in asked.items()}
            candidates = [learner(asked[key][0], point, **options) for key, point in points.items()]
            seeds = budget.network_seeds
            outcome = evaluate(candidates, seeds, shape, examples, validation, schedule, device)
            accuracy, diverged = (each.reshape(-1, len(seeds)) for each in (outcome.final, outcome.diverged))
            for (rule, seed), each, lost in zip(points, accuracy, diverged, strict=True):
                mean, sd = float(each.mean()), float(each.std(ddof=1))
                studies[rule, seed][1].tell(asked[rule, seed][1], mean - sd)
                point = points[rule, seed]
                parameters[rule, seed, number] = point
                scored = {"rule": rule, "sampler_seed": seed, "trial": number, "score": mean - sd}
                rows.append(scored | {"mean": mean, "sd": sd, "diverged": int(lost.sum())} | dict(point))
    return Search(pd.DataFrame(rows), parameters, {family.name: family for family in families}, budget)


def evaluate(
    candidates: Sequence[Learner],
    seeds: Sequence[int],
    shape: Shape,
    examples: Examples,
    validation: Examples,
    schedule: Schedule,
    device: torch.device | str = "cpu",
) -> Outcome:
    """Train every candidate on every network seed, all together; the networks of a candidate stand side by side."""
    learners = [dataclasses.replace(candidate, seed=seed) for candidate in candidates for seed in seeds]
    return train(learners, shape, examples, validation, schedule, device=device)


def sampler(kind: Kind, startup: int, seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler of a kind; the estimator begins to model after ``startup`` random trials."""
    if kind == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        seed=seed, multivariate=True, group=True, n_startup_trials=startup, constant_liar=True
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its log of every trial and its notes that options are experimental; restored afterwards."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
