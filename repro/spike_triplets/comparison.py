"""Compare rules fairly: information criteria, points and groups left out, differences of E on redrawn data.

Every rule that is fitted is refitted for each point left out, with the same pool of starts and the same box. A rule
with fixed parameters predicts a point left out as any other. χ² is N times E, AIC is χ² + 2k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.spike_triplets.datasets import Dataset, load
from repro.spike_triplets.families import Family, family
from repro.spike_triplets.fitting import Fit, Pool, mean_square, with_intervals
from repro.spike_triplets.rules import NoChange, Rule, weight_changes

WITHIN, TWICE = 1.0, 4.0  # E of a miss by one and by two SEM (rms)
FEW_GROUPS = 3  # below that many, leaving a group out leaves too little to fit


@dataclass(frozen=True)
class Contender:
    """A rule on a data set: what it predicts, and what it predicts of points that it was not fitted to."""

    name: str
    kind: str
    says: str
    dataset: Dataset
    rule: Rule
    n_parameters: int
    predicted: Float[np.ndarray, "points"]
    left_out: Float[np.ndarray, "points"]  # each measurement by a fit to all others
    left_group: Float[np.ndarray, "points"] | None  # each group by a fit to the other groups
    fit: Fit | None = None

    @property
    def misses(self) -> Float[np.ndarray, "points"]:
        """(model - data)/SEM at each point."""
        return (self.predicted - self.dataset.change) / self.dataset.sem

    @property
    def error(self) -> float:
        """E, the mean squared miss."""
        return self.error_of(self.predicted)

    @property
    def chi_square(self) -> float:
        """N E."""
        return self.dataset.n_independent * self.error

    @property
    def aic(self) -> float:
        """Akaike's criterion, χ² + 2k."""
        return self.chi_square + 2 * self.n_parameters

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few points; infinite where they are too few."""
        return aicc(self.chi_square, self.n_parameters, self.dataset.n_independent)

    @property
    def bic(self) -> float:
        """The Bayesian criterion, χ² + k ln N."""
        return self.chi_square + self.n_parameters * float(np.log(self.dataset.n_independent))

    def error_of(self, predicted: Float[np.ndarray, "points"]) -> float:
        """E of other predictions for the same points."""
        return mean_square((predicted - self.dataset.change) / self.dataset.sem, self.dataset)

    def by_group(self) -> dict[str, float]:
        """E in each group of protocols, in the order of the table."""
        masks = {group: self.dataset.in_group(group) for group in dict.fromkeys(self.dataset.groups)}
        return {group: mean_square(self.misses[mask], self.dataset.subset(mask)) for group, mask in masks.items()}


def aicc(chi_square: float, n_parameters: int, n_points: int) -> float:
    """Akaike's criterion corrected for few points; infinite where they are too few."""
    k, n = n_parameters, n_points
    return chi_square + 2 * k + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf


def fixed(name: str, rule: Rule, dataset: str | Dataset, says: str = "", kind: str = "fixed") -> Contender:
    """A rule whose parameters are not fitted here."""
    data = load(dataset) if isinstance(dataset, str) else dataset
    predicted = weight_changes(rule, data.protocols)
    for index in np.flatnonzero(~np.isfinite(predicted))[:1]:
        raise ValueError(f"{name} predicts {predicted[index]} for {data.points[index]!r} of {data.name}")
    return Contender(name, kind, says or name, data, rule, 0, predicted, predicted, predicted)


def null(dataset: str | Dataset) -> Contender:
    """The null model: nothing changes."""
    return fixed("null", NoChange(), dataset, "no change", "null")


def fitted(
    which: str | type | Family, dataset: str | Dataset, seed: int, *, pool: int = 256, starts: int = 8,
    refit_starts: int = 2,
) -> Contender:  # fmt: skip
    """A family fitted to a data set, and refitted without each measurement and without each group.

    Parameters
    ----------
    seed, pool, starts : of the search, as in :func:`repro.spike_triplets.fitting.fit`
    refit_starts : points of the same pool polished in each refit
    """
    kind = family(which)
    drawn = Pool.draw(kind, dataset, seed, pool)
    best, data = drawn.fit(starts=starts), drawn.dataset
    measurements = list(zip(data.groups, data.points, strict=True))
    left_out = _predict_left_out(drawn, measurements, refit_starts)
    few = len(set(data.groups)) < FEW_GROUPS
    left_group = None if few else _predict_left_out(drawn, list(data.groups), refit_starts)
    return Contender(
        kind.name, kind.kind, kind.says, data, best.rule, kind.n_parameters, best.predicted, left_out, left_group, best
    )


def best_pair(dataset: str | Dataset, seed: int = 0) -> Contender:
    """The better of the two pair rules with measured windows, amplitudes fitted: what every other rule has to beat."""
    return min((fitted(name, dataset, seed) for name in ("pair-all", "pair-nearest")), key=lambda c: c.error)


def _predict_left_out(pool: Pool, labels: Sequence[object], starts: int) -> Float[np.ndarray, "points"]:
    """Each point predicted by a fit to the points with another label."""
    predicted = np.empty(len(labels))
    for label in dict.fromkeys(labels):
        out = np.array([other == label for other in labels])
        predicted[out] = pool.fit(keep=~out, starts=starts).predicted[out]
    return predicted


def reading(error: float) -> str:
    """An E in words."""
    if error <= WITHIN:
        return "within error"
    return "partly" if error <= TWICE else "misses"


def table(contenders: Sequence[Contender]) -> pd.DataFrame:
    """One row a contender: E as fitted and left out, parameters, criteria, and parameters that ended on a bound."""
    return pd.DataFrame([_row(contender) for contender in contenders])


def _row(c: Contender) -> dict[str, object]:
    return {
        "data set": c.dataset.name,
        "rule": c.name,
        "says": c.says,
        "kind": c.kind,
        "k": c.n_parameters,
        "N": c.dataset.n_independent,
        "E": c.error,
        "reading": reading(c.error),
        "E, point left out": c.error_of(c.left_out),
        "E, group left out": np.nan if c.left_group is None else c.error_of(c.left_group),
        "AIC": c.aic,
        "AICc": c.aicc,
        "BIC": c.bic,
        "evaluations": 0 if c.fit is None else c.fit.evaluations,
        "on a bound": "" if c.fit is None else ", ".join(c.fit.on_bound),
    }


def bootstrap_differences(contenders: Sequence[Contender], reference: Contender, n: int, seed: int) -> pd.DataFrame:
    """Differences of E to ``reference`` on ``n`` data sets redrawn as mean + SEM · noise, all on the same draws.

    Noise adds 1 to E of any fixed prediction, so E itself must not be bootstrapped this way; a difference may. Columns:
    ``rule``, ``prediction`` ("fitted" or "left out"), ``difference``, ``low``, ``high`` (95 %).
    """
    data = reference.dataset
    noise = np.random.default_rng(seed).standard_normal((n, len(data)))
    weight = data.weight / data.n_independent

    def errors(predicted: np.ndarray) -> np.ndarray:
        return ((predicted - data.change) / data.sem - noise) ** 2 @ weight

    rows = []
    for contender in contenders:
        for prediction, ours, theirs in _predictions(contender, reference):
            difference = errors(ours) - errors(theirs)
            low, high = np.quantile(difference, [0.025, 0.975])
            rows.append((contender.name, prediction, float(difference.mean()), float(low), float(high)))
    return pd.DataFrame(rows, columns=["rule", "prediction", "difference", "low", "high"])


def _predictions(ours: Contender, theirs: Contender) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    yield "fitted", ours.predicted, theirs.predicted
    yield "left out", ours.left_out, theirs.left_out


def best_of_each_kind(contenders: Sequence[Contender]) -> list[Contender]:
    """The contender with the smallest AICc of each kind, in the order given (E where AICc is infinite for all)."""
    best: dict[str, Contender] = {}
    for contender in contenders:
        rival = best.get(contender.kind)
        if rival is None or (contender.aicc, contender.error) < (rival.aicc, rival.error):
            best[contender.kind] = contender
    return list(best.values())


def parameter_table(contenders: Sequence[Contender], redraws: int, seed: int) -> pd.DataFrame:
    """Fitted parameters with 95 % intervals from redrawn data, one row a parameter."""
    rows = []
    for contender in contenders:
        if contender.fit is None:
            continue
        done = with_intervals(contender.fit, redraws, seed)
        for name, value in done.parameters.items():
            unit = done.family.boxes[name].unit if name in done.family.boxes else ""
            rows.append((contender.dataset.name, contender.says, name, unit, value, *done.intervals[name]))
    return pd.DataFrame(rows, columns=["data set", "rule", "parameter", "unit", "value", "low", "high"])
