"""Several workers, on one machine or many, that share the units of a search through its storage."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from repro.weight_alignment.matrix_search import Plan, Unit, complete
from repro.weight_alignment.tuning import quiet

STALE_S = 1800  # a worker that has not finished a trial for so long is taken to be gone


def take_some(todo: Sequence[Unit], plan: Plan, storage: BaseStorage, most: int) -> list[Unit]:
    """Up to so many units that nobody works on."""
    taken: list[Unit] = []
    while len(taken) < most and (unit := take([each for each in todo if each not in taken], plan, storage)):
        taken.append(unit)
    return taken


def take(units: Sequence[Unit], plan: Plan, storage: BaseStorage) -> Unit | None:
    """A unit that is not finished and that no other worker is busy with; None if there is none left.

    The last worker to write its name has the unit: each reads again a moment after it has written.
    """
    me = f"{socket.gethostname()}:{os.getpid()}:{time.time()}"
    for unit in units:
        with quiet():
            study = optuna.create_study(
                storage=storage, study_name=f"{unit.name}/{plan.sets[0]}", direction="maximize", load_if_exists=True
            )
            if finished(unit, plan, storage) or _busy(study.user_attrs):
                continue
            study.set_user_attr("alive", time.time())
            study.set_user_attr("worker", me)
            time.sleep(0.5)
            if optuna.load_study(storage=storage, study_name=study.study_name).user_attrs["worker"] == me:
                return unit
    return None


def _busy(attributes: Mapping[str, Any]) -> bool:
    """Whether a worker other than a dead one of this machine has been at it lately."""
    if "worker" not in attributes or time.time() - attributes["alive"] > STALE_S:
        return False
    host, process, _ = attributes["worker"].split(":")
    return host != socket.gethostname() or (int(process) != os.getpid() and Path(f"/proc/{process}").exists())


def finished(unit: Unit, plan: Plan, storage: BaseStorage) -> bool:
    """Whether all sets have all their trials."""
    names = {study.study_name for study in storage.get_all_studies()}
    for name in plan.sets:
        if f"{unit.name}/{name}" not in names:
            return False
        study = optuna.load_study(storage=storage, study_name=f"{unit.name}/{name}")
        if len(complete(study)) < plan.trials:
            return False
    return True
