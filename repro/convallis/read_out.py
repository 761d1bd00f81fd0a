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
from jaxtyping import Float, Int, Real, Shaped
from sklearn.linear_model import LogisticRegression

from repro.errors import Mistake
from repro.speech import speaker_folds

# from strong to weak, so that of equally good penalties the strongest is taken
PENALTIES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"ridge": tuple(np.logspace(5, 0, 11)), "logistic": tuple(np.logspace(5, 0, 11))}
)
"""Penalties that are tried: of ridge the factor of the squared weights, of logistic that over the summed loss (1/C).

Counts are standardised on the training trials, so that a penalty means the same for every population.
"""


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
    if kind not in PENALTIES:
        raise Mistake(f"decode: kind is {kind!r}; allowed are {', '.join(PENALTIES)}")
    who = np.asarray(train_speakers)
    for label, there in (("speakers", who), ("digits", train_digits)):
        if len(np.unique(there)) < 2:
            raise Mistake(f"decode: {label} in training are {np.unique(there).tolist()}; two at least are needed")
    if len(test) == 0:
        raise Mistake("decode: there is no test trial")
    penalties = np.array(PENALTIES[kind])
    shares = []
    for fold in speaker_folds(who.tolist()):
        said = _predict(kind, train[fold.train], train_digits[fold.train], train[fold.test], penalties)
        shares.append((said == train_digits[fold.test]).mean(axis=1))
    penalty = penalties[[int(np.mean(shares, axis=0).argmax())]]
    (predicted,) = _predict(kind, train, train_digits, test, penalty)
    each, counts = np.unique(train_digits, return_counts=True)
    return Decoded(
        predicted=predicted,
        accuracy=float(np.mean(predicted == test_digits)),
        chance=float(np.mean(test_digits == each[counts.argmax()])),
        penalty=float(penalty[0]),
    )


def _predict(
    kind: str,
    train: Real[np.ndarray, "trained cells"],
    digits: Int[np.ndarray, "trained"],
    test: Real[np.ndarray, "tested cells"],
    penalties: Float[np.ndarray, "penalties"],
) -> Int[np.ndarray, "penalties tested"]:
    """What is said with each penalty, from counts that have mean 0 and variance 1 in training, or never vary."""
    mean, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0] = 1
    said = _ridge if kind == "ridge" else _logistic
    return said((train - mean) / scale, digits, (test - mean) / scale, penalties)


def _ridge(x: np.ndarray, digits: np.ndarray, new: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """What scikit-learn's RidgeClassifier says, for all penalties from one decomposition."""
    each, members = np.unique(digits, return_inverse=True)
    targets = 2.0 * np.equal.outer(members, np.arange(len(each))) - 1
    left, size, right = np.linalg.svd(x, full_matrices=False)
    onto = left.T @ (targets - targets.mean(axis=0))
    shrunk = size / (np.square(size) + penalties[:, None])
    scores = ((new @ right.T) * shrunk[:, None]) @ onto + targets.mean(axis=0)
    return each[scores.argmax(axis=-1)]


def _logistic(x: np.ndarray, digits: np.ndarray, new: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """What multinomial logistic regression says, each penalty beginning where the one before ended."""
    model = LogisticRegression(max_iter=5000, warm_start=True)
    said = []
    for penalty in penalties:
        model.set_params(C=1 / penalty).fit(x, digits)
        said.append(model.predict(new))
    return np.array(said)


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
