"""The ladder of rules on digits with distractors: equal tuning on validation samples, fresh seeds, and controls."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import qmc
from sklearn.linear_model import LogisticRegression

from repro.data import Dataset
from repro.multifactor.task import Task
from repro.multifactor.training import Outcome, Schedule, Trainee, train
from repro.multifactor.two_factor import covariance

RANGES = {"hidden_rate": (1e-3, 3.0), "readout_rate": (1e-2, 1.0)}
"""Search ranges, logarithmic, the same for every rule."""
CONTROLS = ("all pixels", "principal components", "random projection", "output clamped")


def tasks(data: Dataset, distractor_std: float) -> tuple[Task, Task]:
    """The task scored on validation samples, for tuning, and the one scored on test samples."""
    mean = data.x_train.reshape(len(data.x_train), -1).mean(0, dtype=float)
    parts = {
        name: (x.reshape(len(x), -1) - mean, y)
        for name, x, y in (
            ("validation", data.x_validation, data.y_validation),
            ("test", data.x_test, data.y_test),
        )
    }
    train_part = (data.x_train.reshape(len(data.x_train), -1) - mean, data.y_train)
    tuning, final = (Task(*train_part, *parts[name], distractor_std) for name in ("validation", "test"))
    return tuning, final


def candidates(count: int, seed: int) -> list[tuple[float, float]]:
    """Pairs of rates (hidden, readout), spread evenly over the logarithmic ranges; the same for every rule."""
    low, high = np.log([RANGES["hidden_rate"], RANGES["readout_rate"]]).T
    points = low + (high - low) * qmc.Halton(2, seed=seed).random(count)
    return [(float(a), float(b)) for a, b in np.exp(points)]


def tune(
    rules: Sequence[str],
    sizes: Sequence[int],
    task: Task,
    schedule: Schedule,
    rates: Sequence[tuple[float, float]],
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Validation accuracy of every rule at every pair of rates, mean over seeds; one row a rule and pair.

    Columns: rule, hidden_rate, readout_rate, accuracy, diverged (number of networks).
    """
    trainees = [Trainee(rule, *pair, seed) for rule in rules for pair in rates for seed in seeds]
    outcome = train(trainees, sizes, task, dataclasses.replace(schedule, measured=()))
    shape = (len(rules), len(rates), len(seeds))
    accuracy, lost = outcome.final.reshape(shape).mean(2), outcome.diverged.reshape(shape).sum(2)
    rows = [(rule, *pair, accuracy[i, j], lost[i, j]) for i, rule in enumerate(rules) for j, pair in enumerate(rates)]
    return pd.DataFrame(rows, columns=["rule", *RANGES, "accuracy", "diverged"])


def best_rates(search: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The pair of rates with the highest validation accuracy of each rule; the first one, among equals."""
    best = search.loc[search.groupby("rule", sort=False).accuracy.idxmax()]
    pairs = best[[*RANGES]].to_numpy(dtype=float)
    return {str(rule): (float(a), float(b)) for rule, (a, b) in zip(best.rule, pairs, strict=True)}


def contest(
    rates: dict[str, tuple[float, float]],
    sizes: Sequence[int],
    task: Task,
    schedule: Schedule,
    seeds: Sequence[int],
    angles: bool = True,
) -> dict[str, Outcome]:
    """Each rule with its rates on the same fresh seeds."""
    return {
        rule: train([Trainee(rule, *pair, seed) for seed in seeds], sizes, task, schedule, angles=angles)
        for rule, pair in rates.items()
    }


def controls(task: Task, seeds: Sequence[int], copies: int = 4) -> dict[str, Float[np.ndarray, "seeds"]]:
    """Held-out accuracy of what tells whether the information is there, by control, one value a seed.

    ``all pixels``: logistic regression. ``principal components`` and ``random projection``: ten dimensions, then the
    same. ``output clamped``: the covariance rule from pixels to outputs that are held at their targets, a two-factor
    rule whose post carries the target. Training samples come ``copies`` times, with fresh distractors.
    """
    found: dict[str, list[float]] = {name: [] for name in CONTROLS}
    labels = np.tile(task.labels, copies)
    for seed in seeds:
        draw, random = task.distractors(seed), np.random.default_rng([seed, 4])
        x = draw.add(np.tile(task.inputs, (copies, 1)), random)
        held = draw.held_out
        components = np.linalg.eigh(x.T @ x)[1][:, -10:]
        projection = np.linalg.qr(random.standard_normal((x.shape[1], 10)))[0]
        for name, basis in zip(CONTROLS[:3], (np.eye(x.shape[1]), components, projection), strict=True):
            found[name].append(_logistic(x @ basis, labels, held @ basis, task.held_out_labels))
        clamped = covariance(x, np.tile(task.one_hot, (copies, 1)))
        found["output clamped"].append(float(((held @ clamped.T).argmax(1) == task.held_out_labels).mean()))
    return {name: np.array(values) for name, values in found.items()}


def _logistic(x: np.ndarray, labels: np.ndarray, held: np.ndarray, held_labels: np.ndarray) -> float:
    return float(LogisticRegression(max_iter=2000).fit(x, labels).score(held, held_labels))
