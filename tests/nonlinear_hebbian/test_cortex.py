"""The cortical cell against Brian2, a closed-form rate, theory of Poisson and regular trains, and its own algebra."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.nonlinear_hebbian import cortex
from repro.nonlinear_hebbian.cortex import Glif
from repro.spike_triplets import published
from repro.spike_triplets.rules import BCM, PairSTDP

RULE = published("visual", "all-to-all", "minimal")


def test_the_neuron_spikes_in_the_same_steps_as_brian2s():
    neuron, currents = Glif(), np.array([0.05, 0.12, 0.3, 0.5])
    draws = np.random.default_rng(0).random((4000, len(currents)))
    ours = cortex.spike_steps(neuron, currents, draws)
    theirs = cortex.brian_spike_steps(neuron, currents, draws)
    assert ours.sum() > 30  # or there would be little to agree on
    assert np.array_equal(ours, theirs)


def test_without_adaptation_and_noise_the_rate_is_that_of_the_textbook():
    neuron = Glif(current_jump=0.0, threshold_jump=0.0, noise=0.02, dt=0.02)
    currents = np.array([0.13, 0.2, 0.4])
    drive = currents / neuron.leak  # mV above rest
    to_threshold = np.log((drive - (neuron.reset - neuron.rest)) / (drive - (neuron.threshold - neuron.rest)))
    period = neuron.refractory + neuron.capacitance / neuron.leak * to_threshold
    rng = np.random.default_rng(1)
    trains = [cortex.steady_spikes(neuron, current, 4.0, rng) for current in currents]
    measured = [np.diff(train[1:]).mean() for train in trains]
    assert measured == pytest.approx(period, rel=0.02)  # noise of 0.02 mV and steps of 0.02 ms


@given(slope=st.floats(20, 400), threshold=st.floats(0.02, 0.3))
def test_a_threshold_linear_curve_is_found_again(slope, threshold):
    currents = np.linspace(0, 0.6, 25)
    fit = cortex.fit_threshold_linear(currents, slope * np.maximum(currents - threshold, 0))
    assert (fit.slope, fit.threshold, fit.r2) == pytest.approx((slope, threshold, 1.0), rel=1e-4)


def test_a_silent_neuron_has_no_threshold_to_fit():
    with pytest.raises(ValueError, match="raise them"):
        cortex.fit_threshold_linear(np.linspace(0, 1, 5), np.zeros(5))


def test_poisson_output_drifts_as_the_parabola():
    rates, seconds = np.array([5.0, 15.0, 30.0, 45.0]), 100.0
    runs = np.array([cortex.poisson_drift(RULE, rates, seconds, seed) for seed in range(12)])
    error = runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    expected = BCM.of_triplet(RULE).drift(1.0, rates)
    assert (abs(runs.mean(axis=0) - expected) < 4 * error).all()  # 4 standard errors
    p, b, r2 = cortex.fit_parabola(rates, expected)
    assert (p, b, r2) == pytest.approx((BCM.of_triplet(RULE).plus, cortex.rate_threshold(RULE), 1.0))


@pytest.mark.parametrize(("factor", "sign"), [(0.9, -1), (1.1, 1)])
def test_a_regular_train_turns_at_its_own_rate(factor, sign):
    rate = factor * cortex.regular_threshold(RULE)
    train = np.arange(0, 100_000, 1000 / rate)
    (change,) = cortex.drift(RULE, [train], 99.0, seed=0, inputs=20)
    assert np.sign(change) == sign
    assert cortex.regular_threshold(RULE) > 1.2 * cortex.rate_threshold(RULE)


def test_only_a_minimal_rule_has_that_rate():
    with pytest.raises(ValueError, match="minimal"):
        cortex.regular_threshold(PairSTDP(0.01, 0.005).as_triplet)


@given(a=st.floats(10, 500), low=st.floats(-0.1, 0.3), b=st.floats(1, 50), current=st.floats(-0.2, 1))
def test_curve_and_rule_make_a_quadratic_rectifier(a, low, b, current):
    y = cortex.ThresholdLinear(a, low, 1.0).rate(np.array([current]))
    whole = cortex.quadratic_rectifier(np.array([current]), low, low + b / a, a**2)
    assert y * (y - b) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_theta2_of_a_neuron_that_fires_as_a_poisson_process_is_where_theory_puts_it(monkeypatch):
    curve = cortex.ThresholdLinear(150.0, 0.05, 1.0)

    def poisson_spikes(neuron, current, seconds, rng):
        rate = float(curve.rate(np.array([current]))[0])
        return np.sort(rng.uniform(0, 500 + 1000 * seconds, rng.poisson(rate * (0.5 + seconds))))

    monkeypatch.setattr(cortex, "steady_spikes", poisson_spikes)
    currents = np.linspace(0.1, 0.3, 9)
    deviations = [
        cortex.measure_effective(RULE, Glif(), curve, currents, 200.0, seed, inputs=20).deviation for seed in range(4)
    ]
    assert np.mean(deviations) == pytest.approx(0.0, abs=0.05)  # 200 s of spikes leave 2 % each


def test_a_crossing_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no change from negative to positive"):
        cortex.zero_crossing(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    assert cortex.zero_crossing(np.array([0.0, 1.0, 2.0]), np.array([-1.0, -1.0, 3.0])) == pytest.approx(1.25)


def test_more_noise_makes_trains_less_regular():
    curve, currents = cortex.ThresholdLinear(156.0, 0.04, 1.0), np.linspace(0.1, 0.4, 7)
    calm, noisy = (
        cortex.measure_effective(RULE, replace(Glif(), noise=noise), curve, currents, 20.0, 0) for noise in (1.0, 4.0)
    )
    assert 0 < calm.irregularity < 0.2 < noisy.irregularity
    assert calm.rates == pytest.approx(np.sort(calm.rates))
    assert calm.rate_at_theta2 == pytest.approx(np.interp(calm.theta2, currents, calm.rates))


def test_inputs_are_silent_while_the_neuron_settles():
    potentiation = PairSTDP(0.01, 0.0).as_triplet
    early = np.arange(0.0, cortex.SETTLE_MS, 10.0)
    assert cortex.drift(potentiation, [early], 2.0, seed=0)[0] == 0
    assert cortex.drift(potentiation, [early + cortex.SETTLE_MS], 2.0, seed=0)[0] > 0
