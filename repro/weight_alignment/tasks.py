"""The images that networks learn from, flattened and scaled, in three parts that never mix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.data import Dataset, load
from repro.weight_alignment.learners import Examples


@dataclass(frozen=True)
class Task:
    """Training, validation (for searches) and test examples of one data set."""

    name: str
    title: str
    train: Examples
    validation: Examples
    test: Examples
    facts: dict[str, Any]  # source, hashes, licence: what a run puts on record

    @property
    def inputs(self) -> int:
        """Pixels of an image."""
        return self.train.inputs.shape[1]


def load_task(name: str, validation: int = 360, limit: int | None = None) -> Task:
    """A data set of ``repro.data`` as a task.

    Pixels are centred and divided by one standard deviation, both those of all training pixels.

    Parameters
    ----------
    name : digits or mnist
    validation : training samples set aside for searches
    limit : training samples kept, the first of the rest; None keeps all
    """
    found = load(name, validation=validation)
    kept = slice(0, limit)
    centre, spread = found.x_train.mean(), found.x_train.std()

    def scaled(x: np.ndarray, y: np.ndarray) -> Examples:
        return Examples((x.reshape(len(x), -1) - centre) / spread, y)

    return Task(
        name=name,
        title=found.title,
        train=scaled(found.x_train[kept], found.y_train[kept]),
        validation=scaled(found.x_validation, found.y_validation),
        test=scaled(found.x_test, found.y_test),
        facts=_facts(found, limit),
    )


def _facts(found: Dataset, limit: int | None) -> dict[str, Any]:
    facts = found.facts()
    return facts if limit is None else facts | {"train": min(limit, facts["train"])}
