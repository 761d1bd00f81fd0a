"""The read-out against scikit-learn, against what can be known, and against peeking at the test."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from repro.convallis import read_out
from repro.convallis.read_out import PENALTIES, by_speaker, decode
from repro.errors import Mistake

SPEAKERS = np.repeat(["ann", "bob", "cat", "dan"], 30)
DIGITS = np.tile(np.arange(5), 24)


def counts(cells=12, tuning=2.0, seed=0):
    rng = np.random.default_rng(seed)
    accent = 2 * rng.random((4, cells))[np.repeat(np.arange(4), 30)]
    return rng.poisson(2 + accent + tuning * rng.random((5, cells))[DIGITS])


def peer(kind):
    """The same by scikit-learn's own pipeline and search."""
    classify = RidgeClassifier() if kind == "ridge" else LogisticRegression(max_iter=5000)
    grid = PENALTIES[kind]
    name, values = ("alpha", grid) if kind == "ridge" else ("C", [1 / penalty for penalty in grid])
    steps = Pipeline([("scale", StandardScaler()), ("classify", classify)])
    return GridSearchCV(steps, {f"classify__{name}": values}, cv=LeaveOneGroupOut())


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
@pytest.mark.parametrize("digits", [DIGITS, DIGITS % 2], ids=["five", "two"])
@pytest.mark.parametrize("cells", [12, 200], ids=["few cells", "more cells than trials"])
def test_it_says_what_scikit_learn_says(kind, digits, cells):
    x = counts(cells)
    x[:, 3] = 0  # a silent cell
    train, test = SPEAKERS != "dan", SPEAKERS == "dan"
    found = decode(x[train], digits[train], SPEAKERS[train], x[test], digits[test], kind)
    search = peer(kind).fit(x[train].astype(float), digits[train], groups=SPEAKERS[train])
    chosen = next(iter(search.best_params_.values()))
    assert found.penalty == pytest.approx(chosen if kind == "ridge" else 1 / chosen)
    assert np.array_equal(found.predicted, search.predict(x[test].astype(float)))
    assert found.accuracy == search.score(x[test].astype(float), digits[test])


def test_few_trials_are_standardised_as_scikit_learn_does(monkeypatch):
    monkeypatch.setattr(read_out, "PENALTIES", {"ridge": (10.0,)})
    who, digits, rng = np.repeat(["ann", "bob"], 3), np.array([0, 1, 2] * 2), np.random.default_rng(3)
    peer = Pipeline([("scale", StandardScaler()), ("classify", RidgeClassifier(10.0))])
    said, expected = [], []
    for _ in range(40):  # of 12,000 answers, some are so close that a variance by 5 trials for 6 would turn them
        train, test = rng.normal(0, 1, (6, 4)), rng.normal(0, 1, (300, 4))
        said.append(decode(train, digits, who, test, np.zeros(300, int)).predicted)
        expected.append(peer.fit(train, digits).predict(test))
    assert np.array_equal(said, expected)


def test_the_test_trials_have_no_say_in_what_is_learned():
    x = counts()
    train, test = SPEAKERS != "ann", SPEAKERS == "ann"
    one = decode(x[train], DIGITS[train], SPEAKERS[train], x[test], DIGITS[test])
    shuffled = np.random.default_rng(1).permutation(DIGITS[test])
    other = decode(x[train], DIGITS[train], SPEAKERS[train], x[test][:7], shuffled[:7])
    assert one.penalty == other.penalty
    assert np.array_equal(one.predicted[:7], other.predicted)


def test_cells_that_know_the_digit_are_read_without_error_and_silent_ones_by_chance():
    known = 20 * np.eye(5)[DIGITS] + np.random.default_rng(0).poisson(1.0, (120, 5))
    assert (by_speaker(known, DIGITS, SPEAKERS).accuracy == 1).all()
    nothing = by_speaker(np.zeros((120, 5)), DIGITS, SPEAKERS)
    assert nothing.accuracy.to_numpy() == pytest.approx(nothing.chance.to_numpy())
    assert (nothing.chance == 0.2).all()


def test_counts_without_digits_are_read_at_chance():
    rng = np.random.default_rng(5)
    digits, who = np.tile(np.arange(5), 200), np.repeat(list("abcde"), 200)
    table = by_speaker(rng.poisson(3.0, (1000, 10)), digits, who)
    # 1,000 guesses of which a fifth are right: four standard errors of the binomial
    assert table.accuracy.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / 1000))


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_of_equally_good_penalties_the_strongest_is_taken(kind):
    known = 20 * np.eye(5)[DIGITS] + np.random.default_rng(0).poisson(1.0, (120, 5))  # read without error by any
    train, test = SPEAKERS != "dan", SPEAKERS == "dan"
    found = decode(known[train], DIGITS[train], SPEAKERS[train], known[test], DIGITS[test], kind)
    assert found.accuracy == 1
    assert found.penalty == max(PENALTIES[kind]) == pytest.approx(1e5)


def test_chance_is_that_of_the_training_digit_said_always():
    digits = np.where(SPEAKERS == "dan", 0, np.where(DIGITS > 0, 1, 0))
    train, test = SPEAKERS != "dan", SPEAKERS == "dan"
    x = counts()
    assert decode(x[train], digits[train], SPEAKERS[train], x[test], digits[test]).chance == 0


def test_one_row_a_speaker_each_tested_alone():
    table = by_speaker(counts(), DIGITS, SPEAKERS, kind="logistic")
    assert table.speaker.tolist() == ["ann", "bob", "cat", "dan"]
    assert (table.trials == 30).all()
    x, left_out = counts(), SPEAKERS == "bob"
    alone = decode(x[~left_out], DIGITS[~left_out], SPEAKERS[~left_out], x[left_out], DIGITS[left_out], "logistic")
    assert table.accuracy[1] == alone.accuracy


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"kind": "forest"}, "kind is 'forest'; allowed are ridge, logistic"),
        ({"train_speakers": ["ann"] * 120}, r"speakers in training are \['ann'\]"),
        ({"train_digits": np.zeros(120, int)}, r"digits in training are \[0\]"),
        ({"test": np.zeros((0, 12)), "test_digits": np.zeros(0, int)}, "no test trial"),
    ],
)
def test_what_cannot_be_decoded_is_refused(how, says):
    given = {
        "train": counts(),
        "train_digits": DIGITS,
        "train_speakers": SPEAKERS,
        "test": counts(),
        "test_digits": DIGITS,
    }
    with pytest.raises(Mistake, match=says):
        decode(**(given | how))
