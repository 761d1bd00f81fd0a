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


@pytest.mark.parametrize("memory", [None, 90.0])
@pytest.mark.parametrize("rule", [Valley(), PairSTDP()], ids=["valley", "pair"])
def test_without_recurrence_a_network_is_a_population(rule, memory):
    weights, network = without_recurrence()
    learning = Learning(rule, rate=3e-4, block=60.0, memory=memory, control=RateControl(target=8.0))
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


def test_gains_scale_all_plastic_weights_onto_a_neuron():
    network, heard = small(), trials(1)[0]
    gains = np.random.default_rng(4).uniform(0.5, 1.5, (2, 40))
    parts = []
    for synapses, rows in ((network.inputs, 30), (network.recurrent, 40)):
        weights, plastic = synapses.weights.copy(), slice(0, synapses.plastic)
        for b in range(2):
            weights[b, :rows, plastic] *= gains[b][synapses.targets[b, :rows, plastic]]
        parts.append(Synapses(synapses.targets, weights, synapses.plastic))
    scaled = recurrent.record(heard, Network(*parts, 40, 10), np.ones((2, 40)))
    found = recurrent.record(heard, network, gains)
    assert found.fired[:, :, :40].sum() > 50
    assert np.array_equal(found.fired, scaled.fired)
    assert found.seen == pytest.approx(scaled.seen, rel=1e-12)


def test_a_weight_that_is_brought_back_to_its_mean_does_not_pass_the_largest():
    network = small()
    largest = 1.02 * max(network.inputs.weights[:, :, : network.inputs.plastic].max(), 0.45)
    learnt = recurrent.train(trials(), network, Learning(Valley(), rate=1e-2, largest_weight=largest)).network
    plastic = learnt.inputs.weights[:, :, : network.inputs.plastic]
    assert plastic.max() == pytest.approx(largest)
    assert plastic.max() <= largest


def test_counts_are_those_of_excitatory_and_of_inhibitory_cells():
    network, heard, gains = small(), trials(2, p=0.03), np.ones((2, 40))
    found = recurrent.respond(heard, network, gains)
    fired = np.stack([recurrent.record(trial, network, gains).fired.sum(axis=1) for trial in heard], axis=1)
    assert np.array_equal(found.counts, fired[:, :, :40])
    assert np.array_equal(found.inhibitory_counts, fired[:, :, 40:])
    assert found.inhibitory_counts.sum() > 0


def test_weights_have_the_means_that_were_asked_for():
    network = balanced(
        4, np.random.default_rng(0), inputs=100, input_weight=0.7, exc_weight=0.2, inh_weight=1.1, onto_inhibitory=1.8
    )
    first, second = network.inputs, network.recurrent
    blocks = {
        "inputs to excitatory": (first.weights[:, :, : first.plastic], 0.7),
        "inputs to inhibitory": (first.weights[:, :, first.plastic :], 0.7 * 1.8),
        "excitatory to excitatory": (second.weights[:, :400, : second.plastic], 0.2),
        "excitatory to inhibitory": (second.weights[:, :400, second.plastic :], 0.2 * 1.8),
        "inhibitory to all": (second.weights[:, 400:], 1.1),
    }
    for name, (weights, mean) in blocks.items():
        # uniform from half to three halves: standard deviation mean/√12
        assert weights.mean() == pytest.approx(mean, rel=4 / np.sqrt(12 * weights.size)), name
        assert 0.5 * mean <= weights.min() <= 0.51 * mean < 1.49 * mean <= weights.max() <= 1.5 * mean, name


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
