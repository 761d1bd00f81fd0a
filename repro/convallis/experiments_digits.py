"""Two digits and one neuron; ten digits, a population and a linear read-out: every rule, one speaker left out.

Settings (learning rate, balance) are chosen for each rule and each speaker left out, on another speaker, by the same
measure that is reported, from grids of the same size (``contestants.settings``). Returned are tidy tables, a row for
each rule, speaker left out and seed; the rows "before" are populations that only the rate controller has touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from repro.convallis.cell import Cell
from repro.convallis.contestants import Population, Setting, Units, settings, units
from repro.convallis.hearing import TEST, Learned, Split, answers, learn, settle, some_of, spikes, trials
from repro.convallis.measures import d_prime, eta_squared, filter_correlation, mean_difference, pair_correlation, silent
from repro.convallis.read_out import decode
from repro.convallis.rule import Valley
from repro.errors import Mistake
from repro.speech import Cochleograms

LARGEST_D = 10.0  # d′ of neurons whose counts never vary within a digit would be infinite
VALLEY = -60.0, -53.0  # mV, between the thresholds of the default rule
TUNING = 1_000_000  # added to seeds, so that settings are chosen on other seeds than are reported
BEFORE = "before"
INPUTS = "inputs"
POPULATION, CELL = Population(), Cell()
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Plan:
    """How much is shown. All rules get the same."""

    population: Population = POPULATION
    cell: Cell = CELL
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    epochs: int = 1
    most: int | None = None  # utterances in an epoch
    repeats: int = 1  # of each test utterance, with new spikes
    read_out_most: int = 200  # training utterances that the read-out learns from
    tuning_seeds: int = 1
    tuning_neurons: int = 32
    tuning_most: int = 100  # utterances for each setting that is tried
    validation_most: int = 60  # utterances on which settings are compared
    digits: tuple[int, ...] = (4, 5)  # between which preference is measured


def two_of(digits: tuple[int, ...]) -> tuple[int, int]:
    """Two different digits. Raises Mistake for any others."""
    if len(digits) != 2 or digits[0] == digits[1]:
        raise Mistake(f"digits are {', '.join(map(str, digits))}; name two different ones, such as 4,5")
    return digits[0], digits[1]


Score = Callable[[Learned, Cochleograms, Cochleograms, Plan], Float[np.ndarray, "batch"]]
"""What is tuned for, higher is better, from training and test utterances."""


def preference(
    counts: Int[np.ndarray, "batch trials neurons"], digits: Int[np.ndarray, "trials"], pair: tuple[int, ...]
) -> Float[np.ndarray, "batch"]:
    """|d′| between two digits, mean over neurons."""
    return np.minimum(np.abs(d_prime(counts, digits, pair[0], pair[1])), LARGEST_D).mean(axis=1)


def preference_score(
    learned: Learned, train: Cochleograms, test: Cochleograms, plan: Plan
) -> Float[np.ndarray, "batch"]:
    """|d′| on the test utterances."""
    return preference(*answers(learned, test, plan.population, plan.cell, repeats=plan.repeats), plan.digits)


def accuracy_score(learned: Learned, train: Cochleograms, test: Cochleograms, plan: Plan) -> Float[np.ndarray, "batch"]:
    """Share of the test utterances that the read-out says rightly."""
    return _accuracies(learned, train, answers(learned, test, plan.population, plan.cell, repeats=plan.repeats), plan)


def tune(which: str, split: Split, plan: Plan, score: Score) -> tuple[Setting, Units, pd.DataFrame]:
    """The best setting of a rule's grid, its units, and a table of all: rate, balance, score.

    Nothing of the tested speaker is used.
    """
    unit, grid = measured_units(which, split.others, plan), settings(which)
    if len(grid) == 1:
        return grid[0], unit, pd.DataFrame()
    small = replace(plan, population=replace(plan.population, neurons=plan.tuning_neurons))
    seeds = tuple(TUNING + seed for seed in range(plan.tuning_seeds))
    before = settle(split.others, small.population, seeds, plan.cell)
    learned = learn(which, grid, unit, split.others, before, small.population, plan.cell, most=plan.tuning_most)
    validation = some_of(split.validation, plan.validation_most, TUNING)
    scores = score(learned, split.others, validation, small).reshape(len(grid), len(seeds)).mean(axis=1)
    table = pd.DataFrame({"rate": [s.rate for s in grid], "balance": [s.balance for s in grid], "score": scores})
    return grid[int(scores.argmax())], unit, table


def measured_units(which: str | Valley, heard: Cochleograms, plan: Plan) -> Units:
    """Units of a rule from 100 utterances, on a seed of its own."""
    seed = TUNING - 1
    places = np.random.default_rng(seed).permutation(len(heard))[:100]
    shown = spikes(heard, [places], (seed,), 0, plan.population, plan.cell.dt)[:, 0]
    return units(which, shown, plan.population, plan.population.weights(1, np.random.default_rng(seed)), plan.cell)


def trained(which: str, split: Split, plan: Plan, chosen: Setting, unit: Units) -> Learned:
    """Populations of every seed after learning from all but the tested speaker, or before it."""
    before = settle(split.train, plan.population, plan.seeds, plan.cell)
    if which == BEFORE:
        return before
    return learn(
        which, (chosen,), unit, split.train, before, plan.population, plan.cell, epochs=plan.epochs, most=plan.most
    )


def two_digits(which: str, split: Split, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame, Learned]:
    """A rule that hears two digits: a row a seed, the trials of its tuning, and the populations."""
    chosen, unit, trials = _tuned(which, split, plan, preference_score)
    learned = trained(which, split, plan, chosen, unit)
    counts, digits = answers(learned, split.test, plan.population, plan.cell, repeats=plan.repeats)
    at_target, _ = answers(learned, split.test, plan.population, plan.cell, repeats=plan.repeats, rescaled=True)
    spectra = split.train.rates().mean(axis=1)
    wanted = mean_difference(spectra, split.train.digits, plan.digits[0], plan.digits[1])
    own = {
        "d_prime": preference(counts, digits, plan.digits),
        "d_prime_at_target": preference(at_target, digits, plan.digits),
        "filter": np.abs(filter_correlation(learned.outcome.weights.astype(float), wanted)).mean(axis=1),
        "shared": pair_correlation(learned.outcome.weights.astype(float)),
    }
    return _rows(which, split, plan, chosen, learned, counts, own), trials, learned


def ten_digits(which: str, split: Split, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame, Learned]:
    """A rule that hears all digits: a row a seed, the trials of its tuning, and the populations."""
    chosen, unit, trials = _tuned(which, split, plan, accuracy_score)
    learned = trained(which, split, plan, chosen, unit)
    counts, digits = answers(learned, split.test, plan.population, plan.cell, repeats=plan.repeats)
    own = {
        "accuracy": 100 * _accuracies(learned, split.train, (counts, digits), plan),
        "eta_squared": eta_squared(counts, digits).mean(axis=1),
        "pair_correlation": np.nan_to_num(pair_correlation(counts)),
    }
    return _rows(which, split, plan, chosen, learned, counts, own), trials, learned


def raw_inputs(split: Split, plan: Plan) -> pd.DataFrame:
    """The bar to beat: the same read-out of the counts of the 100 input cells, same utterances, same spikes."""
    some, of_seeds = some_of(split.train, plan.read_out_most, TUNING), (plan.seeds, TEST, plan.population, plan.cell.dt)
    known = trials(some, *of_seeds, ordered=True).sum(axis=2)
    shown = trials(split.test, *of_seeds, plan.repeats, ordered=True).sum(axis=2)
    digits, rows = np.tile(split.test.digits, plan.repeats), []
    for k, seed in enumerate(plan.seeds):
        accuracy = decode(known[:, k], some.digits, np.array(some.speakers), shown[:, k], digits).accuracy
        explained = eta_squared(shown[:, k], digits).mean()
        rows.append((INPUTS, split.tested, seed, 100 * accuracy, explained))
    return pd.DataFrame(rows, columns=["rule", "speaker", "seed", "accuracy", "eta_squared"])


def _tuned(which: str, split: Split, plan: Plan, score: Score) -> tuple[Setting, Units, pd.DataFrame]:
    if which == BEFORE:
        return Setting(0.0), Units(0.0, 1.0), pd.DataFrame()
    chosen, unit, trials = tune(which, split, plan, score)
    return chosen, unit, trials.assign(rule=which, speaker=split.tested)


def _accuracies(
    learned: Learned, train: Cochleograms, test: tuple[np.ndarray, np.ndarray], plan: Plan
) -> Float[np.ndarray, "batch"]:
    """Accuracy of each population's read-out, learned from counts on new spikes of training utterances."""
    some = some_of(train, plan.read_out_most, TUNING)
    counts, digits = answers(learned, some, plan.population, plan.cell)
    who = np.array(some.speakers)
    return np.array([decode(a, digits, who, b, test[1]).accuracy for a, b in zip(counts, test[0], strict=True)])


def _rows(
    which: str, split: Split, plan: Plan, chosen: Setting, learned: Learned, counts: np.ndarray, own: dict
) -> pd.DataFrame:
    """A row a seed: what was measured, and how learning went."""
    seconds = (split.test.duration_ms + plan.population.gap_ms) / 1000
    outcome, half = learned.outcome, max(learned.outcome.counts.shape[1] // 2, 1)
    went = {
        "test_rate": counts.mean(axis=(1, 2)) / seconds,
        "train_rate": outcome.mean_rates(half).mean(axis=1),
        "at_bounds": outcome.at_bounds,
        "silent": silent(counts).mean(axis=1),
    }
    if outcome.potentials is not None:
        went["skewness"] = np.nan_to_num(outcome.potentials.skewness).mean(axis=1)
        went["in_valley"] = outcome.potentials.share_between(*VALLEY)
    facts = {
        "rule": which,
        "speaker": split.tested,
        "seed": list(plan.seeds),
        "rate": chosen.rate,
        "balance": chosen.balance,
    }
    return pd.DataFrame({**facts, **own, **went})
