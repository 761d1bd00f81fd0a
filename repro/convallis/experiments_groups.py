"""Inputs whose rates are correlated in groups: which rule gathers its weights on one of them. This book's own test.

All groups are correlated alike; a cell that finds one must break the symmetry. Every rule gets the same grid of
settings, and its best one, on another seed, by how much more selective the middle of the correlations makes it than
inputs without any: a strong rule gathers its weights somewhere even where there is no group to find.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from repro.convallis import feedforward
from repro.convallis.cell import Cell
from repro.convallis.contestants import Population, Setting, Units, learning, settings, units
from repro.convallis.groups import Groups, group_weights, rasters

EPISODES = 10  # of 50 ms: a trial of half a second
TUNING = 1_000_000


def selectivity(
    weights: Float[np.ndarray, "batch inputs neurons"], group_of: Int[np.ndarray, "inputs"]
) -> Float[np.ndarray, "batch"]:
    """Largest minus mean share of weight over the groups, mean over neurons; 0 where nothing is preferred."""
    of_group = group_weights(weights, group_of)
    total = of_group.sum(axis=1, keepdims=True)
    share = np.divide(of_group, total, out=np.full(of_group.shape, 1 / of_group.shape[1]), where=total > 0)
    return np.asarray((share.max(axis=1) - share.mean(axis=1)).mean(axis=1))


def find_a_group(
    which: str, correlations: tuple[float, ...], seeds: tuple[int, ...], population: Population, trials: int
) -> tuple[pd.DataFrame, Setting]:
    """A row a correlation and seed (``rule, correlation, seed, selectivity, train_rate``), and the chosen setting."""
    middle = Groups(correlations=(correlations[len(correlations) // 2],) * 4)
    rng = np.random.default_rng(TUNING)
    unit = units(which, rasters(middle, 40, EPISODES, rng), population, population.weights(1, rng).astype(float))
    grid = settings(which)
    chosen = grid[0]
    if len(grid) > 1:
        scores = [
            selectivity(_learned(which, grid, unit, each, (TUNING,), population, trials)[0], each.group_of)
            for each in (middle, Groups(correlations=(0.0,) * 4))
        ]
        chosen = grid[int((scores[0] - scores[1]).argmax())]
    rows = []
    for correlation in correlations:
        groups = Groups(correlations=(correlation,) * 4)
        weights, rates = _learned(which, (chosen,), unit, groups, seeds, population, trials)
        found = selectivity(weights, groups.group_of)
        rows += [(which, correlation, *row) for row in zip(seeds, found, rates, strict=True)]
    return pd.DataFrame(rows, columns=["rule", "correlation", "seed", "selectivity", "train_rate"]), chosen


def _learned(
    which: str,
    chosen: tuple[Setting, ...],
    unit: Units,
    groups: Groups,
    seeds: tuple[int, ...],
    population: Population,
    trials: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (settings, then seeds) and mean rates over the last half, Hz."""
    shown = np.stack([rasters(groups, trials, EPISODES, np.random.default_rng([s, 0])) for s in seeds], axis=1)
    start = np.concatenate([population.weights(1, np.random.default_rng([s, 1])) for s in seeds])
    done = feedforward.train(
        shown,
        np.tile(start, (len(chosen), 1, 1)),
        learning(which, chosen, unit, population, len(seeds)),
        Cell(dt=groups.dt_ms),
        raster_of=np.tile(np.arange(len(seeds)), len(chosen)),
    )
    return done.weights, done.mean_rates(max(trials // 2, 1)).mean(axis=1)
