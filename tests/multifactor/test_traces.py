"""Rules with traces against double sums and exact gradients; the fast forms of the experiments against the rules."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.multifactor import burst_xor, delayed_reward, delayed_xor, store_recall
from repro.multifactor.traces import eprop, low_pass, miconi, reward_modulated_trace, rflo

RANDOM = np.random.default_rng(0)
PRE, POST = RANDOM.standard_normal((9, 4)), RANDOM.standard_normal((9, 3))


def double_sum(third, decay):
    """Σ over t and s <= t of third(t) decay^(t-s) post(s) pre(s)."""
    return sum(np.outer(third[t] * POST[s], PRE[s]) * decay ** (t - s) for t in range(len(PRE)) for s in range(t + 1))


def test_rules_with_traces_are_double_sums_over_time():
    scalar, vector = RANDOM.standard_normal(9), RANDOM.standard_normal((9, 3))
    assert reward_modulated_trace(0.7)(PRE, POST, scalar) == pytest.approx(double_sum(scalar, 0.7))
    assert eprop(0.7)(PRE, POST, vector) == pytest.approx(-double_sum(vector, 0.7))
    assert rflo(0.7)(PRE, POST, vector) == pytest.approx(-0.3 * double_sum(vector, 0.7))
    assert rflo(0.0)(PRE, POST, vector) == pytest.approx(-(vector * POST).T @ PRE)
    cubes = sum(np.outer(y, x) ** 3 for x, y in zip(PRE, POST, strict=True))
    assert miconi(PRE, POST, -2.0) == pytest.approx(-2 * cubes)


def test_a_decay_of_one_or_more_is_refused():
    with pytest.raises(ValueError, match="below 1"):
        low_pass(PRE, 1.0)


def test_rflo_is_the_exact_gradient_without_recurrence():
    """One layer of leaky units driven by inputs alone, feedback equal to the readout."""
    steps, units, lines, tau = 12, 4, 3, 5.0
    x, readout = torch.tensor(RANDOM.standard_normal((steps, lines))), torch.tensor(RANDOM.standard_normal(units))
    weights = torch.tensor(RANDOM.standard_normal((units, lines)), requires_grad=True)
    h, loss, errors, slopes = torch.zeros(units, dtype=torch.float64), 0.0, [], []
    for t in range(steps):
        value = torch.tanh(weights @ x[t])
        h = h + (value - h) / tau
        error = readout @ h - 0.5
        loss = loss + 0.5 * error**2
        errors.append(error.item())
        slopes.append((1 - value**2).detach().numpy())
    (gradient,) = torch.autograd.grad(loss, weights)
    signal = np.outer(errors, readout.numpy())
    assert rflo(1 - 1 / tau)(x.numpy(), np.array(slopes), signal) == pytest.approx(-gradient.numpy(), abs=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_the_backward_filter_of_store_and_recall_is_rflo(decay):
    net = store_recall.initial((3,), 5, np.float64)
    inputs = RANDOM.standard_normal((1, 30, store_recall.LINES))
    errors = RANDOM.standard_normal((1, 10))
    trial = seen, slopes, activities = store_recall.run_trial(net, inputs)
    change, aim = store_recall.changes(net, trial, errors, np.array([decay]))
    signal = np.zeros((30, 5))
    signal[-10:] = errors[0, :, None] * net.feedback[0]
    assert change[0] == pytest.approx(rflo(decay)(seen[0], slopes[0], signal), abs=1e-12)
    assert aim[0] == pytest.approx(-errors[0] @ activities[0, -10:], abs=1e-12)


@pytest.mark.parametrize("whole", [True, False])
def test_the_trace_of_a_trial_of_delayed_xor_is_miconis(whole):
    setting = delayed_xor.Setting(units=6, stage=3)
    net = delayed_xor.initial(setting, (3,), np.float64)
    inputs, kicks = delayed_xor.trial_inputs(3)[[1]], RANDOM.standard_normal((1, 15, 6))
    rates, swings = delayed_xor.run_trial(net, inputs, kicks, setting)
    before = np.concatenate([np.zeros((1, 6)), rates[0, :-1]])
    start = 0 if whole else 14
    expected = miconi(before[start:], swings[0, start:], 1.0)
    assert delayed_xor.trace_of_trial(rates, swings.copy(), np.array([whole]))[0] == pytest.approx(expected, abs=1e-12)


def test_a_trial_of_delayed_xor_follows_its_equation():
    setting = delayed_xor.Setting(units=6, stage=3)
    net = delayed_xor.initial(setting, (3,), np.float64)
    inputs, kicks = delayed_xor.trial_inputs(3)[[2]], RANDOM.standard_normal((1, 15, 6))
    rates, swings = delayed_xor.run_trial(net, inputs, kicks, setting)
    x = mean = r = np.zeros(6)
    for t in range(15):
        x = x + setting.leak * (net.weights[0] @ r + net.w_in[0] @ inputs[0, t] + net.bias[0] - x) + kicks[0, t]
        assert swings[0, t] == pytest.approx(x - mean)
        mean = setting.forget * mean + (1 - setting.forget) * x
        r = np.tanh(x)
        assert rates[0, t] == pytest.approx(r)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-2, 2), st.booleans())
def test_the_mean_change_is_covariance_plus_the_bias_of_the_baseline(w1, w2, baseline, centred):
    weights = np.array([w1, w2])
    covariance, bias = delayed_reward.covariance_and_bias(weights, baseline, centred)
    assert delayed_reward.mean_change(weights, baseline, centred) == pytest.approx(covariance + bias, abs=1e-12)
    if centred:
        assert bias == pytest.approx(0, abs=1e-15)


def test_a_learner_does_not_depend_on_those_beside_it():
    own = delayed_reward.Condition(0.5, 1.0, 0.3, 7)
    other = delayed_reward.Condition(1.0, 0.0, 3.0, 2)
    alone = delayed_reward.learn([own], 20)[0]
    assert np.array_equal(delayed_reward.learn([other, own], 20)[1], alone)
    near, far = store_recall.Condition(1.0, True, 0.01, 7), store_recall.Condition(1.0, False, 0.1, 2)
    assert np.array_equal(store_recall.learn([far, near], 20, 6)[1], store_recall.learn([near], 20, 6)[0])


def test_a_delay_longer_than_the_trial_is_refused():
    with pytest.raises(ValueError, match=r"delays are \[3.0\] s; allowed are 0 to below 3 s"):
        delayed_reward.learn([delayed_reward.Condition(3.0, 1.0, 1.0, 0)], 1)


def test_immediate_reward_teaches_without_a_trace():
    right = delayed_reward.learn([delayed_reward.Condition(0.0, 0.0, 3.0, seed) for seed in range(5)], 100)
    assert delayed_reward.late_accuracy(right).mean() > 0.9  # chance is 0.5, 100 answers


def test_the_burst_rule_solves_xor_and_a_cut_feedback_freezes_hidden_units():
    wired, cut = (burst_xor.learn(range(4), 1000, connected=connected) for connected in (True, False))
    assert wired.losses[:, -1].mean() < 0.5 * cut.losses[:, -1].mean()
    assert not cut.largest_hidden_change.any()
