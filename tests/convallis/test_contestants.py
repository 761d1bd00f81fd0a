"""One grid for all rules: what a learning rate of 1 and a balance of 1 stand for."""

import numpy as np
import pytest

from repro.convallis import ControlState, Valley, feedforward
from repro.convallis.contestants import NAMES, Population, Setting, Units, learning, rule, settings, units
from repro.convallis.learning import Learning
from repro.errors import Mistake

SMALL = Population(neurons=6)


@pytest.fixture(scope="module")
def heard():
    """30 trials of half a second, 100 inputs at 20 Hz."""
    return np.random.default_rng(0).random((30, 1000, 100)) < 0.01


@pytest.fixture(scope="module")
def weights():
    return SMALL.weights(1, np.random.default_rng(1))


def test_every_rule_that_is_tuned_gets_as_many_settings():
    numbers = {name: len(settings(name)) for name in NAMES}
    assert numbers.pop("rate") == 1
    assert set(numbers.values()) == {20}


@pytest.mark.parametrize("name", ["convallis", "pair", "triplet", "bcm"])
def test_a_unit_of_rate_and_balance_is_what_it_says(heard, weights, name):
    unit = units(name, heard, SMALL, weights)
    settled = feedforward.train(heard, weights, SMALL.learning())
    gains = settled.settled_gains(last=15)
    # a hundredth of a unit, so that no weight meets a bound
    held = Learning(
        rule(name, unit.balance, target=5.0), unit.rate / 100, largest_weight=100.0, keep_mean=False, control=None
    )
    start = ControlState(settled.control.rate, settled.control.integral, np.log(gains))
    exact = weights.astype(float)
    change = feedforward.train(heard, exact, held, start=start).weights - exact
    # weights move by a hundredth of their mean within 100 utterances, held as they are; they are not held between
    # the 30 trials here, which moves the sum by about a hundredth of itself
    assert np.sqrt(np.mean(change**2)) * 100 / 30 == pytest.approx(exact.mean() / 100, rel=0.1)
    if name != "bcm":
        assert abs(change.mean()) < 0.1 * np.sqrt(np.mean(change**2))


def test_a_valley_that_never_potentiates_is_refused(heard, weights):
    with pytest.raises(Mistake, match="only potentiates or only depresses"):
        units(Valley(theta_minus=20.0, theta_plus=40.0), heard, SMALL, weights)


def test_populations_stand_in_order_of_settings_then_seeds():
    made = learning("pair", (Setting(1.0, 0.5), Setting(2.0, 1.0)), Units(3.0, 2.0), SMALL, repeats=2)
    assert made.rate.tolist() == [3.0, 3.0, 6.0, 6.0]
    assert made.rule.a_minus.tolist() == [1.0, 1.0, 2.0, 2.0]


def test_an_unknown_rule_is_named():
    with pytest.raises(Mistake, match=r"'oja'.*convallis"):
        settings("oja")
