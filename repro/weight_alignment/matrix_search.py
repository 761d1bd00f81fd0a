"""The search for the best settings of every set of primitives, all sets in lockstep, kept in Optuna's storage.

A unit is one search of all sets: an arm, a sampler and its seed. Trial t of all its sets trains as one batch. Each
trial draws from a sampler that is seeded by the unit's seed and the trial's number, so that a search that was killed
goes on as if it had not been. Several machines that share a storage each take the units that nobody works on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from repro.errors import Mistake
from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.learners import Learner
from repro.weight_alignment.lockstep import Outcome
from repro.weight_alignment.primitive_sets import family
from repro.weight_alignment.search_space import RANGES, Parameters, learner, suggest
from repro.weight_alignment.tuning import Kind, evaluate, quiet, sampler

Arm = Literal["free", "rescaled"]
ARMS: tuple[Arm, ...] = ("free", "rescaled")
"""Feedback with the norm that its rule gives it, or with that of the layer's weights."""

MEASURED = ("mean", "sd", "diverged", "angle", "gain")  # what is kept of a trial beside its score


@dataclass(frozen=True)
class Unit:
    """One search of all sets."""

    arm: Arm
    sampler: Kind
    seed: int

    @property
    def name(self) -> str:
        """How it is called in the storage."""
        return f"{self.arm}-{self.sampler}-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """What every unit of a search shares."""

    sets: tuple[str, ...]  # and references
    setup: Setup
    depth: int
    trials: int
    network_seeds: tuple[int, ...] = (0, 1, 2, 3)
    startup: int = 16

    def described(self) -> str:
        """What a storage must have been made with to be gone on with; trials and sets may grow."""
        setup = self.setup
        facts = {
            "depth": self.depth,
            "network_seeds": list(self.network_seeds),
            "startup": self.startup,
            "images": setup.task.name,
            "train": len(setup.task.train),
            "ranges": {name: list(span) for name, span in RANGES.items()},
        } | {name: getattr(setup, name) for name in ("width", "epochs", "batch", "momentum", "batch_norm")}
        return json.dumps(facts, sort_keys=True)

    def learner(self, arm: Arm, name: str, point: Parameters) -> Learner:
        """The learner of a set at a point of its search space."""
        options = {"momentum": self.setup.momentum, "batch_norm": self.setup.batch_norm}
        return learner(family(name), point, match_norm=arm == "rescaled", **options)


def open_storage(where: str | Path | None) -> BaseStorage:
    """Optuna's storage: a file (a journal, which machines may share), a database URL, or memory for None."""
    if where is None:
        return InMemoryStorage()
    if "://" in str(where):
        return RDBStorage(str(where))
    Path(where).parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(where)))


def search(
    units: Unit | Sequence[Unit],
    plan: Plan,
    storage: BaseStorage | None = None,
    progress: Callable[[], object] | None = None,
) -> pd.DataFrame:
    """Run units to their end, from where the storage has them, and return their trials (see :func:`trials_table`).

    Several units run in lockstep too, which a GPU has room for; a core is full with one.

    Raises
    ------
    Mistake
        If the storage holds a unit of this name that was searched with other settings.
    """
    storage = InMemoryStorage() if storage is None else storage
    units = [units] if isinstance(units, Unit) else list(units)
    with quiet():
        studies = {(unit, name): _open(storage, unit, name, plan) for unit in units for name in plan.sets}
        done = {key: complete(study) for key, study in studies.items()}
        for number in range(min(map(len, done.values())), plan.trials):
            _batch(number, plan, studies, done)
            for unit in units:
                studies[unit, plan.sets[0]].set_user_attr("alive", time.time())
            if progress:
                progress()
    return pd.concat([trials_table(unit, plan, storage) for unit in units], ignore_index=True)


Key = tuple[Unit, str]
"""A unit and a set."""


def _batch(
    number: int, plan: Plan, studies: Mapping[Key, optuna.Study], done: Mapping[Key, Sequence[FrozenTrial]]
) -> None:
    """Trial ``number`` of all sets. Those that the storage has are trained again, so that the batch is the same."""
    asked: dict[Key, optuna.Trial] = {}
    points: dict[Key, Parameters] = {}
    for (unit, name), study in studies.items():
        key = unit, name
        if len(done[key]) > number:
            points[key] = suggest(FixedTrial(done[key][number].params), family(name))
            continue
        drawn = int(np.random.SeedSequence([unit.seed, number]).generate_state(1)[0])
        study.sampler = sampler(unit.sampler, plan.startup, drawn)
        asked[key] = study.ask()
        points[key] = suggest(asked[key], family(name))
    learners = [plan.learner(unit.arm, name, point) for (unit, name), point in points.items()]
    for key, measured in zip(points, _measured(learners, plan), strict=True):
        if key in asked:
            for fact, value in measured.items():
                asked[key].set_user_attr(fact, value)
            studies[key].tell(asked[key], measured["mean"] - measured["sd"])


def _measured(candidates: Sequence[Learner], plan: Plan) -> list[dict[str, float]]:
    """What each candidate reaches: mean and sd of validation accuracy, networks lost, angle (degrees) and gain."""
    setup, seeds = plan.setup, plan.network_seeds
    task, shape = setup.task, setup.shape(plan.depth)
    outcome = evaluate(candidates, seeds, shape, task.train, task.validation, setup.schedule(), setup.device)
    each = (outcome.final, outcome.diverged, *angle_and_gain(outcome))
    by_candidate = zip(*(values.reshape(-1, len(seeds)) for values in each), strict=True)
    return [
        {
            "mean": float(accuracy.mean()),
            "sd": float(accuracy.std(ddof=1)),
            "diverged": int(lost.sum()),
            "angle": _mean(angle),
            "gain": _mean(gain),
        }
        for accuracy, lost, angle, gain in by_candidate
    ]


def angle_and_gain(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Final angle (degrees) and log10 gain of each network, mean over its layers; nan where it is lost.

    A gain below 1e-30 counts as 1e-30: feedback that is gone is as good as any other.
    """
    return outcome.angle[:, -1].mean(1), np.log10(outcome.gain[:, -1].clip(1e-30)).mean(1)


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _open(storage: BaseStorage, unit: Unit, name: str, plan: Plan) -> optuna.Study:
    study = optuna.create_study(
        storage=storage, study_name=f"{unit.name}/{name}", direction="maximize", load_if_exists=True
    )
    described = plan.described()
    if study.user_attrs.setdefault("plan", described) != described:
        raise Mistake(
            f"the storage has {study.study_name} searched with {study.user_attrs['plan']}; "
            f"this search has {described}: give another storage"
        )
    study.set_user_attr("plan", described)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)  # its worker was killed; the trial is asked again
    return study


def complete(study: optuna.Study) -> list[FrozenTrial]:
    """The finished trials of a set, in order."""
    found = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(found, key=lambda trial: trial.number)


def trials_table(unit: Unit, plan: Plan, storage: BaseStorage) -> pd.DataFrame:
    """The finished trials of a unit, tidy.

    Returns
    -------
    One row a set and trial: ``arm``, ``sampler``, ``sampler_seed``, ``set``, ``trial``, ``score`` (mean minus standard
    deviation of the validation accuracy), ``mean``, ``sd``, ``diverged`` (networks), ``angle`` (degrees), ``gain``
    (log10), and the settings as ``p_NAME``.
    """
    rows: list[dict[str, Any]] = []
    for name in plan.sets:
        with quiet():
            study = optuna.load_study(storage=storage, study_name=f"{unit.name}/{name}")
        for number, trial in enumerate(complete(study)[: plan.trials]):
            measured = {key: trial.user_attrs[key] for key in MEASURED}
            point = suggest(FixedTrial(trial.params), family(name))
            where = {"arm": unit.arm, "sampler": unit.sampler, "sampler_seed": unit.seed, "set": name, "trial": number}
            rows.append(where | {"score": trial.value} | measured | {f"p_{key}": v for key, v in point.items()})
    return pd.DataFrame(rows)


def seconds_spent(unit: Unit, plan: Plan, storage: BaseStorage) -> float:
    """How long the finished trials of a unit took, pauses between them not counted."""
    with quiet():
        study = optuna.load_study(storage=storage, study_name=f"{unit.name}/{plan.sets[0]}")
    return sum(trial.duration.total_seconds() for trial in complete(study) if trial.duration)


def best_learners(trials: pd.DataFrame, plan: Plan) -> dict[tuple[Arm, str, int], Learner]:
    """The learner of the best trial of each arm, set and sampler seed; the first, among equals."""
    best = trials.loc[trials.groupby(["arm", "set", "sampler_seed"], sort=False).score.idxmax()]
    settings = [column for column in trials.columns if column.startswith("p_")]
    found = {}
    for row in best.to_dict("records"):
        point = {name[2:]: row[name] for name in settings if not pd.isna(row[name])}
        found[row["arm"], row["set"], row["sampler_seed"]] = plan.learner(row["arm"], row["set"], point)
    return found
