"""The rate constraint on a cell whose response is known, its limits, and the constraint on the weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.convallis import Learning, RateControl
from repro.convallis.control import with_mean
from repro.errors import Mistake

TRIAL = 0.5  # s


def run(control, trials, rate_of, noise=None):
    """A cell that fires at rate_of(gain), Hz; rates and gains of each trial."""
    state, rates, gains = control.start(1, 1), [], []
    for _ in range(trials):
        gains.append(state.gains.item())
        counts = rate_of(gains[-1]) * TRIAL
        rates.append((noise.poisson(counts) if noise else counts) / TRIAL)
        state = control.update(state, np.array([[rates[-1] * TRIAL]]), TRIAL)
    return np.array(rates), np.array(gains)


@pytest.mark.parametrize("strength", [0.3, 3.0])
def test_a_cell_comes_to_its_target_from_either_side(strength):
    rates, gains = run(RateControl(target=5.0), 400, lambda gain: 5.0 * (strength * gain) ** 2)
    assert rates[-1] == pytest.approx(5.0, rel=1e-3)
    assert gains[-1] == pytest.approx(1 / strength, rel=1e-3)


def test_the_mean_rate_is_the_target_with_poisson_counts():
    rates, _ = run(RateControl(target=5.0), 4000, lambda gain: 3.0 * gain**2, np.random.default_rng(0))
    # the integral stays bounded, so the mean error goes as 1/time: log 20 / (k_I · 2000 s) = 0.015, and window / time
    assert rates.mean() == pytest.approx(5.0, rel=0.03)


def test_the_integral_does_not_wind_up_in_silence():
    control = RateControl(target=5.0, largest_log_gain=2.0)
    state = control.start(1, 1)
    for _ in range(1000):
        state = control.update(state, np.zeros((1, 1)), TRIAL)
    silent = state.log_gain.item()
    assert silent == pytest.approx(2.0 + 0.05, rel=1e-9)  # its limit, and k_P times an error of 1
    for _ in range(60):
        state = control.update(state, np.full((1, 1), 50 * TRIAL), TRIAL)
    # error at its limit -2 once the window has seen 50 Hz: 0.1 per s · 2 · 30 s back from the limit, less the window
    assert state.log_gain.item() < -1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 400), min_size=1, max_size=40), st.floats(0.05, 3))
def test_gains_stay_within_their_limits(rates, seconds):
    control = RateControl(target=5.0)
    state = control.start(1, 1)
    for rate in rates:
        state = control.update(state, np.array([[rate * seconds]]), seconds)
    assert -3.0 - 0.05 * 2.0 - 1e-9 <= state.log_gain.item() <= 3.0 + 0.05 + 1e-9


def test_populations_have_their_own_targets():
    control = RateControl(target=[2.0, 8.0])
    state = control.update(control.start(2, 3), np.full((2, 3), 4 * TRIAL), TRIAL)
    assert (state.gains[0] < 1).all()
    assert (state.gains[1] > 1).all()


def test_mean_weights_come_back_and_zero_weights_stay_zero():
    weights = np.array([[[0.1, 0.0], [0.3, 0.0]]])
    found = with_mean(weights, np.array([[0.4, 0.5]]), 9.0)
    assert found == pytest.approx(np.array([[[0.2, 0.0], [0.6, 0.0]]]))


def test_rescaled_weights_do_not_pass_the_largest():
    assert with_mean(np.array([[[0.1], [0.9]]]), np.array([[1.0]]), 1.2).max() == pytest.approx(1.2)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_learnt_weights_stay_between_their_bounds(sums):
    learning = Learning(rate=[1.0, 0.5], largest_weight=2.0)
    weights = np.ones((2, 1, 1))
    found = learning.added(weights, np.array(sums).reshape(2, 1, 1))
    assert found.ravel() == pytest.approx(np.clip(1 + np.array([1.0, 0.5]) * sums, 0, 2))


def test_an_update_is_the_formula_whatever_a_trial_lasts():
    control = RateControl(target=5.0, window=4.0, proportional=0.3, integral=0.2, largest_error=1.5)
    state, rate, integral = control.start(1, 1), 5.0, 0.0
    for seconds, count in ((0.25, 1), (2.0, 1), (1.0, 300), (0.5, 0)):
        state = control.update(state, np.array([[count]]), seconds)
        rate += (count / seconds - rate) * -np.expm1(-seconds / 4)  # the solution of 4 s · dν̂/dt = ν - ν̂
        error = max(1 - rate / 5, -1.5)
        integral += error * seconds
        assert state.rate.item() == pytest.approx(rate, rel=1e-12)
        assert state.log_gain.item() == pytest.approx(0.3 * error + 0.2 * integral, rel=1e-12)


def test_what_is_learnt_is_the_rate_times_the_sum_less_its_shrinkage():
    learning, weights = Learning(rate=[0.1, 0.2], shrinkage=[0.5, 2.0], largest_weight=9.0), np.ones((2, 3, 1))
    sums = np.array([[-3.0, 0.4, 2.0], [-3.0, 0.4, 4.0]])[:, :, None]
    found = learning.added(weights, sums)[:, :, 0]
    assert found == pytest.approx(np.array([[0.75, 1.0, 1.15], [0.8, 1.0, 1.4]]), rel=1e-12)


def test_weights_at_either_bound_are_counted():
    weights = np.array([[[0.0, 2.0], [1.0, 1.999]], [[0.5, 1.0], [2.0, 1.5]]])
    assert Learning(largest_weight=2.0).at_bounds(weights) == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RateControl(target=0.0), "target is 0.0"),
        (lambda: RateControl(window=-1.0), "window is -1.0"),
        (lambda: Learning(block=0.0), "block is 0.0"),
        (lambda: Learning(largest_weight=0.0), "largest_weight is 0.0"),
    ],
)
def test_a_mistake_is_named_in_one_line(make, message):
    with pytest.raises(Mistake, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
