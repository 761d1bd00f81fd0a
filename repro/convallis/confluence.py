"""One parameter set for in-vitro data and for learning: sets of constants of the valley rule, judged on both.

In vitro the rule stands at one synapse (``repro.spike_triplets.ValleyRule``), here with the network's potentials: rest
at -70 mV, a spike that is cut at the threshold 20 mV above, and an after-depolarisation. Each set gets the two
amplitudes that fit the measured changes best, exactly; their ratio goes into the network, whose learning rate is tuned.

Deviates: in vitro the presynaptic trace is one exponential, in the network the PSP, a difference of two; and what lies
above the threshold is cut off in the network alone. The upper detector stands below it, and is nearly full there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from repro.arrays import Numbers
from repro.convallis.cell import Cell
from repro.convallis.contestants import RATES, Setting
from repro.convallis.experiments_digits import TUNING, Plan, measured_units, preference_score
from repro.convallis.hearing import Split, learn, settle
from repro.convallis.rule import Valley
from repro.spike_triplets import Box, Family
from repro.spike_triplets.datasets import Dataset, load
from repro.spike_triplets.fitting import Fit, Pool
from repro.spike_triplets.valley import AMPLITUDES, COLUMNS, ValleyRule, valley_sums

SEARCHED = {
    "theta_minus": Box(-68.0, -58.0, unit="mV"),
    "theta_plus": Box(-57.0, -51.0, unit="mV"),
    "after_depolarisation": Box(0.5, 15.0, unit="mV"),
    "tau_after": Box(5.0, 60.0, log=True),
}
"""What is searched; widths of the detectors and the trace are the network's."""


@dataclass(frozen=True)
class ParameterSet:
    """Constants of the rule, how well they describe the in-vitro points, and the cell that goes with them."""

    rule: Valley
    cell: Cell
    error: float  # E, the mean of ((model - data)/SEM)²


def family() -> Family:
    """The valley rule at one synapse with the potentials of the network's cell."""
    rule, cell = Valley(), Cell()
    base = ValleyRule(
        1.0, 1.0, k_minus=_number(rule.k_minus), k_plus=_number(rule.k_plus), tau_trace=rule.tau_membrane,
        resting_potential=cell.rest, theta_minus=_number(rule.theta_minus), theta_plus=_number(rule.theta_plus),
        spike_height=cell.threshold - cell.rest,
    )  # fmt: skip
    columns = [COLUMNS.index(name) for name in SEARCHED]

    def sums(protocols: Sequence, values: np.ndarray) -> np.ndarray:
        rows = np.tile(base.parameters(), (len(values), 1))
        rows[:, columns] = values
        return valley_sums(protocols, rows)

    return Family(
        "valley-network", "valley", "valley, potentials of the network", AMPLITUDES, SEARCHED, sums,
        lambda found: replace(base, **found),
    )  # fmt: skip


def parameter_sets(
    n: int, seed: int, dataset: str | Dataset = "sjostrom2001", *, pool: int = 256, starts: int = 4
) -> list[ParameterSet]:
    """The best fit to the data set, and ``n - 1`` sets of the searched box from good to bad, evenly by rank of E.

    Sets whose depression or potentiation fits best at 0 are left out: no valley is left in them.
    """
    data = load(dataset) if isinstance(dataset, str) else dataset
    drawn = Pool.draw(family(), data, seed, pool)
    alone = [
        Pool(drawn.family, data, drawn.shares[k : k + 1], drawn.sums[k : k + 1]).fit(starts=0) for k in range(pool)
    ]
    whole = sorted((found for found in alone if _is_valley(found)), key=lambda found: found.error)
    places = np.unique(np.linspace(0, len(whole) - 1, max(n - 1, 1)).round().astype(int))
    return [_network(found) for found in (drawn.fit(starts=starts), *(whole[k] for k in places))]


def _is_valley(found: Fit) -> bool:
    return all(found.parameters[name] > 0 for name in AMPLITUDES)


def _network(found: Fit) -> ParameterSet:
    """The set as the network takes it; amplitudes relative to potentiation, since the learning rate is tuned."""
    values = found.parameters
    largest = max(values[name] for name in AMPLITUDES)
    rule = Valley(
        values["a"] / largest, values["b"] / largest,
        theta_minus=values["theta_minus"], theta_plus=values["theta_plus"],
    )  # fmt: skip
    cell = Cell(after_depolarisation=values["after_depolarisation"], tau_after=values["tau_after"])
    return ParameterSet(rule, cell, found.error)


def pareto_front(errors: Numbers, gains: Numbers) -> Bool[np.ndarray, "sets"]:
    """Which sets no other beats: smaller or equal error and larger or equal gain, one of them strictly.

    >>> pareto_front([1.0, 2.0, 3.0], [0.1, 0.5, 0.4]).tolist()
    [True, True, False]
    """
    e, g = np.asarray(errors, dtype=float), np.asarray(gains, dtype=float)
    as_good = (e[None] <= e[:, None]) & (g[None] >= g[:, None])
    better = (e[None] < e[:, None]) | (g[None] > g[:, None])
    return np.asarray(~(as_good & better).any(axis=1))


def learned_preference(each: ParameterSet, split: Split, plan: Plan) -> Float[np.ndarray, "seeds"]:
    """|d′| between two digits of populations whose constants come from in-vitro data, one a seed.

    Only the learning rate is tuned, on the validation speaker as for any other rule; the balance of depression and
    potentiation is the one in vitro.
    """
    plan = replace(plan, cell=each.cell)
    unit = measured_units(each.rule, split.others, plan)
    balance = _number(each.rule.b) / _number(each.rule.a) / unit.balance
    grid = tuple(Setting(rate, balance) for rate in RATES)
    seeds = tuple(TUNING + seed for seed in range(plan.tuning_seeds))
    before = settle(split.others, plan.population, seeds, plan.cell)
    tried = learn(each.rule, grid, unit, split.others, before, plan.population, plan.cell, most=plan.tuning_most)
    scores = preference_score(tried, split.others, split.validation, plan).reshape(len(grid), len(seeds)).mean(axis=1)
    before = settle(split.train, plan.population, plan.seeds, plan.cell)
    done = learn(
        each.rule, (grid[int(scores.argmax())],), unit, split.train, before, plan.population, plan.cell,
        epochs=plan.epochs, most=plan.most,
    )  # fmt: skip
    return preference_score(done, split.train, split.test, plan)


def _number(amount: float | np.ndarray | list | tuple) -> float:
    """A constant that is the same for all populations."""
    return float(np.asarray(amount, dtype=float))


def errors_of(sets: Sequence[ParameterSet]) -> Float[np.ndarray, "sets"]:
    """E of each set."""
    return np.array([each.error for each in sets])
