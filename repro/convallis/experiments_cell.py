"""One cell, seen from inside; whether its rule is a gradient; and what happens when a part of the rule is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from repro.convallis import feedforward, feedforward_kernels
from repro.convallis.cell import Cell
from repro.convallis.cell_kernels import V
from repro.convallis.contestants import Population, Setting, Units, learning
from repro.convallis.control import RateControl
from repro.convallis.hearing import Learned, order, spikes
from repro.convallis.outcome import Outcome, Potentials
from repro.convallis.rasters import events
from repro.convallis.rule import Valley, eligibility
from repro.speech import Cochleograms


@dataclass(frozen=True, eq=False)
class Inside:
    """A cell during one trial, and what the rule makes of it."""

    time: Float[np.ndarray, "steps"]  # ms
    seen: Float[np.ndarray, "steps"]  # mV, what the rule sees of the potential
    fired: Bool[np.ndarray, "steps"]
    upper: Float[np.ndarray, "steps"]  # detectors
    lower: Float[np.ndarray, "steps"]
    drive: Float[np.ndarray, "steps"]  # f(V), per ms
    traces: Float[np.ndarray, "steps inputs"]  # x
    change: Float[np.ndarray, "steps inputs"]  # ∫ f x dt so far


def one_cell(
    raster: Bool[np.ndarray, "steps inputs"], weights: Float[np.ndarray, "inputs"], rule: Valley, cell: Cell
) -> Inside:
    """A cell that hears one trial with its weights held."""
    seen, fired = _simulate(raster, weights, cell)
    upper, lower = rule.detectors(seen)
    drive, traces = rule.derivative(seen), eligibility(raster, rule, cell.dt)
    change = np.cumsum(traces * drive[:, None] * cell.dt, axis=0)
    return Inside(np.arange(len(raster)) * cell.dt, seen, fired, upper, lower, drive, traces, change)


def _simulate(raster: np.ndarray, weights: np.ndarray, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """What the rule sees, and spikes, of one cell from rest."""
    heard, none = events(raster[None]), Potentials.empty(1, 1)
    cells = np.zeros((1, 4, 1))
    cells[:, V] = cell.rest
    seen, fired = np.empty((1, len(raster), 1)), np.empty((1, len(raster), 1), np.bool_)
    feedforward_kernels.simulate(
        heard.channels, heard.starts, np.zeros(1, np.int64), 0, weights[None, :, None].astype(float), cells,
        np.zeros((1, 1), np.int64), cell.refractory_steps, cell.constants(), seen, fired, len(raster),
        none.histogram, none.moments,
    )  # fmt: skip
    return seen[0, :, 0], fired[0, :, 0]


def gradient_error(rule: Valley, synapses: int, seed: int, dt: float = 0.5, step: float = 1e-4) -> float:
    """Largest difference between the rule and central differences of ∫ F(V) dt, relative to the largest change.

    The membrane is linear, V = rest + Σ w x, with weights (mV) that take it through both thresholds; no spikes.
    """
    rng = np.random.default_rng(seed)
    raster = rng.random((600, synapses)) < 30 * dt / 1000
    x, w = eligibility(raster, rule, dt), rng.uniform(2, 6, synapses)

    def objective(weights: np.ndarray) -> float:
        return float(np.sum(rule.objective(-70.0 + x @ weights)) * dt)

    f = np.asarray(rule.derivative(-70.0 + x @ w)) * dt
    change = feedforward.plain_sums(rule, raster, f[:, None], np.zeros((len(raster), 1)), dt)[:, 0]
    differences = np.array([objective(w + d) - objective(w - d) for d in step * np.eye(synapses)]) / (2 * step)
    return float(np.abs(change - differences).max() / np.abs(change).max())


def reset_cosine(
    rule: Valley, cell: Cell, weights: Float[np.ndarray, "inputs"], rasters: Sequence[np.ndarray], step: float = 0.2
) -> float:
    """The same for the spiking cell with conductances and reset, where the rule is no exact gradient: the cosine.

    ``step`` is a share of each weight; differences are summed over all rasters, since single spikes make them jump.
    """
    changes, differences = np.zeros_like(weights), np.zeros_like(weights)
    for raster in rasters:
        seen, _ = _simulate(raster, weights, cell)
        changes += eligibility(raster, rule, cell.dt).T @ rule.derivative(seen)
        for j in np.flatnonzero(raster.any(axis=0)):
            sides = []
            for sign in (1, -1):
                moved = weights.copy()
                moved[j] *= 1 + sign * step
                sides.append(float(np.sum(rule.objective(_simulate(raster, moved, cell)[0]))))
            differences[j] += (sides[0] - sides[1]) / (2 * step * weights[j])
    return float(changes @ differences / (np.linalg.norm(changes) * np.linalg.norm(differences)))


VARIANTS: dict[str, dict[str, Any]] = {
    "both constraints": {},
    "no rate constraint": {"control": None},
    "no weight constraint": {"keep_mean": False},
    "neither constraint": {"control": None, "keep_mean": False},
    "no after-depolarisation": {},
}
"""The rule with a part left out, as arguments of ``Learning``; the last is of the cell."""


def without(
    variant: str, chosen: Setting, unit: Units, heard: Cochleograms, before: Learned, population: Population, most: int
) -> Outcome:
    """The valley rule with a part left out, from the same start, on the same spikes."""
    cell = Cell(after_depolarisation=0.0) if variant == "no after-depolarisation" else Cell()
    shown = spikes(
        heard, [order(len(heard), seed, -(-most // len(heard)))[:most] for seed in before.seeds], before.seeds, 5,
        population, cell.dt,
    )  # fmt: skip
    learn = replace(learning("convallis", (chosen,), unit, population, len(before.seeds)), **VARIANTS[variant])
    return feedforward.train(
        shown, before.outcome.weights, learn, cell,
        raster_of=before.raster_of, start=before.outcome.control, measure_from=most // 2,
    )  # fmt: skip


def failed(outcome: Outcome, population: Population) -> Bool[np.ndarray, "batch"]:
    """Whether the mean rate of the last quarter is below a tenth of the target, or half the weights are on a bound."""
    rate = outcome.mean_rates(max(outcome.counts.shape[1] // 4, 1)).mean(axis=1)
    return np.asarray((rate < population.target / 10) | (outcome.at_bounds >= 0.5))


def controlled(
    gains: Sequence[tuple[float, float]], heard: Cochleograms, population: Population, seeds: tuple[int, ...], n: int
) -> pd.DataFrame:
    """The controller alone over ``n`` utterances, with pairs of proportional and integral gain: rates from utterance to
    utterance, mean over neurons: ``proportional, integral, seed, utterance, rate``."""
    cell, rows = Cell(), []
    shown = spikes(heard, [order(len(heard), s, -(-n // len(heard)))[:n] for s in seeds], seeds, 6, population, cell.dt)
    start = np.concatenate([population.weights(1, np.random.default_rng(seed)) for seed in seeds])
    for k_p, k_i in gains:
        control = RateControl(target=population.target, proportional=k_p, integral=k_i)
        learn = replace(population.learning(), control=control)
        rates = feedforward.train(shown, start, learn, cell, raster_of=np.arange(len(seeds))).rates.mean(axis=2)
        rows += [
            (k_p, k_i, seed, at, rate) for seed, each in zip(seeds, rates, strict=True) for at, rate in enumerate(each)
        ]
    return pd.DataFrame(rows, columns=["proportional", "integral", "seed", "utterance", "rate"])
