"""A balanced recurrent network that hears digits: before, during and after learning.

Inputs to excitatory cells and the synapses among them learn, inhibition is fixed. Two speakers are left out together;
settings are chosen on a third, for every rule from as many, by the accuracy of the read-out. A row of the tables is a
rule, a seed and a moment; the first moment, 0 utterances, is before learning, where the controller alone has settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.convallis import recurrent
from repro.convallis.cell import Cell
from repro.convallis.contestants import PER_UTTERANCES, RATES, Population, Setting, Units, rule
from repro.convallis.control import ControlState
from repro.convallis.hearing import ORDER, SPIKES, TEST, WEIGHTS, spikes
from repro.convallis.learning import Learning
from repro.convallis.measures import eta_squared
from repro.convallis.network import Network, balanced
from repro.convallis.read_out import decode
from repro.convallis.recurrent import NetworkOutcome
from repro.errors import Mistake
from repro.speech import Cochleograms

BALANCES = (1.0, 2.0)  # fewer than for single cells, since a network takes longer
QUIET, BURST = 0.1, 5.0  # of the target: a mean rate outside counts as silent, or as a burst
TUNING = 1_000_000
CELL = Cell()
HEARS = Population(largest_weight=8.0)


@dataclass(frozen=True)
class NetworkPlan:
    """Sizes and what is shown. All rules get the same."""

    excitatory: int = 400
    inhibitory: int = 100
    seeds: tuple[int, ...] = (0, 1, 2)
    moments: tuple[int, ...] = (0, 150, 450)  # utterances heard when the read-out is tried
    settle: int = 60
    read_out: int = 100  # utterances that it learns from, and is tried on
    tuning_utterances: int = 60
    population: Population = HEARS  # what is heard, target and largest weight


@dataclass(frozen=True, eq=False)
class Ears:
    """Utterances to learn from and those of speakers never heard."""

    train: Cochleograms
    test: Cochleograms


def leave_out(heard: Cochleograms, speakers: Sequence[str]) -> Ears:
    """Those of some speakers, and those of all others. Raises Mistake if one side is empty."""
    is_test = np.isin(np.array(heard.speakers), list(speakers))
    if is_test.all() or not is_test.any():
        raise Mistake(
            f"speakers to leave out are {', '.join(speakers)}; there are {', '.join(sorted(set(heard.speakers)))}"
        )
    return Ears(heard.at(np.flatnonzero(~is_test)), heard.at(np.flatnonzero(is_test)))


def settings(which: str) -> tuple[Setting, ...]:
    """Ten settings for every rule that has any."""
    if which == "rate":
        return (Setting(0.0),)
    if which == "bcm":
        return tuple(Setting(r) for r in np.geomspace(RATES[0], RATES[-1], len(RATES) * len(BALANCES)).tolist())
    return tuple(Setting(r, b) for r in RATES for b in BALANCES)


@dataclass(frozen=True, eq=False)
class Settled:
    """Networks that the controller alone has touched."""

    network: Network
    control: ControlState
    seeds: tuple[int, ...]
    rates: Float[np.ndarray, "batch trials"]  # Hz, while settling


def shown(heard: Cochleograms, seeds: tuple[int, ...], stream: int, n: int, plan: NetworkPlan) -> np.ndarray:
    """``n`` utterances in random order, (trials, seeds, steps, inputs)."""
    places = []
    for seed in seeds:
        rng = np.random.default_rng([seed, ORDER, stream])
        places.append(np.concatenate([rng.permutation(len(heard)) for _ in range(-(-n // len(heard)))])[:n])
    return spikes(heard, places, seeds, stream, plan.population, CELL.dt)


def settle(heard: Cochleograms, seeds: tuple[int, ...], plan: NetworkPlan) -> Settled:
    """Networks, one a seed, and gains that hold the target rate."""
    made = [
        balanced(1, np.random.default_rng([seed, WEIGHTS]), excitatory=plan.excitatory, inhibitory=plan.inhibitory)
        for seed in seeds
    ]
    network = _joined(made).astype(np.float32)
    trials = shown(heard, seeds, SPIKES, plan.settle, plan)
    done = recurrent.train(trials, network, plan.population.learning(), CELL, raster_of=np.arange(len(seeds)))
    half = plan.settle // 2
    settled = replace(done.control, log_gain=done.log_gains[:, -half:].mean(axis=1))
    return Settled(network, settled, seeds, done.rates.mean(axis=2))


def units(which: str, settled: Settled, heard: Cochleograms, plan: NetworkPlan, n: int = 30) -> Units:
    """Units of a rule in the first network, as in ``contestants``, over the synapses of the inputs."""
    if which == "rate":
        return Units(0.0, 1.0)
    network = _taken(settled.network, [0, 0]).astype(np.float64)
    start = ControlState(*(np.repeat(a[:1], 2, axis=0) for a in _parts(settled.control)))
    pair = rule(which, np.array([0.0, 1.0]), np.array([1.0, 0.0]), plan.population.target)
    tiny = 1e-9
    held = Learning(pair, tiny, largest_weight=np.inf, keep_mean=False, control=None)
    trials = shown(heard, settled.seeds[:1], SPIKES + 1, n, plan)[:, 0]
    done = recurrent.train(trials, network, held, CELL, start=start)
    before = _plastic(network)
    changes = [(_plastic(done.network)[k] - before[k]) / tiny for k in (0, 1)]
    balance = 1.0 if which == "bcm" else float(-changes[0].mean() / changes[1].mean())
    total = changes[0] if which == "bcm" else changes[0] + balance * changes[1]
    size = np.sqrt(np.mean(total**2)) * PER_UTTERANCES / n
    return Units(float(before.mean() / size), balance)


def learn(
    which: str, chosen: Sequence[Setting], unit: Units, settled: Settled, ears: Ears, plan: NetworkPlan
) -> pd.DataFrame:
    """Networks (settings, then seeds) that learn, with the read-out tried at every moment.

    Rows: ``rule, rate, balance, seed, utterances, accuracy, eta_squared, test_rate, train_rate, out_of_range``; the
    last two over the utterances since the moment before, from the middle on.
    """
    seeds, n = settled.seeds, len(chosen)
    wiring = _taken(settled.network, list(range(len(seeds))) * n)
    control = ControlState(*(np.tile(a, (n, 1)) for a in _parts(settled.control)))
    raster_of = np.tile(np.arange(len(seeds)), n)
    learning = plan.population.learning(
        rule(which, np.repeat([s.balance * unit.balance for s in chosen], len(seeds)), target=plan.population.target),
        np.repeat([s.rate * unit.rate for s in chosen], len(seeds)),
    )
    trials = shown(ears.train, seeds, SPIKES + 2, max(plan.moments[-1], 1), plan)
    gains, rates, rows = control.gains, np.tile(settled.rates, (n, 1)), []
    for earlier, moment in zip((0, *plan.moments), plan.moments, strict=False):
        if moment > earlier:
            part = trials[earlier:moment]
            done = recurrent.train(part, wiring, learning, CELL, raster_of=raster_of, start=control)
            wiring, control, rates = _network(done), done.control, done.rates.mean(axis=2)
            gains = done.settled_gains(last=min(plan.settle, len(part)))
        rows.append(_tried(wiring, gains, raster_of, rates, ears, seeds, plan).assign(utterances=moment))
    table = pd.concat(rows, ignore_index=True)
    facts = {"rule": which, "rate": np.repeat([s.rate for s in chosen], len(seeds))}
    facts |= {"balance": np.repeat([s.balance for s in chosen], len(seeds)), "seed": np.tile(seeds, n)}
    return pd.concat([pd.concat([pd.DataFrame(facts)] * len(plan.moments), ignore_index=True), table], axis=1)


def tune(which: str, heard: Cochleograms, validation: str, plan: NetworkPlan) -> tuple[Setting, Units, pd.DataFrame]:
    """The best of a rule's settings by accuracy on one of the training speakers, its units, and all trials."""
    ears, grid = leave_out(heard, [validation]), settings(which)
    settled = settle(ears.train, (TUNING,), plan)
    unit = units(which, settled, ears.train, plan)
    if len(grid) == 1:
        return grid[0], unit, pd.DataFrame()
    trials = learn(which, grid, unit, settled, ears, replace(plan, moments=(plan.tuning_utterances,)))
    return grid[int(trials.accuracy.argmax())], unit, trials


def _tried(
    wiring: Network,
    gains: np.ndarray,
    raster_of: np.ndarray,
    rates: np.ndarray,
    ears: Ears,
    seeds: tuple[int, ...],
    plan: NetworkPlan,
) -> pd.DataFrame:
    """The read-out and the rates of each network, weights and gains frozen."""
    counts, labels = [], []
    for heard, stream in ((ears.train, TEST), (ears.test, TEST + 1)):
        some = heard.at(np.random.default_rng(stream).permutation(len(heard))[: plan.read_out])
        trials = spikes(some, [np.arange(len(some))] * len(seeds), seeds, stream, plan.population, CELL.dt)
        counts.append(recurrent.respond(trials, wiring, gains, CELL, raster_of=raster_of).counts)
        labels.append((some.digits, np.array(some.speakers)))
    target, half = plan.population.target, rates[:, rates.shape[1] // 2 :]
    return pd.DataFrame(
        {
            "accuracy": [
                100 * decode(a, labels[0][0], labels[0][1], b, labels[1][0]).accuracy
                for a, b in zip(*counts, strict=True)
            ],
            "eta_squared": eta_squared(counts[1], labels[1][0]).mean(axis=1),
            "test_rate": counts[1].mean(axis=(1, 2)) / ((ears.test.duration_ms + plan.population.gap_ms) / 1000),
            "train_rate": half.mean(axis=1),
            "out_of_range": ((rates < QUIET * target) | (rates > BURST * target)).mean(axis=1),
        }
    )


def _joined(networks: Sequence[Network]) -> Network:
    """One batch of networks of the same sizes."""
    parts = {
        name: replace(
            getattr(networks[0], name),
            targets=np.concatenate([getattr(each, name).targets for each in networks]),
            weights=np.concatenate([getattr(each, name).weights for each in networks]),
        )
        for name in ("inputs", "recurrent")
    }
    return replace(networks[0], **parts)


def _taken(network: Network, which: Sequence[int]) -> Network:
    """Some networks of a batch, each as often as it is named."""
    places = np.array(which)
    parts = {
        name: replace(
            getattr(network, name),
            targets=getattr(network, name).targets[places],
            weights=getattr(network, name).weights[places],
        )
        for name in ("inputs", "recurrent")
    }
    return replace(network, **parts)


def _parts(control: ControlState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return control.rate, control.integral, control.log_gain


def _network(done: NetworkOutcome) -> Network:
    assert done.network is not None
    return done.network


def _plastic(network: Network | None) -> np.ndarray:
    """Weights of the inputs onto excitatory cells."""
    assert network is not None
    return network.inputs.weights[:, :, : network.inputs.plastic]
