"""Experiments on one feedback phase, weights at rest: over time, over the scale of the weights, by form of estimate."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.spike_discontinuity import feedback_estimates as estimates
from repro.spike_discontinuity.feedback_phase import Phase, PhaseModel, Statistics, no_descent, run_phase

FORMS = ("as coded", "closed form", "means")
"""Descent as coded, the least squares that it converges to, and the difference of mean effects."""


def random_weights(upper: int, lower: int, seed: int) -> Float[np.ndarray, "2 upper lower"]:
    """A weight and an independent feedback, both uniform within 1/√fan-in, as in the authors' code."""
    return np.random.default_rng(seed).uniform(-1, 1, (2, upper, lower)) / np.sqrt(lower)


def by_form(phase: Phase, mark: int, threshold: float = 1.0) -> Mapping[str, Float[np.ndarray, "upper lower"]]:
    """The estimates at a mark of a phase that had a descent."""
    statistics = phase.statistics[mark]
    return {
        "as coded": estimates.from_descent(phase.descent[mark], threshold),
        "closed form": estimates.linear(statistics, threshold),
        "means": estimates.constant(statistics),
    }


def time_course(
    seeds: Sequence[int],
    marks: Sequence[float],
    upper: int,
    lower: int,
    model: PhaseModel = PhaseModel(),  # noqa: B008  (frozen)
) -> tuple[pd.DataFrame, dict[str, Float[np.ndarray, "upper lower"]]]:
    """How good the estimates are over the time of one phase.

    Parameters
    ----------
    marks : seconds at which to look; the last one is the phase's length

    Returns
    -------
    One row a seed, time and form: ``correlation`` with the weight, ``sign`` (share of the feedback with the weight's
    sign, behind the transfer), ``angle`` (degrees to the weight), ``same`` (correlation with the form as coded),
    ``sums`` (correlation with the difference of sums), ``known`` (share of the estimates that are there), ``windows``
    (mean number of a unit's windows with a spike), ``lower_hz``, ``upper_hz``; time 0 is the feedback as drawn. And
    weight and estimates of the last seed.
    """
    rows, last = [], {}
    for seed in seeds:
        weight, feedback = random_weights(upper, lower, seed)
        phase = run_phase(weight, max(marks), seed, model, marks=marks, descent=no_descent(weight))
        rates = {"lower_hz": phase.lower_hz, "upper_hz": phase.upper_hz}
        start = {"seconds": 0.0, "sign": estimates.sign_agreement(feedback, weight)}
        rows += [{"seed": seed, "form": form} | start | rates for form in FORMS]
        for mark, seconds in enumerate(phase.seconds):
            found, statistics = by_form(phase, mark, model.threshold), phase.statistics[mark]
            seen = {"seconds": float(seconds), "windows": float(statistics.windows[:, 1].mean())}
            for form, estimate in found.items():
                moved = estimates.transfer(feedback, estimate, float(feedback.std()))
                rows.append(
                    {"seed": seed, "form": form}
                    | seen
                    | {"sums": estimates.correlation(estimate, estimates.sums(statistics))}
                    | {"correlation": estimates.correlation(estimate, weight)}
                    | {"sign": estimates.sign_agreement(moved, weight), "angle": estimates.angle(estimate, weight)}
                    | {"same": estimates.correlation(estimate, found["as coded"])}
                    | {"known": float(estimates.usable(estimate).mean())}
                    | rates
                )
        last = {"weight": weight, **found}
    return pd.DataFrame(rows), last


def silence(
    factors: Sequence[float],
    fan_ins: Sequence[int],
    seeds: Sequence[int],
    seconds: float,
    upper: int = 10,
    model: PhaseModel = PhaseModel(),  # noqa: B008  (frozen)
) -> pd.DataFrame:
    """Agreement in sign over the scale of the weights, and with it the rate of the upper layer.

    Returns one row a fan-in, factor, seed and form: ``upper_hz``, ``sign`` (behind the transfer), ``known``.
    """
    rows = []
    for fan_in in fan_ins:
        for factor in factors:
            for seed in seeds:
                weight, feedback = random_weights(upper, fan_in, seed)
                phase = run_phase(weight, seconds, seed, replace(model, factor=factor), descent=no_descent(weight))
                for form, estimate in by_form(phase, -1, model.threshold).items():
                    moved = estimates.transfer(feedback, estimate, float(feedback.std()))
                    rows.append(
                        {"fan_in": fan_in, "factor": factor, "seed": seed, "form": form, "upper_hz": phase.upper_hz}
                        | {"sign": estimates.sign_agreement(moved, weight)}
                        | {"known": float(estimates.usable(estimate).mean())}
                    )
    return pd.DataFrame(rows)


def sequence_and_replicas(
    seeds: Sequence[int],
    seconds: float,
    replicas: int,
    upper: int,
    lower: int,
    model: PhaseModel = PhaseModel(),  # noqa: B008  (frozen)
) -> pd.DataFrame:
    """One long sequence and many short ones of the same length together, by closed forms.

    Returns one row a seed, way (``sequence`` or ``replicas``) and form: ``correlation`` with the weight, ``steps`` one
    after another, ``wall_s`` of the simulation.
    """
    rows = []
    for seed in seeds:
        weight, _ = random_weights(upper, lower, seed)
        for way, count in (("sequence", 1), ("replicas", replicas)):
            began = time.perf_counter()
            phase = run_phase(weight, seconds / count, seed, model, replicas=count)
            took = time.perf_counter() - began
            found = {"closed form": estimates.linear, "means": estimates.constant}
            for form, estimate in found.items():
                correlation = estimates.correlation(estimate(phase.statistics[-1]), weight)
                rows.append(
                    {"seed": seed, "way": way, "form": form, "correlation": correlation}
                    | {"steps": 100 + round(1000 * seconds / count), "wall_s": took}
                )
    return pd.DataFrame(rows)


def windows_of(phase: Phase) -> list[list[list[tuple[float, Float[np.ndarray, "upper"]]]]]:
    """The windows (z, y) of each lower unit and side, of a phase with a mark every window's length or closer.

    Between two such marks a unit closes one window at most, so differences of the sums are single windows.
    """
    lower = len(phase.statistics[0].windows)
    found: list[list[list[tuple[float, np.ndarray]]]] = [[[], []] for _ in range(lower)]
    empty = phase.statistics[0]
    before = Statistics(0 * empty.windows, 0 * empty.of_drive, 0 * empty.of_effect)
    for now in phase.statistics:
        for unit, side in zip(*np.nonzero(now.windows - before.windows), strict=True):
            z = now.of_drive[unit, side, 0] - before.of_drive[unit, side, 0]
            y = now.of_effect[unit, side, 0] - before.of_effect[unit, side, 0]
            found[unit][side].append((float(z), y))
        before = now
    return found


def least_squares_deviation(seed: int, parts: int = 4, seconds: float = 3.0, upper: int = 4, lower: int = 20) -> float:
    """Largest deviation of the closed form of added statistics from numpy's least squares on all windows together.

    In units of the largest estimate.
    """
    weight, _ = random_weights(upper, lower, seed)
    every = 1e-3 * PhaseModel().window_ms
    marks = [every * k for k in range(1, int(seconds / every))]
    phases = [run_phase(weight, seconds, seed + k, marks=marks) for k in range(parts)]
    statistics = [phase.statistics[-1] for phase in phases]
    found = estimates.linear(sum(statistics[1:], start=statistics[0]))
    split = [windows_of(phase) for phase in phases]
    misses = []
    for unit in np.nonzero(np.isfinite(found).all(0))[0]:
        ends = []
        for side in (0, 1):
            pairs = [pair for each in split for pair in each[unit][side]]
            z, y = np.array([z for z, _ in pairs]), np.array([y for _, y in pairs])
            slope, offset = np.linalg.lstsq(np.stack([z, np.ones_like(z)], 1), y, rcond=None)[0]
            ends.append(slope + offset)
        misses.append(np.abs(found[:, unit] - (ends[1] - ends[0])).max())
    return float(max(misses) / np.nanmax(np.abs(found))) if misses else float("nan")
