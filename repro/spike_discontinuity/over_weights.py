"""Estimates beside the truth over many pairs of weights: Figs 3C to F and S1 [lansdell2023neural]."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from repro.spike_discontinuity.costs import Cost
from repro.spike_discontinuity.estimators import sweep
from repro.spike_discontinuity.learning import TABLE_SLOPES, TABLE_WEIGHTS
from repro.spike_discontinuity.network import Neurons, simulate
from repro.spike_discontinuity.online import online_estimates
from repro.spike_discontinuity.truth import causal_effect, finite_difference


@dataclass(frozen=True)
class OverWeights:
    """One repetition of a grid of weights; estimates and truth come from different noise."""

    weights: Float[np.ndarray, "pairs 2"]
    spiking: Float[np.ndarray, "pairs 2"]
    observed: Float[np.ndarray, "pairs 2"]
    truth: Float[np.ndarray, "pairs 2"]
    rates: Float[np.ndarray, "pairs 2"]  # Hz
    output_cv: Float[np.ndarray, "pairs 2"]
    gap_cv: Float[np.ndarray, "pairs 2"]


def relative_errors(
    estimate: Float[np.ndarray, "*batch 2"], truth: Float[np.ndarray, "*batch 2"]
) -> Float[np.ndarray, "*batch"]:
    """Length of the difference over that of the truth; NaN where either is missing."""
    return np.linalg.norm(estimate - truth, axis=-1) / np.linalg.norm(truth, axis=-1)


def over_weights(
    weights: Float[np.ndarray, "pairs 2"],
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons,
    cost: Cost | str,
    window: float,
    model: str = "constant",
    observed_within: float = 1.0,
) -> OverWeights:
    """Spiking discontinuity, observed dependence and truth at each pair of weights; NaN where a side is empty."""
    first, second = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
    record = simulate(weights, correlation, seconds, first, neurons, cost)
    other = simulate(weights, correlation, seconds, second, neurons, cost)
    return OverWeights(
        weights,
        sweep(record, window, model)[0],
        sweep(record, observed_within)[0],
        causal_effect(other, second),
        record.rates,
        record.output_cv,
        record.gap_cv,
    )


def median_errors_by_refractory(
    weights: Float[np.ndarray, "pairs 2"],
    refractory_ms: tuple[int, ...],
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons,
    cost: Cost | str,
    window: float,
) -> Float[np.ndarray, "refractory"]:
    """Median relative error of the spiking discontinuity over weights, for each refractory period."""
    found = []
    for each in refractory_ms:
        grid = over_weights(weights, correlation, seconds, seed, replace(neurons, refractory_ms=each), cost, window)
        found.append(np.nanmedian(relative_errors(grid.spiking, grid.truth)))
    return np.array(found)


def truth_and_difference(
    weights: Float[np.ndarray, "pairs 2"],
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons,
    cost: Cost | str,
) -> Float[np.ndarray, "4 pairs 2"]:
    """The truth with spike times of narrow crossings, with uniform ones, the finite difference, its gradient form."""
    record = simulate(weights, correlation, seconds, seed, neurons, cost)
    truths = [causal_effect(record, seed, times) for times in ("crossing", "uniform")]
    return np.array([*truths, *finite_difference(record)])


@dataclass(frozen=True)
class OnlineOverWeights:
    """At the end of runs over a grid of weights: online rules, batch estimates and the truth, (pairs, runs, 2)."""

    paired: Float[np.ndarray, "pairs runs 2"]
    unpaired: Float[np.ndarray, "pairs runs 2"]
    batch: Float[np.ndarray, "pairs runs 2"]
    observed: Float[np.ndarray, "pairs runs 2"]
    truth: Float[np.ndarray, "pairs 2"]


def online_over_weights(
    weights: Float[np.ndarray, "pairs 2"],
    runs: int,
    correlation: float,
    seconds: float,
    seed: int,
    neurons: Neurons,
    cost: Cost | str,
    window: float,
) -> OnlineOverWeights:
    """What online rules believe at the end of each run, beside batch estimates of the same windows."""
    first, second = (int(s) for s in np.random.SeedSequence(seed).generate_state(2))
    shape = (len(weights), runs, 2)
    record = simulate(np.repeat(weights, runs, axis=0), correlation, seconds, first, neurons, cost)
    last = record.z.shape[1]
    paired, unpaired = (
        online_estimates(record, window, rule, every=last)[:, -1].reshape(shape) for rule in ("paired", "unpaired")
    )
    batch, observed = (each.reshape(shape) for each in sweep(record, [window, np.inf]))
    other = simulate(np.repeat(weights, runs, axis=0), correlation, seconds, second, neurons, cost)
    truth = np.nanmean(causal_effect(other, second).reshape(shape), axis=1)
    return OnlineOverWeights(paired, unpaired, batch, observed, truth)


def slope_and_correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope through the origin of y on x, and their correlation, over all entries that are finite in both."""
    kept = np.isfinite(x) & np.isfinite(y)
    return float((x[kept] * y[kept]).sum() / (x[kept] ** 2).sum()), float(np.corrcoef(x[kept], y[kept])[0, 1])


def rate_slopes(weights: Float[np.ndarray, "pairs 2"]) -> Float[np.ndarray, "pairs 2"]:
    """Change of the firing rate with each weight, from the authors' table: it turns an effect into a gradient."""
    return np.interp(weights, TABLE_WEIGHTS, TABLE_SLOPES)
