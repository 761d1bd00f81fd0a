"""Estimators on jumps that are known, sums against direct formulas, and the truth against what can be worked out."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import Mistake
from repro.spike_discontinuity import (
    EmptySide,
    Neurons,
    causal_effect,
    causal_effect_whole_train,
    finite_difference,
    jump,
    observed_dependence,
    simulate,
    simulate_pair,
    spiking_discontinuity,
    sweep,
    window_sums,
)
from repro.spike_discontinuity.truth import effects, forced_and_suppressed, spike_steps

RECORD = simulate_pair((12, 9), 0.5, 20.0, 0, replicas=3)


def synthetic(z, cost):
    """A record of one neuron and replica with these drives and costs."""
    shaped = np.asarray(z, dtype=float)[None, :, None]
    outputs = np.zeros((1, shaped.shape[1] + 1, 1))
    first = np.where(shaped > 0, 0, -1).astype(np.int32)
    one = {"moments": np.zeros((1, 1, 6)), "weights": np.ones((1, 1)), "correlations": np.zeros(1)}
    costs = np.asarray(cost, dtype=float)[None]
    return dataclasses.replace(RECORD, z=shaped, first=first, outputs=outputs, cost=costs, **one)


@given(st.floats(-5, 5), st.floats(-3, 3), st.floats(-3, 3), st.floats(0.1, 2))
def test_two_lines_give_their_jump_back_whatever_the_window(beta, slope_above, slope_below, window):
    z = np.random.default_rng(0).uniform(-1, 1, 400)
    cost = np.where(z > 0, beta + slope_above * z, slope_below * z)
    # exact lines: what remains is the rounding of sums of 400 numbers
    assert spiking_discontinuity(synthetic(z, cost), window, "linear")[0] == pytest.approx(beta, abs=1e-9)


@given(st.floats(-5, 5), st.floats(0.05, 1), st.sampled_from(["constant", "asymmetric"]))
def test_a_step_is_its_own_jump(beta, window, model):
    z = np.random.default_rng(1).uniform(-1, 1, 400)
    assert spiking_discontinuity(synthetic(z, beta * (z > 0)), window, model)[0] == pytest.approx(beta, abs=1e-9)


def test_a_slope_biases_the_constant_estimate_by_the_window_it_is_read_in():
    z = np.linspace(-1, 1, 20_001)
    record = synthetic(z, 3 * z)
    for window in (0.1, 0.5):
        # mean distance of the two sides is one half-width; half a grid step of 1e-4 at each end
        assert spiking_discontinuity(record, window)[0] == pytest.approx(3 * window, abs=1e-3)


@pytest.mark.parametrize("model", ["constant", "linear", "asymmetric", "asymmetric-linear"])
@pytest.mark.parametrize("window", [0.05, 0.2, 1.0, np.inf])
def test_sums_give_what_the_windows_give(model, window):
    z, cost = RECORD.z.reshape(-1, 2), RECORD.cost.ravel()
    for neuron, found in enumerate(spiking_discontinuity(RECORD, window, model)):
        below = (z[:, neuron] < 0) & (z[:, neuron] > -window)
        above = (z[:, neuron] > 0) & ((z[:, neuron] < window) | model.startswith("asymmetric"))
        if model.endswith("linear"):
            fits = [np.polyfit(z[side, neuron], cost[side], 1)[1] for side in (above, below)]
        else:
            fits = [cost[side].mean() for side in (above, below)]
        assert found == pytest.approx(fits[0] - fits[1], rel=1e-6)  # ZZ minus squared mean loses a few digits


def test_one_pass_gives_every_half_width_and_replica():
    widths = [0.3, 0.05, 1.0]
    found = sweep(RECORD, widths, "linear")
    assert found.shape == (3, 3, 2)
    for i, width in enumerate(widths):
        for replica in range(3):
            alone = spiking_discontinuity(RECORD.of(slice(replica, replica + 1)), width, "linear")
            assert found[i, replica] == pytest.approx(alone, rel=1e-9)


def test_sums_of_parts_add_up_to_the_whole():
    whole = window_sums(RECORD, [0.2]).pooled()
    parts = [window_sums(RECORD.of(slice(r, r + 1)), [0.2]).pooled() for r in range(3)]
    assert sum(p.above for p in parts) == pytest.approx(whole.above, rel=1e-12)
    grouped = window_sums(RECORD, [0.2]).in_groups(1)
    assert grouped.below[0, 0] == pytest.approx(whole.below[0], rel=1e-12)


def test_shared_input_biases_the_observed_dependence_and_not_the_jump():
    rng = np.random.default_rng(0)
    n, beta = 400_000, 0.7
    for shared, biased in ((0.0, False), (1.5, True)):
        confounder = rng.normal(size=n)
        z = 0.5 * rng.normal(size=n) + shared / 3 * confounder
        record = synthetic(z, beta * (z > 0) + shared * confounder + rng.normal(size=n))
        error = 5 * np.sqrt(2 * (1 + shared**2) / (0.02 * n))  # five standard errors of a narrow difference
        assert spiking_discontinuity(record, 0.1, "linear")[0] == pytest.approx(beta, abs=2 * error)
        assert (abs(observed_dependence(record, np.inf)[0] - beta) > 0.5) == biased


def test_an_empty_side_is_nan_and_says_which():
    record = synthetic([0.5, 0.6, 0.7], [1.0, 2.0, 3.0])
    with pytest.warns(EmptySide, match="neuron 0 has 0 windows below the threshold"):
        assert np.isnan(spiking_discontinuity(record, 1.0)).all()
    with pytest.warns(EmptySide, match="needed are 3"):
        assert np.isnan(spiking_discontinuity(synthetic([-0.1, 0.5, 0.6, 0.7], [1.0] * 4), 1.0, "linear")).all()
    assert np.isnan(sweep(record, [0.1])).all()  # many at once: NaN without a warning each


@pytest.mark.parametrize(
    ("window", "model", "told"),
    [
        (0.0, "constant", "window is 0; the half-width around the threshold must be above 0"),
        (-1.0, "constant", "window is -1"),
        (float("nan"), "constant", "window is nan"),
        (0.1, "cubic", "model is 'cubic'; it can be constant, linear, asymmetric, asymmetric-linear"),
    ],
)
def test_a_bad_window_is_named(window, model, told):
    with pytest.raises(Mistake, match=told), warnings.catch_warnings():
        spiking_discontinuity(RECORD, window, model)


def test_the_effect_on_a_linear_cost_is_the_step_of_the_output():
    neurons = Neurons(window_ms=50, tau_s=0.1)
    record = simulate(np.full((2, 2), 10.0), 0.5, 50.0, 0, neurons, lambda s: 3 * s[..., 0])
    # mean over the 50 equally likely steps; a step of the forced spike has at most 25 % spread, over 1000 windows
    uniform = causal_effect(record, 0, "uniform")
    assert uniform[:, 0] == pytest.approx(3 * neurons.predicted_step, rel=0.05)
    assert uniform[:, 1] == pytest.approx(0.0, abs=1e-12)
    assert finite_difference(record)[0][:, 0] == pytest.approx(3 * neurons.predicted_step, rel=1e-9)
    assert finite_difference(record)[1][:, 0] == pytest.approx(3 * neurons.predicted_step, rel=1e-9)


def test_forcing_a_spike_where_there_was_one_changes_nothing():
    # windows with exactly one spike, forced at its own step, give the output that was recorded
    forced, silent = forced_and_suppressed(RECORD, 0, RECORD.first[..., 0])
    quiet = ~RECORD.h[..., 0]
    assert silent[quiet] == pytest.approx(RECORD.s[..., 0][quiet], abs=1e-12)
    decay = RECORD.neurons.decay
    once = RECORD.h[..., 0] & (RECORD.s[..., 0] - silent < (1 - decay) * 1.0000001)
    assert once.any()
    assert forced[once] == pytest.approx(RECORD.s[..., 0][once], abs=1e-12)


def test_both_randomisations_agree_where_the_past_does_not_matter():
    # a linear cost: the neuron's own past shifts both arms alike
    neurons = Neurons(window_ms=20, tau_s=0.04)
    record = simulate(np.full((4, 2), 10.0), 0.5, 200.0, 0, neurons, lambda s: s[..., 0])
    whole, one = causal_effect_whole_train(record, 0)[:, 0].mean(), causal_effect(record, 0, "uniform")[:, 0].mean()
    spread = 0.0247 / np.sqrt(4 * 10_000 / 4)  # of the past, between the two arms
    assert whole == pytest.approx(one, abs=5 * spread)


def test_without_a_narrow_crossing_there_is_no_spike_time_to_draw():
    steps = spike_steps(synthetic([-0.5, 0.5], [0.0, 0.0]), 0, "crossing", np.random.default_rng(0))
    assert (steps == -1).all()
    silent = simulate_pair((0.1, 12), 0.5, 5.0, 0)
    assert np.isnan(effects(silent, 0)[..., 0]).all()
    with pytest.raises(Mistake, match="times is 'late'; it can be crossing, uniform"):
        causal_effect(RECORD, 0, "late")


def test_the_jump_meets_the_truth_where_the_observed_dependence_does_not():
    record = simulate_pair((12, 9), 0.9, 100.0, 3, replicas=40)
    truth = causal_effect(record, 0).mean(0)[0]
    sums = window_sums(record, [0.1])
    each = jump(sums, linear=True)[0, :, 0]
    error = each.std(ddof=1) / np.sqrt(len(each))
    assert each.mean() == pytest.approx(truth, abs=4 * error)
    assert abs(observed_dependence(record)[0] - truth) > 8 * error
