"""Networks: wiring, agreement with a population where nothing recurs, constraints; against Brian2: test_brian."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.convallis import (
    Learning,
    Network,
    PairSTDP,
    RateControl,
    Synapses,
    Valley,
    balanced,
    feedforward,
    recurrent,
)
from repro.errors import Mistake


def trials(number=4, steps=400, inputs=30, seed=0, p=0.02):
    return np.random.default_rng(seed).random((number, steps, inputs)) < p


def small(batch=2, seed=1):
    sizes = {"inputs": 30, "excitatory": 40, "inhibitory": 10}
    return balanced(batch, np.random.default_rng(seed), **sizes, input_weight=1.2, exc_weight=0.3, inh_weight=3.0)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 9), st.floats(0.05, 1))
def test_every_source_reaches_its_number_of_distinct_others(seed, excitatory, inhibitory, share):
    rng = np.random.default_rng(seed)
    network = balanced(2, rng, inputs=3, excitatory=excitatory, inhibitory=inhibitory, p_inside=share, p_inputs=share)
    for synapses, own in ((network.inputs, False), (network.recurrent, True)):
        for b in range(2):
            for source, targets in enumerate(synapses.targets[b]):
                assert len(set(targets)) == len(targets)
                assert (targets[: synapses.plastic] < excitatory).all()
                assert (targets[synapses.plastic :] >= excitatory).all()
                assert not own or source not in targets
    assert network.inputs.plastic == round(share * excitatory)


def test_wiring_falls_on_all_targets_alike():
    network = balanced(40, np.random.default_rng(0), inputs=50, excitatory=20, inhibitory=5)
    reached = np.bincount(network.inputs.targets.ravel(), minlength=25)[:20]
    # 40·50 sources reach each neuron with p = 0.3: standard deviation √(2000·0.3·0.7) = 20
    assert np.abs(reached - 600).max() < 5 * 20


def without_recurrence():
    """A network whose inputs reach all excitatory cells and in which nothing else reaches anybody."""
    rng = np.random.default_rng(3)
    weights = feedforward.random_weights(2, 30, 8, 0.8, rng)
    into = Synapses(np.broadcast_to(np.arange(8), weights.shape).copy(), weights, plastic=8)
    inside = Synapses(np.zeros((2, 9, 0), np.int64), np.zeros((2, 9, 0)), plastic=0)
    return weights, Network(into, inside, excitatory=8, inhibitory=1)


@pytest.mark.parametrize("rule", [Valley(), PairSTDP()], ids=["valley", "pair"])
def test_without_recurrence_a_network_is_a_population(rule):
    weights, network = without_recurrence()
    learning = Learning(rule, rate=3e-4, block=60.0, control=RateControl(target=8.0))
    ours = recurrent.train(trials(), network, learning, measure_from=1)
    theirs = feedforward.train(trials(), weights, learning, measure_from=1)
    assert np.array_equal(ours.counts, theirs.counts)
    assert ours.weights == pytest.approx(theirs.weights, rel=1e-12)
    assert ours.control.gains == pytest.approx(theirs.control.gains, rel=1e-12)
    assert ours.at_bounds == pytest.approx(theirs.at_bounds)
    assert np.array_equal(ours.potentials.histogram, theirs.potentials.histogram)


def test_networks_of_a_batch_are_those_run_alone():
    network, learning = small(), Learning(Valley(), rate=1e-3)
    together = recurrent.train(trials(), network, learning)
    for b in range(2):
        parts = [
            Synapses(s.targets[b : b + 1], s.weights[b : b + 1], s.plastic) for s in (network.inputs, network.recurrent)
        ]
        alone = recurrent.train(trials(), Network(*parts, 40, 10), learning)
        assert np.array_equal(alone.counts[0], together.counts[b])
        assert np.array_equal(alone.network.recurrent.weights[0], together.network.recurrent.weights[b])


def test_what_must_not_learn_stays_and_what_learns_keeps_its_mean():
    network = small()
    learnt = recurrent.train(trials(), network, Learning(Valley(), rate=3e-4, largest_weight=9.0)).network
    for before, after, rows in ((network.inputs, learnt.inputs, 30), (network.recurrent, learnt.recurrent, 40)):
        assert np.array_equal(before.weights[:, :, before.plastic :], after.weights[:, :, after.plastic :])
        assert np.array_equal(before.weights[:, rows:], after.weights[:, rows:])
        assert not np.array_equal(before.weights, after.weights)

    def incoming(net):
        return (net.inputs.dense(50).sum(axis=1) + net.recurrent.dense(50)[:, :40].sum(axis=1))[:, :40]

    assert incoming(learnt) == pytest.approx(incoming(network), rel=1e-9)


def test_the_rate_comes_to_its_target():
    network = small(1)
    learnt = recurrent.train(trials(160, steps=1000, p=0.01), network, Learning(control=RateControl(target=5.0)))
    assert learnt.mean_rates(60).mean() == pytest.approx(5.0, rel=0.1)
    frozen = recurrent.respond(trials(60, steps=1000, p=0.01, seed=9), learnt.network, learnt.settled_gains(60))
    assert frozen.mean_rates().mean() == pytest.approx(5.0, rel=0.2)  # without feedback, at gains that are a mean


def test_inhibition_lowers_rates():
    network, gains = small(), np.ones((2, 40))
    weights = network.recurrent.weights.copy()
    weights[:, 40:] *= 0.1
    freed = Network(network.inputs, Synapses(network.recurrent.targets, weights, network.recurrent.plastic), 40, 10)
    rates = [recurrent.respond(trials(p=0.03), net, gains).mean_rates().mean() for net in (network, freed)]
    assert 0 < rates[0] < 0.9 * rates[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: balanced(1, np.random.default_rng(0), p_inside=0.0), "p_inside is 0.0"),
        (lambda: balanced(0, np.random.default_rng(0)), "batch is 0"),
        (lambda: recurrent.train(trials(inputs=4), small()), "trial 0 of the inputs"),
        (lambda: recurrent.train(trials(), small(), Learning(largest_weight=0.5)), "largest, 0.5 nS"),
    ],
)
def test_a_mistake_is_named_in_one_line(call, message):
    with pytest.raises(Mistake, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_example_in_the_docstring_runs():
    assert doctest.testmod(recurrent).failed == 0
