"""The rules that are compared, and the same scales for the learning rate and the balance of each.

A learning rate of 1 would change weights, held as they are, by as much as their mean (root mean square over synapses)
within 100 utterances. A balance of 1 is the ratio of depression to potentiation at which both cancel on average before
learning, each neuron at its target rate. In these units all rules get the same grid. BCM finds its balance by itself;
it gets as many learning rates as the others have settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from repro.convallis import feedforward
from repro.convallis.cell import Cell
from repro.convallis.control import ControlState, RateControl
from repro.convallis.learning import Learning
from repro.convallis.rasters import Trials
from repro.convallis.rule import BCM, Amount, NoLearning, PairSTDP, Rule, TripletSTDP, Valley
from repro.errors import Mistake

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "convallis": "Convallis",
        "pair": "pair STDP (rcSTDP)",
        "triplet": "triplet STDP",
        "bcm": "BCM",
        "rate": "rate constraint alone",
    }
)
"""Rules by name, and what figures call them; all have the rate constraint."""

RATES = tuple(np.geomspace(0.03, 3.0, 5).tolist())  # two decades
BALANCES = (0.5, 1.0, 2.0, 4.0)
PER_UTTERANCES = 100


@dataclass(frozen=True)
class Population:
    """Cells of a population and what they hear; all constants are this book's."""

    neurons: int = 32
    mean_hz: float = 20.0  # of the input cells, over an utterance
    gap_ms: float = 100.0  # silence after an utterance
    target: float = 5.0  # Hz, gap included
    mean_weight: float = 0.16  # nS, with which the target needs a gain of about 1
    largest_weight: float = 1.6  # nS

    def weights(
        self, batch: int, rng: np.random.Generator, inputs: int = 100
    ) -> Float[np.ndarray, "batch inputs neurons"]:
        """Initial weights, in the precision that is simulated."""
        return feedforward.random_weights(batch, inputs, self.neurons, self.mean_weight, rng).astype(np.float32)

    def learning(self, rule: Rule | None = None, rate: Amount = 0.0) -> Learning:
        """The rule with both constraints."""
        control = RateControl(target=self.target)
        return Learning(rule or NoLearning(), rate, largest_weight=self.largest_weight, control=control)


@dataclass(frozen=True)
class Setting:
    """A learning rate and a balance, in the units of this module."""

    rate: float
    balance: float = 1.0


@dataclass(frozen=True)
class Units:
    """What 1 stands for: nS for each unit of the rule's sum, and the ratio of depression to potentiation."""

    rate: float
    balance: float


def settings(name: str) -> tuple[Setting, ...]:
    """The grid of a rule: 20 settings, or the only one of the rate constraint alone."""
    check(name)
    if name == "rate":
        return (Setting(0.0),)
    if name == "bcm":
        return tuple(Setting(rate) for rate in np.geomspace(RATES[0], RATES[-1], len(RATES) * len(BALANCES)).tolist())
    return tuple(Setting(rate, balance) for rate in RATES for balance in BALANCES)


def check(name: str) -> None:
    """Raises Mistake naming what is allowed."""
    if name not in NAMES:
        raise Mistake(f"rule is {name!r}; allowed are {', '.join(NAMES)}")


def rule(name: str, depression: Amount = 1.0, potentiation: Amount = 1.0, target: float = 5.0) -> Rule:
    """A rule by name, with the amplitudes of its potentiation and its depression (no meaning for BCM)."""
    check(name)
    if name == "convallis":
        return Valley(potentiation, depression)
    if name == "pair":
        return PairSTDP(potentiation, depression)
    if name == "triplet":
        return TripletSTDP(a3_plus=potentiation, a2_minus=depression)
    return BCM(target=target) if name == "bcm" else NoLearning()


def units(
    which: str | Valley, inputs: Trials, population: Population, weights: np.ndarray, cell: Cell | None = None
) -> Units:
    """The units of a rule, or of a valley of one's own, from what it would do with weights and gains held.

    Parameters
    ----------
    inputs : trials (steps, inputs), twice shown: for the controller to settle, and to measure
    weights : (1, inputs, neurons)
    """
    if which == "rate":
        return Units(0.0, 1.0)
    settled = feedforward.train(inputs, weights, population.learning(), cell)
    log_gain = np.log(settled.settled_gains(last=max(len(inputs) // 2, 1)))
    start = ControlState(*(np.repeat(a, 2, axis=0) for a in (settled.control.rate, settled.control.integral, log_gain)))
    gained = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    both = (
        replace(which, a=gained[0], b=gained[1])
        if isinstance(which, Valley)
        else rule(which, gained[1], gained[0], population.target)
    )
    tiny = 1e-9
    held = Learning(both, tiny, largest_weight=np.inf, keep_mean=False, control=None)
    twice = np.repeat(weights.astype(np.float64), 2, axis=0)
    changes = (feedforward.train(inputs, twice, held, cell, start=start).weights - twice) / tiny
    if which == "bcm":
        balance, total = 1.0, changes[0]
    else:
        if not (changes[0].mean() > 0 > changes[1].mean()):
            raise Mistake(f"{which}: before learning it only potentiates or only depresses; move its thresholds")
        balance = float(-changes[0].mean() / changes[1].mean())
        total = changes[0] + balance * changes[1]
    size = np.sqrt(np.mean(total**2)) * PER_UTTERANCES / len(inputs)
    return Units(float(weights.mean() / size), balance)


def learning(
    which: str | Valley, chosen: tuple[Setting, ...], unit: Units, population: Population, repeats: int = 1
) -> Learning:
    """One population for each setting, each ``repeats`` times over (for seeds), in this order."""
    rates = np.repeat([each.rate * unit.rate for each in chosen], repeats)
    balances = np.repeat([each.balance * unit.balance for each in chosen], repeats)
    if isinstance(which, Valley):
        return population.learning(replace(which, a=1.0, b=balances), rates)
    return population.learning(rule(which, balances, target=population.target), rates)
