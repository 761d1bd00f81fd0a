"""A linear read-out of spike counts, tested on a speaker who was never heard, penalty included.

>>> rng = np.random.default_rng(0)
>>> digits, speakers = np.tile(np.arange(5), 12), np.repeat(["ann", "bob", "cat"], 20)
>>> counts = rng.poisson(3 + 4 * np.eye(5)[digits])  # five cells, one for each digit
>>> table = by_speaker(counts, digits, speakers)
>>> list(table.speaker), bool((table.accuracy > table.chance).all())
(['ann', 'bob', 'cat'], True)

Six speakers are few: an interval over them is wide, and says little of a seventh who speaks another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from jaxtyping import Int, Real, Shaped
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from repro.errors import Mistake
from repro.speech import speaker_folds

# from strong to weak, so that of equally good penalties the stronger is taken
GRIDS: Mapping[str, Mapping[str, Sequence[float]]] = MappingProxyType(
    {
        "ridge": {"classify__alpha": tuple(np.logspace(4, 0, 9))},
        "logistic": {"classify__C": tuple(np.logspace(-4, 0, 9))},
    }
)
"""Penalties that are tried; counts are standardised, so that they mean the same for every population."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a read-out made of the test trials."""

    predicted: Int[np.ndarray, "tested"]
    accuracy: float  # share of the test trials
    chance: float  # of always saying the digit that the training trials have most often
    penalty: float  # chosen among the training speakers


def decode(
    train: Real[np.ndarray, "trained cells"],
    train_digits: Int[np.ndarray, "trained"],
    train_speakers: Sequence[str] | Shaped[np.ndarray, "trained"],
    test: Real[np.ndarray, "tested cells"],
    test_digits: Int[np.ndarray, "tested"],
    kind: str = "ridge",
) -> Decoded:
    """Learn digits from the counts of some trials and say those of others.

    The penalty is the one of best accuracy when each training speaker is left out in turn; the test is not looked at.

    Parameters
    ----------
    train, test : spike counts, one row a trial; the counts of the 100 inputs make the baseline
    train_speakers : who speaks, two speakers at least
    kind : "ridge" or "logistic"

    Raises Mistake for another kind, for fewer than two speakers or digits in training, and for no test trial.
    """
    if kind not in GRIDS:
        raise Mistake(f"decode: kind is {kind!r}; allowed are {', '.join(GRIDS)}")
    who = np.asarray(train_speakers)
    for label, there in (("speakers", who), ("digits", train_digits)):
        if len(np.unique(there)) < 2:
            raise Mistake(f"decode: {label} in training are {np.unique(there).tolist()}; two at least are needed")
    if len(test) == 0:
        raise Mistake("decode: there is no test trial")
    classify = RidgeClassifier() if kind == "ridge" else LogisticRegression(max_iter=2000)
    steps = Pipeline([("scale", StandardScaler()), ("classify", classify)])
    search = GridSearchCV(steps, dict(GRIDS[kind]), scoring="accuracy", cv=LeaveOneGroupOut())
    search.fit(np.asarray(train, dtype=float), train_digits, groups=who)
    predicted = search.predict(np.asarray(test, dtype=float))
    each, counts = np.unique(train_digits, return_counts=True)
    return Decoded(
        predicted=predicted,
        accuracy=float(np.mean(predicted == test_digits)),
        chance=float(np.mean(test_digits == each[counts.argmax()])),
        penalty=float(next(iter(search.best_params_.values()))),
    )


def by_speaker(
    counts: Real[np.ndarray, "trials cells"],
    digits: Int[np.ndarray, "trials"],
    speakers: Sequence[str] | Shaped[np.ndarray, "trials"],
    kind: str = "ridge",
) -> pd.DataFrame:
    """The read-out with each speaker left out once: a row a speaker, with accuracy, chance, penalty and test trials.

    For counts that don't depend on who was left out: those of inputs, or of cells that have not learned.
    Raises Mistake as :func:`decode` does; three speakers at least are needed.
    """
    who = np.asarray(speakers)
    rows = []
    for fold in speaker_folds(who.tolist()):
        train, test = fold.train, fold.test
        found = decode(counts[train], digits[train], who[train], counts[test], digits[test], kind)
        rows.append((fold.speaker, found.accuracy, found.chance, found.penalty, len(test)))
    return pd.DataFrame(rows, columns=["speaker", "accuracy", "chance", "penalty", "trials"])
