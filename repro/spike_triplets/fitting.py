"""Error of a rule on a data set, and fits: exact in the amplitudes, many starts in the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares, nnls
from scipy.stats import qmc

from repro.spike_triplets.datasets import Dataset, load
from repro.spike_triplets.families import Family, family
from repro.spike_triplets.rules import Rule, weight_changes

STEP = 1e-4  # share of a box, of forward differences
EDGE = 1e-3  # share of a box within which a parameter counts as on its bound


def _data(dataset: str | Dataset) -> Dataset:
    return load(dataset) if isinstance(dataset, str) else dataset


def misses(rule: Rule, dataset: str | Dataset) -> Float[np.ndarray, "points"]:
    """(model - data)/SEM at each point."""
    data = _data(dataset)
    return (weight_changes(rule, data.protocols) - data.change) / data.sem


def mean_square(miss: np.ndarray, data: Dataset) -> float:
    """E: the mean over measurements of the squared misses; readings of one measurement share its weight."""
    return float(data.weight @ miss**2 / data.n_independent)


def error(rule: Rule, dataset: str | Dataset) -> float:
    """E, the mean over the points of ((model - data)/SEM)²; 1 is a miss of one SEM (rms)."""
    data = _data(dataset)
    return mean_square(misses(rule, data), data)


@dataclass(frozen=True)
class Fit:
    """A fitted rule, its parameters and how it was found."""

    family: Family
    dataset: Dataset
    rule: Rule
    parameters: dict[str, float]
    shares: np.ndarray  # of the boxes, where the searched parameters ended
    predicted: np.ndarray  # fraction of the initial weight, at each point
    error: float  # E
    evaluations: int  # parameter sets tried
    intervals: dict[str, tuple[float, float]]  # 95 %, from refits to redrawn data; empty if not asked for

    @property
    def on_bound(self) -> tuple[str, ...]:
        """Searched parameters that ended on an edge of their box, and amplitudes that ended at 0."""
        zero = [name for name in self.family.amplitudes if self.parameters[name] == 0]
        edge = [n for n, s in zip(self.family.boxes, self.shares, strict=True) if min(s, 1 - s) < EDGE]
        return tuple(zero + edge)

    @property
    def misses(self) -> np.ndarray:
        """(model - data)/SEM at each point."""
        return (self.predicted - self.dataset.change) / self.dataset.sem


@dataclass(frozen=True)
class Pool:
    """A space-filling sample of a family's box, computed once and used for every fit to (parts of) a data set."""

    family: Family
    dataset: Dataset
    shares: Float[np.ndarray, "sets searched"]
    sums: Float[np.ndarray, "sets points amplitudes"]

    @classmethod
    def draw(cls, which: str | type | Family, dataset: str | Dataset, seed: int, size: int = 256) -> Pool:
        """Sobol points over the box (one point if nothing is searched)."""
        kind, data = family(which), _data(dataset)
        if kind.boxes:
            shares = qmc.Sobol(len(kind.boxes), rng=np.random.default_rng(seed)).random(size)
        else:
            shares = np.zeros((1, 0))
        return cls(kind, data, shares, kind.sums(data.protocols, kind.values(shares)))

    def fit(self, keep: np.ndarray | None = None, change: np.ndarray | None = None, starts: int = 8) -> Fit:
        """Fit to the rows ``keep`` (all), to ``change`` in place of what was measured; predicts every row.

        The best ``starts`` points of the pool are polished within the box by least squares, amplitudes exact in each.
        """
        rows = np.arange(len(self.dataset)) if keep is None else np.arange(len(self.dataset))[keep]
        target = (self.dataset.change if change is None else change)[rows]
        scale = np.sqrt(self.dataset.weight[rows]) / self.dataset.sem[rows]
        costs = np.array([_solve(sums[rows], target, scale)[1] for sums in self.sums])
        protocols = [self.dataset.protocols[row] for row in rows]
        best_share, best_cost, evaluations = self.shares[np.argmin(costs)], float(costs.min()), len(costs)
        for start in np.argsort(costs)[: starts if self.family.boxes else 0]:
            share, cost, tried = self._polish(self.shares[start], protocols, target, scale)
            evaluations += tried
            if cost < best_cost:
                best_share, best_cost = share, cost
        return self._result(best_share, rows, target, scale, evaluations)

    def _polish(
        self, start: np.ndarray, protocols: list, target: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, float, int]:
        tried = 0

        def residuals(shares: np.ndarray) -> np.ndarray:
            nonlocal tried
            tried += len(shares)
            every = self.family.sums(protocols, self.family.values(shares))
            return np.stack([(sums @ _solve(sums, target, scale)[0] - target) * scale for sums in every])

        def slopes(share: np.ndarray) -> np.ndarray:
            steps = np.where(share < 1 - STEP, STEP, -STEP)  # all perturbed sets in one batch, inside the box
            here, *moved = residuals(np.vstack([share, share + np.diag(steps)]))
            return (np.stack(moved) - here).T / steps

        inside = np.clip(start, 1e-6, 1 - 1e-6)
        done = least_squares(
            lambda share: residuals(share[None])[0], inside, slopes, bounds=(0, 1), max_nfev=25, xtol=1e-6, ftol=1e-7
        )
        return done.x, float(2 * done.cost), tried

    def _result(self, share: np.ndarray, rows: np.ndarray, target: np.ndarray, scale: np.ndarray, tried: int) -> Fit:
        values = self.family.values(share[None])
        sums = self.family.sums(self.dataset.protocols, values)[0]
        amplitudes, _ = _solve(sums[rows], target, scale)
        found = dict(zip(self.family.amplitudes, amplitudes.tolist(), strict=True))
        found |= dict(zip(self.family.boxes, values[0].tolist(), strict=True))
        predicted = sums @ amplitudes
        miss = (predicted - self.dataset.change) / self.dataset.sem
        kept = self.dataset.subset(rows)
        return Fit(
            self.family, self.dataset, self.family.build(found), found, share, predicted,
            mean_square(miss[rows], kept), tried, {},
        )  # fmt: skip


def _solve(sums: np.ndarray, target: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, float]:
    """Amplitudes, not negative, of the least weighted squared miss, and that miss; columns are scaled for safety."""
    weighted = sums * scale[:, None]
    norm = np.linalg.norm(weighted, axis=0)
    norm[norm == 0] = 1.0
    amplitudes, rest = nnls(weighted / norm, target * scale)
    return amplitudes / norm, float(rest**2)


def fit(
    which: str | type | Family, dataset: str | Dataset, seed: int, *, pool: int = 256, starts: int = 8, redraws: int = 0
) -> Fit:
    """Fit a family of rules to a data set, weighted by SEM.

    Parameters
    ----------
    which : name of a family, class of its rules, or a family of one's own
    dataset : name of a table, or a data set
    seed : of the search and of the redraws
    pool, starts : size of the space-filling sample, and how many of its best points are polished
    redraws : data sets drawn as mean + SEM · noise and refitted from the solution, for 95 % intervals of the parameters

    Examples
    --------
    >>> round(fit("pair-all", "wang2005", seed=0).error, 1) > 4
    True
    """
    best = Pool.draw(which, dataset, seed, pool).fit(starts=starts)
    return with_intervals(best, redraws, seed) if redraws else best


def with_intervals(best: Fit, redraws: int, seed: int) -> Fit:
    """The fit with 95 % intervals of its parameters: refits, begun at it, to data redrawn as mean + SEM · noise."""
    values = best.family.values(best.shares[None])
    sums = best.family.sums(best.dataset.protocols, values)
    local = Pool(best.family, best.dataset, best.shares[None], sums)
    noise = np.random.default_rng(seed).standard_normal((redraws, len(best.dataset)))
    refits = [local.fit(change=best.dataset.change + best.dataset.sem * row, starts=1).parameters for row in noise]
    intervals = {}
    for name in best.parameters:
        low, high = np.quantile([r[name] for r in refits], [0.025, 0.975])
        intervals[name] = (float(low), float(high))
    return replace(best, intervals=intervals)
