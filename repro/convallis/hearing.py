"""Populations that hear spoken digits: who is left out, which spikes are shown, and learning from them.

Every rule hears, with the same seed, the same utterances in the same order as the same spikes, from the same initial
weights, and begins where the rate controller alone has settled: rules differ in nothing but what they learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from repro.convallis import feedforward
from repro.convallis.cell import Cell
from repro.convallis.contestants import Population, Setting, Units, learning
from repro.convallis.control import ControlState, RateControl
from repro.convallis.outcome import Outcome
from repro.convallis.rule import Valley
from repro.errors import Mistake
from repro.speech import Cochleograms, poisson_trains, speaker_folds

SETTLE = 60  # utterances that the controller gets before anything is learned
WEIGHTS, ORDER, SPIKES, TEST = range(4)  # streams of random numbers of a seed


@dataclass(frozen=True, eq=False)
class Split:
    """Utterances of one speaker to test on, of another to choose settings on, and of all others."""

    tested: str
    chosen_on: str
    test: Cochleograms
    validation: Cochleograms
    others: Cochleograms  # neither: settings are tried on these
    train: Cochleograms  # all but the tested speaker: what is learned in the end


def splits(heard: Cochleograms, tested: tuple[str, ...] | None = None) -> tuple[Split, ...]:
    """Leave each speaker out once, or only those ``tested``; settings are chosen on the speaker next in order.

    Raises Mistake if there are fewer than three speakers, or one that is not there.
    """
    who = np.array(heard.speakers)
    everyone = sorted(set(who.tolist()))
    unknown = sorted(set(tested or ()) - set(everyone))
    if len(everyone) < 3 or unknown:
        raise Mistake(
            f"speakers {', '.join(unknown) or 'to leave out'}: there are {', '.join(everyone)}; three are needed"
        )
    found = []
    for place, fold in enumerate(speaker_folds(who.tolist())):
        following = everyone[(place + 1) % len(everyone)]
        parts = [np.flatnonzero(who == following), np.flatnonzero((who != following) & (who != fold.speaker))]
        chosen = (heard.at(which) for which in (fold.test, *parts, fold.train))
        if tested is None or fold.speaker in tested:
            found.append(Split(fold.speaker, following, *chosen))
    return tuple(found)


def order(n: int, seed: int, epochs: int = 1, most: int | None = None) -> Int[np.ndarray, "shown"]:
    """Places of utterances in random order, each as often as any other; at most ``most`` in an epoch."""
    rng = np.random.default_rng([seed, ORDER])
    return np.concatenate([rng.permutation(n)[:most] for _ in range(epochs)])


@lru_cache(maxsize=8)
def some_of(heard: Cochleograms, most: int, seed: int) -> Cochleograms:
    """At most so many of the utterances, drawn without replacement; the same object for the same question."""
    return heard.at(np.random.default_rng(seed).permutation(len(heard))[:most])


@lru_cache(maxsize=8)  # every rule asks for the same trials
def trials(
    heard: Cochleograms,
    seeds: tuple[int, ...],
    stream: int,
    population: Population,
    dt: float,
    epochs: int = 1,
    most: int | None = None,
    ordered: bool = False,
) -> Bool[np.ndarray, "trials seeds steps inputs"]:
    """Spikes of all utterances ``epochs`` times over, at most ``most`` each time, in random order or as they stand."""
    if ordered:
        orders = [np.tile(np.arange(len(heard)), epochs)] * len(seeds)
    else:
        orders = [order(len(heard), seed, epochs, most) for seed in seeds]
    shown = spikes(heard, orders, seeds, stream, population, dt)
    shown.flags.writeable = False
    return shown


def spikes(
    heard: Cochleograms,
    orders: list[np.ndarray],
    seeds: tuple[int, ...],
    stream: int,
    population: Population,
    dt: float,
) -> Bool[np.ndarray, "trials seeds steps inputs"]:
    """Trials as the simulator takes them, each seed with its own order and spikes."""
    rates = heard.rates(population.mean_hz)
    drawn = [
        poisson_trains(
            rates[places], np.random.default_rng([seed, stream]),
            bin_ms=heard.ear.bin_ms, dt_ms=dt, gap_ms=population.gap_ms,
        )
        for places, seed in zip(orders, seeds, strict=True)
    ]  # fmt: skip
    return np.stack(drawn, axis=1)


@dataclass(frozen=True, eq=False)
class Learned:
    """Populations (settings, then seeds) after learning."""

    outcome: Outcome
    gains: Float[np.ndarray, "batch neurons"]  # settled, to be frozen
    seeds: tuple[int, ...]

    @property
    def raster_of(self) -> Int[np.ndarray, "batch"]:
        """Which seed's spikes a population hears."""
        return np.tile(np.arange(len(self.seeds)), len(self.gains) // len(self.seeds))


@lru_cache(maxsize=4)  # every rule begins here
def settle(heard: Cochleograms, population: Population, seeds: tuple[int, ...], cell: Cell) -> Learned:
    """Initial weights, and gains that hold the target rate: the state before learning."""
    weights = np.concatenate([population.weights(1, np.random.default_rng([seed, WEIGHTS])) for seed in seeds])
    orders = [order(len(heard), seed, -(-SETTLE // len(heard)))[:SETTLE] for seed in seeds]
    shown = spikes(heard, orders, seeds, SPIKES, population, cell.dt)
    outcome = feedforward.train(shown, weights, population.learning(), cell, raster_of=np.arange(len(seeds)))
    return Learned(outcome, outcome.settled_gains(last=SETTLE // 2), seeds)


def learn(
    which: str | Valley,
    chosen: tuple[Setting, ...],
    unit: Units,
    heard: Cochleograms,
    before: Learned,
    population: Population,
    cell: Cell,
    *,
    epochs: int = 1,
    most: int | None = None,
) -> Learned:
    """Show all utterances ``epochs`` times (at most ``most`` each time) to populations of every setting and seed.

    Potentials are measured over the last half.
    """
    seeds, n = before.seeds, len(chosen)
    shown = trials(heard, seeds, SPIKES + 100, population, cell.dt, epochs, most)
    settled = before.outcome.control
    start = ControlState(*(np.tile(a, (n, 1)) for a in (settled.rate, settled.integral, settled.log_gain)))
    half = len(shown) // 2
    outcome = feedforward.train(
        shown,
        np.tile(before.outcome.weights, (n, 1, 1)),
        learning(which, chosen, unit, population, len(seeds)),
        cell,
        raster_of=np.tile(np.arange(len(seeds)), n),
        start=start,
        measure_from=half,
    )
    return Learned(outcome, outcome.settled_gains(last=max(half, 1)), seeds)


def answers(
    learned: Learned,
    heard: Cochleograms,
    population: Population,
    cell: Cell,
    *,
    repeats: int = 1,
    rescaled: bool = False,
) -> tuple[Int[np.ndarray, "batch trials neurons"], Int[np.ndarray, "trials"]]:
    """Counts with weights and gains frozen, each utterance ``repeats`` times with new spikes; and the digits.

    With ``rescaled`` gains first settle on these very utterances, so that every rule is tested at the target rate.
    """
    shown = trials(heard, learned.seeds, TEST, population, cell.dt, repeats, ordered=True)
    gains, weights = learned.gains, learned.outcome.weights
    if rescaled:
        mixed = np.random.default_rng(0).permutation(len(shown))
        control = RateControl(target=population.target)
        start = ControlState(np.full(gains.shape, population.target), np.log(gains) / control.integral, np.log(gains))
        settled = feedforward.train(
            [shown[k] for k in mixed], weights, population.learning(), cell, raster_of=learned.raster_of, start=start
        )
        gains = settled.settled_gains(last=max(len(shown) // 2, 1))
    return feedforward.respond(shown, weights, gains, cell, raster_of=learned.raster_of).counts, np.tile(
        heard.digits, repeats
    )
