"""Populations against a plain loop, their batch against single runs, and what constraints do to them."""

import doctest
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import skew

import repro.convallis
from repro.convallis import Cell, Learning, NoLearning, PairSTDP, RateControl, Valley, feedforward, rule
from repro.errors import Mistake

RULES = [Valley(b=0.5), PairSTDP(), NoLearning()]


def trials(number=6, steps=400, inputs=30, seed=0, p=0.02):
    return np.random.default_rng(seed).random((number, steps, inputs)) < p


def weights(batch=2, inputs=30, neurons=4, mean=0.8, seed=1):
    return feedforward.random_weights(batch, inputs, neurons, mean, np.random.default_rng(seed))


def plain(raster, w, cell):
    """One neuron, step by step, with w (inputs,): potential seen, spikes."""
    v, g, after, held, seen, fired = cell.rest, 0.0, 0.0, 0, [], []
    for spikes in raster:
        held = max(held - 1, 0)
        after *= np.exp(-cell.dt / cell.tau_after)
        if held == 0:
            total = cell.leak + g
            towards = (cell.leak * cell.rest + g * cell.reversal_exc) / total
            v = towards + (v - towards) * np.exp(-cell.dt * total / cell.capacitance)
        g *= np.exp(-cell.dt / cell.tau_exc)
        seen.append(min(v + after, cell.threshold))
        fired.append(v > cell.threshold and held == 0)
        if fired[-1]:
            v, held, after = cell.reset, round(cell.refractory / cell.dt), after + cell.after_depolarisation
        g += spikes @ w
    return np.array(seen), np.array(fired)


def test_a_cell_follows_its_equation_step_by_step():
    raster, w, cell = trials(1)[0], weights(), Cell(after_depolarisation=4.0, refractory=2.0)
    found = feedforward.record(raster, w, np.ones((2, 4)), cell)
    for b in range(2):
        for n in range(4):
            seen, fired = plain(raster, w[b, :, n], cell)
            assert fired.any()
            assert np.array_equal(found.fired[b, :, n], fired)
            assert found.seen[b, :, n] == pytest.approx(seen, rel=1e-12)


def test_a_steady_conductance_gives_the_rate_of_the_closed_form():
    cell = Cell(tau_exc=1e6, refractory=2.0)
    g = 6.0  # nS, which one spike at the first step opens for good
    raster = np.zeros((40_000, 1), bool)
    raster[0] = True
    found = feedforward.respond([raster], np.full((1, 1, 1), g), np.ones((1, 1)), cell)
    tau, towards = cell.capacitance / (cell.leak + g), cell.leak * cell.rest / (cell.leak + g)
    interval = cell.refractory + tau * np.log((towards - cell.reset) / (towards - cell.threshold))
    # a spike comes at the first step after the crossing: between the interval and a step more; it is at free run after
    # refractory - dt; the decay of g over 20 s is 2 %
    assert 20_000 / (interval + cell.dt) * 0.97 <= found.counts.item() <= 20_000 / (interval - cell.dt)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_populations_of_a_batch_are_those_run_alone(rule):
    heard, w, rates = trials(), weights(3), [1e-4, 3e-4, 1e-3]
    together = feedforward.train(heard, w, Learning(rule, rate=rates), measure_from=2)
    for b in range(3):
        alone = feedforward.train(heard, w[b : b + 1], Learning(rule, rate=rates[b]), measure_from=2)
        assert np.array_equal(alone.weights[0], together.weights[b])
        assert np.array_equal(alone.counts[0], together.counts[b])
        assert np.array_equal(alone.potentials.histogram[0], together.potentials.histogram[b])


def test_populations_can_hear_rasters_of_their_own():
    first, second, w = trials(seed=0), trials(seed=5), weights(2)
    both = [np.stack(pair) for pair in zip(first, second, strict=True)]
    swapped = feedforward.respond(both, w, np.ones((2, 4)), raster_of=np.array([1, 0]))
    for b, heard in enumerate((second, first)):
        assert np.array_equal(swapped.counts[b], feedforward.respond(heard, w[b : b + 1], np.ones((1, 4))).counts[0])


@pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: type(rule).__name__)
def test_one_trial_changes_weights_by_the_plain_matrix_products(rule):
    raster, w = trials(1)[0], weights(1, mean=0.9)
    seen = feedforward.record(raster, w, np.ones((1, 4)))
    assert seen.fired.sum() > 8
    f, d, _ = rule.factors(seen.seen, seen.fired, rule.start(1, 4, float), 0.5)
    expected = feedforward.plain_sums(rule, raster, f[0], np.zeros_like(f[0]) if d is None else d[0], 0.5)
    rate = 1e-4
    learnt = feedforward.train(
        [raster], w, Learning(rule, rate=rate, keep_mean=False, control=None, largest_weight=9.0)
    )
    assert (learnt.weights - w)[0] == pytest.approx(rate * expected, rel=1e-9, abs=1e-12)


def test_blocks_of_a_kernel_with_memory_are_read_exactly():
    raster, w = trials(1)[0], weights(1, mean=0.9)
    rate, memory, valley = 1e-9, 80.0, Valley(b=0.5)  # a rate at which nothing feeds back
    options = {"keep_mean": False, "control": None, "memory": memory}
    learnt = feedforward.train([raster], w, Learning(valley, rate=rate, block=50.0, **options))
    seen = feedforward.record(raster, w, np.ones((1, 4))).seen[0]
    terms = rule.eligibility(raster, valley, 0.5)[:, :, None] * (0.5 * valley.derivative(seen))[:, None]
    total, c = 0.0, 0.0
    for t, term in enumerate(terms):
        c = c * np.exp(-0.5 / memory) + term
        if (t + 1) % 100 == 0:
            total = total + c
    # weights are near 1 and round at 1e-16, which is 1e-7 in units of the rate
    assert (learnt.weights - w)[0] / rate == pytest.approx(total, rel=1e-6, abs=1e-5)


@given(steps=st.integers(1, 300), block=st.none() | st.floats(0.2, 200.0), dt=st.sampled_from([0.1, 0.5, 1.0]))
def test_the_blocks_of_a_trial_are_all_its_steps_in_order(steps, block, dt):
    parts = Learning(block=block).blocks(steps, dt)
    assert [step for part in parts for step in range(part.start, part.stop)] == list(range(steps))
    assert len({part.stop - part.start for part in parts[:-1]}) <= 1  # the last may be shorter


def test_the_controller_holds_its_target_and_frozen_gains_nearly_so():
    heard = trials(120, steps=1000, inputs=60, p=0.01)
    learnt = feedforward.train(heard, weights(2, 60, 8, 0.3), Learning(control=RateControl(target=[4.0, 8.0])))
    late = learnt.mean_rates(60).mean(axis=1)
    # integral control: the mean error is bounded by the change of the integral, here within a few percent
    assert late == pytest.approx([4.0, 8.0], rel=0.1)
    frozen = feedforward.respond(heard[60:], learnt.weights, learnt.settled_gains(60))
    assert frozen.mean_rates().mean(axis=1) == pytest.approx([4.0, 8.0], rel=0.15)  # without feedback, fluctuations add


def test_zero_weights_are_never_revived():
    learnt = feedforward.train(trials(), np.zeros((1, 30, 2)), Learning(Valley(), rate=1e-3))
    assert learnt.counts.sum() == 0 == learnt.weights.sum()
    assert (learnt.control.gains > 1).all()


def test_the_mean_weight_of_each_neuron_is_kept():
    w = weights()
    kept = feedforward.train(trials(), w, Learning(Valley(), rate=1e-3))
    free = feedforward.train(trials(), w, Learning(Valley(), rate=1e-3, keep_mean=False))
    assert kept.weights.mean(axis=1) == pytest.approx(w.mean(axis=1), rel=1e-12)
    assert np.abs(free.weights.mean(axis=1) - w.mean(axis=1)).max() > 0.01


def test_single_precision_stays_near_double():
    heard, w = trials(3), weights(2)
    double = feedforward.train(heard, w, Learning(Valley(), rate=1e-4))
    single = feedforward.train(heard, w.astype(np.float32), Learning(Valley(), rate=1e-4))
    assert single.weights.dtype == np.float32
    # a spike may move by a step where the potential grazes threshold; few of some hundreds do
    assert np.abs(single.counts - double.counts).sum() <= 0.02 * double.counts.sum()


def test_moments_and_histogram_are_those_of_free_potentials():
    raster, w, cell = trials(1)[0], weights(1, mean=0.2), Cell(threshold=-40.0)  # no spikes: all seen is the potential
    found = feedforward.respond([raster], w, np.ones((1, 4)), cell, measure=True, measure_after=50.0)
    seen = feedforward.record(raster, w, np.ones((1, 4)), cell).seen[0, 100:]
    assert found.counts.sum() == 0
    assert found.potentials.skewness[0] == pytest.approx(skew(seen), rel=1e-8)
    counted, _ = np.histogram(seen, repro.convallis.EDGES)
    assert np.array_equal(found.potentials.histogram[0], counted)
    between = ((seen >= -66) & (seen < -60)).mean()
    assert found.potentials.share_between(-66.0, -60.0).item() == pytest.approx(between, rel=1e-12)


def test_first_weights_reach_from_half_to_three_halves_of_their_mean():
    found = feedforward.random_weights(4, 50, 50, 0.3, np.random.default_rng(0)) / 0.3
    # the extremes of 10,000 uniform draws lie within 12/10,000 of the ends but once in exp(12)
    assert (found.min(), found.max()) == pytest.approx((0.5, 1.5), abs=0.0012)
    assert found.mean() == pytest.approx(1.0, abs=4 / np.sqrt(12 * 10_000))


def test_gains_follow_from_the_counts_of_each_trial_and_its_length():
    heard = [trials(1, steps=steps, seed=steps)[0] for steps in (200, 900, 400, 600)]
    control = RateControl(target=8.0)
    found = feedforward.train(heard, weights(), Learning(control=control))
    assert found.seconds == pytest.approx([0.1, 0.45, 0.2, 0.3])
    assert found.rates[:, 1] == pytest.approx(found.counts[:, 1] / 0.45)
    state = control.start(2, 4)
    for at, steps in enumerate((200, 900, 400, 600)):
        assert found.log_gains[:, at] == pytest.approx(state.log_gain, rel=1e-12)  # those with which it was heard
        state = control.update(state, found.counts[:, at], steps * 0.0005)
    assert found.control.log_gain == pytest.approx(state.log_gain, rel=1e-12)


def test_a_run_that_goes_on_is_one_run():
    heard, learning = trials(6), Learning(PairSTDP(), rate=1e-3, keep_mean=False, control=RateControl(target=8.0))
    whole, first = feedforward.train(heard, weights(), learning), feedforward.train(heard[:2], weights(), learning)
    second = feedforward.train(heard[2:], first.weights, learning, start=first.control)
    assert np.array_equal(second.weights, whole.weights)
    assert np.array_equal(second.control.log_gain, whole.control.log_gain)
    assert np.array_equal(np.concatenate([first.counts, second.counts], axis=1), whole.counts)


def test_rates_and_gains_over_the_last_trials_are_those_of_their_time():
    gains, counts = np.array([[[9.0], [0.5], [2.0]]]), np.array([[[50], [3], [9]]])
    still = feedforward.respond(trials(1), np.zeros((1, 30, 1)), np.ones((1, 1)))
    found = replace(still, counts=counts, log_gains=np.log(gains), seconds=np.array([1.0, 0.5, 1.5]))
    assert found.mean_rates().item() == pytest.approx(62 / 3.0)
    assert found.mean_rates(2).item() == pytest.approx(12 / 2.0)
    assert found.settled_gains(2).item() == pytest.approx(1.0)  # geometric: half and double cancel


def test_potentials_of_spikes_and_of_refractory_steps_are_not_counted():
    raster, w, cell = trials(1)[0], weights(1), Cell(after_depolarisation=0.0, refractory=4.0)
    found = feedforward.respond([raster], w, np.ones((1, 4)), cell, measure=True, measure_after=50.0).potentials
    recorded = feedforward.record(raster, w, np.ones((1, 4)), cell)
    last = np.stack([np.convolve(fired, np.ones(8))[: len(raster)] for fired in recorded.fired[0].T], axis=1)
    free = (last < 0.5)[100:]  # no spike within 8 steps, this one included: held at reset
    assert 0 < free.sum() < free.size - 20
    counted, _ = np.histogram(recorded.seen[0, 100:][free], repro.convallis.EDGES)
    assert np.array_equal(found.histogram[0], counted)
    assert found.moments[0, :, 0] == pytest.approx(free.sum(axis=0))


def test_potentials_are_measured_from_the_trial_that_was_named():
    heard, w = trials(3), weights(1, mean=0.3)
    found = feedforward.train(heard, w, Learning(), measure_from=1, measure_after=150.0).potentials
    assert found.histogram.sum() <= 2 * 100 * 4  # two trials, the last 50 ms of each, four cells
    assert found.histogram.sum() > 100 * 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: feedforward.train([], weights()), "no trial"),
        (lambda: feedforward.train(trials(inputs=7), weights()), r"trial 0 of the inputs has shape \(400, 7\)"),
        (lambda: feedforward.train(trials(), -weights()), "a weight is -"),
        (lambda: feedforward.train(trials(), weights(mean=9.0)), "largest, 2 nS"),
        (lambda: feedforward.train(trials(), weights(), raster_of=np.array([0, 3])), "raster_of is"),
        (lambda: Cell(refractory=0.7), "whole number of steps"),
    ],
)
def test_a_mistake_is_named_in_one_line(call, message):
    with pytest.raises(Mistake, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", [repro.convallis, feedforward, rule])
def test_examples_in_docstrings_run(module):
    assert doctest.testmod(module).failed == 0
