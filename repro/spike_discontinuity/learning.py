"""Learning by the estimated effect: two neurons go down the banana-shaped valley [lansdell2023neural].

In every window, for both neurons, w_i ← clip(w_i - ε V_i μ'(w_i), 2, 20): the effect of the spike times the change of
the firing rate with the weight, from the authors' table of simulations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.errors import Mistake
from repro.spike_discontinuity import online_kernels as kernels
from repro.spike_discontinuity.costs import COSTS
from repro.spike_discontinuity.network import STEP_S, Neurons, check_correlations, seeds_of, simulate
from repro.spike_discontinuity.online import rule_named
from repro.spike_discontinuity.statistics import check_windows

PAIR_NEURONS = Neurons(window_ms=50, tau_s=0.4)
"""As coded for Fig 4: windows of 50 ms, the output filter's effective 400 ms."""
TABLE_WEIGHTS = np.arange(2.0, 21.0, 2.0)
TABLE_SLOPES = 1e-4 * np.array([4.16, 6.84, 9.51, 12.42, 13.76, 15.41, 17.08, 17.78, 18.40, 19.44])
"""Change of spikes a ms with the weight, read in the authors' table."""
LOWEST, HIGHEST = 2.0, 20.0
KINDS = {"quadratic": kernels.QUADRATIC, "plain": kernels.PLAIN, "banana": kernels.BANANA}


@dataclass(frozen=True)
class Learning:
    """How a pair learns; defaults as coded for Fig 4C."""

    window: float = 0.1  # half-width around the threshold; 1 makes it the observed dependence
    rule: str = "paired"
    rate: float = 0.1  # η, of the estimate
    gain: float = 2e5  # ε, of the weights
    cost: str = "banana"


def learn(
    starts: Float[np.ndarray, "starts 2"],
    correlation: Numbers,
    seconds: float,
    seed: int,
    how: Learning | None = None,
    neurons: Neurons = PAIR_NEURONS,
    every_s: float = 1.0,
) -> Float[np.ndarray, "starts kept 2"]:
    """Weights over time, the start first and then one pair of weights every ``every_s`` seconds.

    Raises Mistake for a correlation, window, rule or cost that is not allowed, or less than ``every_s`` seconds.
    """
    how = how or Learning()
    check_windows(how.window)
    if how.cost not in KINDS:
        raise Mistake(f"cost is {how.cost!r}; it can be {', '.join(COSTS)}")
    step = round(every_s / STEP_S / neurons.window_ms)
    windows = round(seconds / STEP_S) // neurons.window_ms
    if windows < step:
        raise Mistake(f"seconds is {seconds:g}; it must be at least {every_s:g}")
    kept = np.empty((len(starts), windows, 2))
    correlations = np.broadcast_to(check_correlations(correlation), len(starts)).copy()
    kernels.learn(
        np.ascontiguousarray(starts, dtype=float),
        correlations,
        seeds_of(seed, len(starts)),
        neurons.window_ms,
        neurons.refractory_ms,
        neurons.constants(),
        KINDS[how.cost],
        rule_named(how.rule),
        how.window,
        how.rate,
        how.gain,
        np.array([LOWEST, HIGHEST]),
        np.stack([TABLE_WEIGHTS, TABLE_SLOPES]),
        kept,
    )
    return np.concatenate([np.asarray(starts, dtype=float)[:, None], kept[:, step - 1 :: step]], axis=1)


def weight_grid(side: int) -> Float[np.ndarray, "pairs 2"]:
    """Pairs of weights on a square grid from 2 to 20, the second weight changing fastest."""
    at = np.linspace(LOWEST, HIGHEST, side)
    return np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)


def mean_costs(
    side: int, correlation: float, seconds: float, seed: int, cost: str = "banana", neurons: Neurons = PAIR_NEURONS
) -> Float[np.ndarray, "side side"]:
    """The mean cost at each pair of weights of a grid."""
    record = simulate(weight_grid(side), correlation, seconds, seed, neurons, cost)
    return record.cost.mean(1).reshape(side, side)


def best_weights(costs: Float[np.ndarray, "side side"]) -> Float[np.ndarray, "2"]:
    """The pair of weights at the smallest mean cost of a grid."""
    return weight_grid(len(costs))[costs.argmin()]


def distances(
    paths: Float[np.ndarray, "starts kept 2"], goal: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "starts kept"]:
    """Distance of each pair of weights on each path from the goal."""
    return np.linalg.norm(paths - goal, axis=-1)


def detour(
    paths: Float[np.ndarray, "starts kept 2"], goal: Float[np.ndarray, "2"], reach: float = 2.0
) -> Float[np.ndarray, "starts"]:
    """Length of each path over its net displacement until first within ``reach`` of the goal, or to its end.

    NaN for a path that starts there or ends where it began.
    """
    found = np.full(len(paths), np.nan)
    for k, (path, away) in enumerate(zip(paths, distances(paths, goal), strict=True)):
        arrived = np.flatnonzero(away <= reach)
        part = path[: arrived[0] + 1] if len(arrived) else path
        net = np.linalg.norm(part[-1] - part[0])
        if net > 0:
            found[k] = np.linalg.norm(np.diff(part, axis=0), axis=1).sum() / net
    return found


def first_time_within(
    away: Float[np.ndarray, "groups kept"], reach: float, every_s: float = 1.0
) -> Float[np.ndarray, "groups"]:
    """Seconds until each distance first falls to ``reach``; never counts as the last time."""
    inside = away <= reach
    first = np.where(inside.any(1), inside.argmax(1), away.shape[1] - 1)
    return first * every_s
