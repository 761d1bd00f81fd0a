"""One pair of neurons under several correlations: every estimator, half-width and run from one simulation each.

Figs 3A and B, S2 [lansdell2023neural].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_discontinuity.costs import Cost, quadratic
from repro.spike_discontinuity.estimators import jump
from repro.spike_discontinuity.network import Neurons, simulate
from repro.spike_discontinuity.statistics import Sums, window_sums
from repro.spike_discontinuity.truth import causal_effect

WEIGHTS, OBSERVED_WITHIN = (12.0, 9.0), 1.0


@dataclass(frozen=True)
class Sweep:
    """Sums of every correlation, half-width, run and neuron; estimates are made from them."""

    correlations: tuple[float, ...]
    half_widths: tuple[float, ...]
    sums: tuple[Sums, ...]  # one a correlation, (half-widths and infinity, runs, neurons, 6)
    truths: Float[np.ndarray, "correlations runs neurons"]  # of other runs, by randomising the spike

    def estimates(
        self, model: str, unit: int = 0, groups: int | None = None
    ) -> Float[np.ndarray, "correlations half_widths runs"]:
        """Of one neuron; with ``groups``, statistics are added over as many equal groups of runs first."""
        found = []
        for sums in self.sums:
            some = sums if groups is None else sums.in_groups(groups)
            near = Sums(some.below[:-1], some.above[:-1])
            if model.startswith("asymmetric"):
                near = near.one_sided(Sums(some.below[-1:], some.above[-1:]))
            found.append(jump(near, model.endswith("linear"))[..., unit])
        return np.array(found)

    def at(self, model: str, half_width: float, unit: int = 0, groups: int | None = None) -> np.ndarray:
        """Estimates (correlations, runs) with one half-width, which must be among those of the sweep."""
        return self.estimates(model, unit, groups)[:, self.half_widths.index(half_width)]

    def observed(self, unit: int = 0, groups: int | None = None) -> np.ndarray:
        """The observed dependence (correlations, runs), windows farther than 1 from the threshold left out."""
        return self.at("constant", OBSERVED_WITHIN, unit, groups)

    def truth(self, unit: int = 0) -> Float[np.ndarray, "correlations"]:
        """The causal effect of one neuron under each correlation."""
        return self.truths[..., unit].mean(1)


def sweep_correlations(
    correlations: Numbers,
    half_widths: Numbers,
    runs: int,
    seconds: float,
    seed: int,
    neurons: Neurons | None = None,
    cost: Cost | str = quadratic,
    weights: Numbers = WEIGHTS,
) -> Sweep:
    """Simulate a pair under each correlation, once for the estimates and once for the truth.

    The half-width 1 of the observed dependence is added where it is missing. Raises Mistake for a correlation, window,
    time or cost that is not allowed.
    """
    chosen = tuple(float(c) for c in np.atleast_1d(np.asarray(correlations, dtype=float)))
    widths = tuple(sorted({*(float(p) for p in np.atleast_1d(np.asarray(half_widths))), OBSERVED_WITHIN}))
    pairs = np.tile(np.asarray(weights, dtype=float), (runs, 1))
    sums, truths = [], []
    for each, c in zip(
        np.random.SeedSequence(seed).generate_state(2 * len(chosen)).reshape(-1, 2), chosen, strict=True
    ):
        record = simulate(pairs, c, seconds, int(each[0]), neurons, cost)
        sums.append(window_sums(record, [*widths, np.inf]))
        truths.append(causal_effect(simulate(pairs, c, seconds, int(each[1]), neurons, cost), int(each[1])))
    return Sweep(chosen, widths, tuple(sums), np.array(truths))
