"""Equal search on a deep network: ``python -m repro.weight_alignment.deep_stored search`` is a worker of it.

Any number of workers, on one machine or many, share one storage: a journal file by default, a database by its URL. A
trial is a short training run that is judged on training images set aside, never on test images. Every rule gets the
same number of finished trials, no more and no less: a trial whose worker was killed is marked as failed and its point
enqueued again, by whichever worker sees it first, and then goes on from its checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from repro.errors import Mistake
from repro.weight_alignment.deep_space import DEEP_FAMILIES, settings, suggest, training
from repro.weight_alignment.train import run
from repro.weight_alignment.tuning import quiet

BEAT_S = 20.0  # between two signs of life of a worker
STALE_S = 180.0  # a worker without a sign of life for so long is taken to be gone
COUNTED = (TrialState.COMPLETE, TrialState.RUNNING)


@dataclass(frozen=True)
class DeepPlan:
    """What all trials share."""

    families: tuple[str, ...] = tuple(DEEP_FAMILIES)
    trials: int = 6  # of each family
    startup: int = 3  # of them at random, before the estimator begins to model
    model: str = "resnet8"
    data: str = "cifar10"
    n_images: int = 2500
    validation: int = 1000  # training images on which a trial is judged
    epochs: int = 2
    n_test: int = 10  # the training program always judges some at the end; they play no part
    batch: int = 32
    schedule: str = "cosine"
    seed: int = 0  # of network and sampler
    more: Mapping[str, Any] = field(default_factory=dict)  # further options of the training program

    @property
    def shared(self) -> dict[str, Any]:
        """The options of the training program that all trials have."""
        names = ("model", "data", "n_images", "validation", "n_test", "epochs", "batch", "schedule", "seed")
        return {name: getattr(self, name) for name in names} | dict(self.more)

    def described(self) -> str:
        """What a storage must have been made with to be gone on with; trials and families may grow."""
        facts = {name: value for name, value in asdict(self).items() if name not in ("families", "trials", "more")}
        facts |= {"more": dict(self.more)} if self.more else {}
        return json.dumps(facts | {"ranges": {k: dict(v.ranges) for k, v in DEEP_FAMILIES.items()}}, sort_keys=True)


def work(plan: DeepPlan, storage: BaseStorage, folder: Path, poll_s: float = 2.0, stale_s: float = STALE_S) -> int:
    """Be a worker until every family has its trials, and say how many were this worker's.

    Parameters
    ----------
    folder : where trials train; workers that share it share their checkpoints
    poll_s : seconds between looks when only other workers' trials are left
    stale_s : seconds without a sign of life after which another worker is taken to be gone

    Raises
    ------
    Mistake
        If the storage holds a search with other settings.
    KeyboardInterrupt
        If the worker was asked to stop; its trial goes on later.
    """
    own = 0
    studies = {name: open_study(plan, storage, name) for name in plan.families}
    while waiting := [name for name in plan.families if len(finished(studies[name])) < plan.trials]:
        took = False
        for name in waiting:
            give_back_stale(studies[name], stale_s)
            trial = take(studies[name], plan, name)
            if trial is not None:
                train_trial(trial, studies[name], plan, name, folder)
                own, took = own + 1, True
                break
        if not took:
            time.sleep(poll_s)
    return own


def open_study(plan: DeepPlan, storage: BaseStorage, name: str) -> optuna.Study:
    """The study of a family. Raises Mistake if it was begun with other settings."""
    with quiet():
        study = optuna.create_study(
            storage=storage, study_name=f"deep/{name}", direction="maximize", load_if_exists=True
        )
    described = plan.described()
    before = study.user_attrs.get("plan", described)
    if before != described:
        raise Mistake(f"the storage has {name} searched with {before}; this search has {described}: give another one")
    study.set_user_attr("plan", described)
    return study


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """The finished trials, in order."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def take(study: optuna.Study, plan: DeepPlan, name: str) -> optuna.Trial | None:
    """A trial of one's own, or None if finished and running ones suffice.

    Two workers may ask at once: those that come too late by their number give theirs up.
    """
    if len(study.get_trials(deepcopy=False, states=COUNTED)) >= plan.trials:
        return None
    place = list(DEEP_FAMILIES).index(name)
    drawn = np.random.SeedSequence([plan.seed, place, len(study.get_trials(deepcopy=False))]).generate_state(1)
    with quiet():
        study.sampler = optuna.samplers.TPESampler(
            seed=int(drawn[0]), multivariate=True, n_startup_trials=plan.startup, constant_liar=True
        )
        trial = study.ask()
        trial.set_user_attr("worker", _me())
        suggest(trial, DEEP_FAMILIES[name])
    ahead = [each for each in study.get_trials(deepcopy=False, states=COUNTED) if each.number < trial.number]
    if len(ahead) >= plan.trials:
        study.tell(trial, state=TrialState.FAIL)
        return None
    return trial


def train_trial(trial: optuna.Trial, study: optuna.Study, plan: DeepPlan, name: str, folder: Path) -> None:
    """Train at the trial's point, and tell what it reached; a run that diverged counts as chance."""
    values = plan.shared | settings(DEEP_FAMILIES[name], trial.params)
    key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
    options = training(folder / f"{name}-{key}", values)
    with signs_of_life(trial):
        status = run(options)
    if status == "stopped":
        raise KeyboardInterrupt
    result = json.loads((options.out / "result.json").read_text())
    classes = 1000 if plan.data == "imagenet" else 10
    reached = result["validation_accuracy"] if status == "done" else 1 / classes
    for fact, value in (("status", status), ("wall_s", result["wall_s"]), ("commit", result["provenance"]["commit"])):
        trial.set_user_attr(fact, value)
    study.tell(trial, reached)


@contextmanager
def signs_of_life(trial: optuna.Trial) -> Iterator[None]:
    """Tell other workers every few seconds that this trial is being worked at."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_S):
            trial.set_user_attr("alive", time.time())

    trial.set_user_attr("alive", time.time())
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def give_back_stale(study: optuna.Study, stale_s: float) -> None:
    """Mark the trials of workers that are gone as failed, and enqueue their points again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not _gone(trial, stale_s):
            continue
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except ValueError:
            continue  # another worker was first
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs={"again": trial.number})


def _me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _gone(trial: FrozenTrial, stale_s: float) -> bool:
    host, _, process = str(trial.user_attrs.get("worker", ":")).rpartition(":")
    if host == socket.gethostname() and process.isdigit():
        if int(process) == os.getpid():
            return True  # asked for before by this very worker, which has stopped working at it
        if not Path(f"/proc/{process}").exists():
            return True
    started = trial.datetime_start.astimezone(UTC) if trial.datetime_start else datetime.now(UTC)
    return time.time() - float(trial.user_attrs.get("alive", started.timestamp())) > stale_s


def trials_table(plan: DeepPlan, storage: BaseStorage) -> pd.DataFrame:
    """The finished trials, tidy.

    Returns
    -------
    One row a trial: ``family``, ``rule``, ``trial``, ``accuracy`` (validation, percent), ``status`` (done or nan),
    ``wall_s``, ``commit``, and the settings as ``p_NAME``.
    """
    rows: list[dict[str, Any]] = []
    for name in plan.families:
        for number, trial in enumerate(finished(open_study(plan, storage, name))[: plan.trials]):
            facts = {fact: trial.user_attrs[fact] for fact in ("status", "wall_s", "commit")}
            where = {"family": name, "rule": DEEP_FAMILIES[name].rule, "trial": number}
            where["accuracy"] = 100 * float(trial.value or 0.0)
            rows.append(where | facts | {f"p_{key}": value for key, value in trial.params.items()})
    return pd.DataFrame(rows)


def best(plan: DeepPlan, storage: BaseStorage, names: Sequence[str]) -> Mapping[str, dict[str, float]]:
    """The point of each family's best trial; the first, among equals. Raises Mistake if a family lacks trials."""
    found = {}
    for name in names:
        trials = finished(open_study(plan, storage, name))
        if len(trials) < plan.trials:
            raise Mistake(f"{name} has {len(trials)} of {plan.trials} trials: run the search to its end first")
        found[name] = dict(max(trials[: plan.trials], key=lambda trial: trial.value or 0.0).params)
    return found
