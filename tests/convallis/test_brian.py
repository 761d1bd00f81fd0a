"""The fast simulators against Brian2: every spike, every potential, every weight change, on small populations."""

import numpy as np
import pytest

from repro.convallis import Cell, Learning, Valley, balanced, feedforward, recurrent

pytest.importorskip("brian2")
from repro.convallis import brian

VALLEY = Valley(a=1.0, b=0.5)
RATE = 1e-4  # nS a unit: the largest changes stay below the least weight, so that no bound interferes
PLAIN = {"keep_mean": False, "control": None, "largest_weight": 9.0}
# sums of some hundred terms in another order: about 1e-13 of their size; potentials meet thresholds no closer than that
CLOSE = {"rel": 1e-9, "abs": 1e-9}


def raster(steps=800, inputs=40, seed=0):
    return np.random.default_rng(seed).random((steps, inputs)) < 0.02


def test_a_population_spikes_sees_and_learns_as_in_brian2():
    heard, weights = raster(), feedforward.random_weights(1, 40, 6, 0.6, np.random.default_rng(1))
    theirs = brian.feedforward(heard, weights[0], VALLEY, Cell())
    ours = feedforward.record(heard, weights, np.ones((1, 6)))
    assert theirs.fired.sum() > 30
    assert np.array_equal(ours.fired[0], theirs.fired)
    assert ours.seen[0] == pytest.approx(theirs.seen, **CLOSE)
    learnt = feedforward.train([heard], weights, Learning(VALLEY, rate=RATE, **PLAIN))
    assert (learnt.weights - weights)[0] / RATE == pytest.approx(theirs.of_inputs, **CLOSE)


@pytest.mark.parametrize("block", [None, 50.0])
def test_a_recurrent_network_spikes_sees_and_learns_as_in_brian2(block):
    heard, rng = raster(600), np.random.default_rng(2)
    sizes = {"inputs": 40, "excitatory": 60, "inhibitory": 15}
    network = balanced(2, rng, **sizes, input_weight=2.0, exc_weight=0.5, inh_weight=2.0)
    theirs = brian.recurrent(heard, network, VALLEY, Cell(), of=1)
    ours = recurrent.record(heard, network, np.ones((2, 60)))
    assert theirs.fired.sum(axis=0).min() == 0 < theirs.fired[:, 60:].sum()
    assert np.array_equal(ours.fired[1], theirs.fired)
    assert ours.seen[1] == pytest.approx(theirs.seen, **CLOSE)
    if block is not None:
        return check_blocks(heard, network, theirs, block)
    learnt = recurrent.train([heard], network, Learning(VALLEY, rate=RATE, **PLAIN)).network
    for name, found in (("inputs", theirs.of_inputs), ("recurrent", theirs.of_cells)):
        before, after = (getattr(net, name).dense(75)[1] for net in (network, learnt))
        change = (after - before)[: len(found), :60] / RATE
        assert np.abs(found).max() > 10
        assert change == pytest.approx(found, **CLOSE)


def check_blocks(heard, network, theirs, block):
    """With a rate so small that spikes stay, the sums of all blocks are those of the whole.

    Weights change by 1e-6 and potentials by about as many mV, so that sums up to 1000 change by some 1e-5.
    """
    rate = 1e-9
    learnt = recurrent.train([heard], network, Learning(VALLEY, rate=rate, block=block, **PLAIN)).network
    for name, found in (("inputs", theirs.of_inputs), ("recurrent", theirs.of_cells)):
        before, after = (getattr(net, name).dense(75)[1] for net in (network, learnt))
        assert (after - before)[: len(found), :60] / rate == pytest.approx(found, abs=1e-3)


def test_weights_held_within_a_block_learn_what_weights_that_change_every_step_learn():
    heard, weights = raster(), feedforward.random_weights(1, 40, 6, 0.6, np.random.default_rng(1))
    errors = []
    for rate in (2e-5, 1e-5):
        online = brian.feedforward(heard, weights[0], VALLEY, Cell(), rate=rate).of_inputs - weights[0]
        held = feedforward.train([heard], weights, Learning(VALLEY, rate=rate, block=20.0, **PLAIN)).weights[0]
        errors.append(np.abs(held - weights[0] - online).max() / np.abs(online).max())
    # weights that lag by a block change V by the rate, so that the change of weights is off by a share of order rate
    assert errors[1] < 0.02
    assert errors[1] < 0.75 * errors[0]
