"""Online rules against their fixed points and batch estimates, learning against what must happen to weights."""

import dataclasses

import numpy as np
import pytest

from repro.errors import Mistake
from repro.spike_discontinuity import COSTS, simulate, simulate_pair, spiking_discontinuity
from repro.spike_discontinuity.learning import (
    KINDS,
    PAIR_NEURONS,
    TABLE_SLOPES,
    TABLE_WEIGHTS,
    Learning,
    best_weights,
    detour,
    distances,
    first_time_within,
    learn,
    mean_costs,
    weight_grid,
)
from repro.spike_discontinuity.online import deviation_from_half, online_estimates, running_jump, settling_time
from repro.spike_discontinuity.online_kernels import pair_cost
from repro.spike_discontinuity.over_weights import rate_slopes, relative_errors, slope_and_correlation

RECORD = simulate_pair((12, 9), 0.5, 40.0, 0, replicas=2)


def replaced(z, cost):
    """A record of these drives (windows,) of one neuron and these costs."""
    drive = np.asarray(z, dtype=float)[None, :, None]
    one = {"moments": np.zeros((1, 1, 6)), "weights": np.ones((1, 1)), "correlations": np.zeros(1)}
    first, outputs = np.where(drive > 0, 0, -1).astype(np.int32), np.zeros((1, drive.shape[1] + 1, 1))
    cost = np.asarray(cost, dtype=float)[None]
    return dataclasses.replace(RECORD, z=drive, first=first, outputs=outputs, cost=cost, **one)


def paired_plainly(z, cost, window, rate, fades, linear):
    """The authors' rule spelled out with vectors."""
    value, pending, waiting, updates = np.zeros(3), np.zeros(3), False, 0
    for x, c in zip(z, cost, strict=True):
        if -window < x < 0 and not waiting:
            a = np.array([1.0, 0.0, -x if linear else 0.0])
            pending, waiting = (value @ a + c) * a, True
        elif 0 <= x < window and waiting:
            a = np.array([1.0, x if linear else 0.0, 0.0])
            pending = pending + (value @ a - c) * a
            value = value - (rate / (updates + 1) if fades else rate) * pending
            waiting, updates = False, updates + 1
    return value[0]


@pytest.mark.parametrize("fades", [True, False])
@pytest.mark.parametrize(("rule", "linear"), [("paired", False), ("paired-linear", True)])
def test_the_paired_rule_is_the_authors_rule(rule, linear, fades):
    rate = 1.0 if fades else 0.1
    found = online_estimates(RECORD, 0.2, rule, rate, fades)[:, -1]
    for replica in range(2):
        for unit in range(2):
            z, cost = RECORD.z[replica, :, unit], RECORD.cost[replica]
            assert found[replica, unit] == pytest.approx(paired_plainly(z, cost, 0.2, rate, fades, linear), rel=1e-9)


def test_the_paired_rule_settles_at_half_the_jump():
    assert deviation_from_half(200) < 1e-12
    assert deviation_from_half(3) > 0.1  # not before it has learned


def test_independent_draws_give_half_the_effect_and_remembered_ones_do_not():
    rng = np.random.default_rng(0)
    z = rng.choice([-0.05, 0.05], 200_000)
    independent = 2.0 * (z > 0) + rng.normal(size=len(z))
    assert online_estimates(replaced(z, independent), 0.1)[0, -1, 0] == pytest.approx(1.0, abs=0.02)
    # a cost that still remembers the window before: the window below that starts a pair follows one above
    remembered = independent + 1.0 * np.concatenate([[0.0], 2.0 * (z[:-1] > 0)])
    paired = online_estimates(replaced(z, remembered), 0.1)[0, -1, 0]
    assert paired < 0.8
    assert online_estimates(replaced(z, remembered), 0.1, "unpaired")[0, -1, 0] == pytest.approx(2.0, abs=0.05)


def test_the_unpaired_rule_ends_at_the_batch_estimate():
    one = RECORD.of(slice(0, 1))
    found = online_estimates(one, 0.1, "unpaired")[0, -1]
    assert found == pytest.approx(spiking_discontinuity(one, 0.1), rel=1e-9)
    assert running_jump(one, 0.1)[0, -1] == pytest.approx(found, rel=1e-9)


def test_an_estimate_of_nothing_stays_at_zero():
    assert (online_estimates(replaced([-0.5, 0.5], [1.0, 2.0]), 0.1) == 0).all()


def test_settling_begins_after_the_last_excursion():
    values = np.array([[5.0, 1.1, 3.0, 1.1, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0], [np.nan, 1.0, 1.0, 1.0, 1.0]])
    assert settling_time(values, np.arange(5.0)).tolist() == [3.0, 0.0, 1.0]


def test_the_kernels_costs_are_those_of_the_room():
    outputs = np.random.default_rng(0).uniform(0, 0.1, (20, 2))
    for name, cost in COSTS.items():
        assert [pair_cost(KINDS[name], *s) for s in outputs] == pytest.approx(cost(outputs), rel=1e-12)


def test_without_gain_weights_stay_and_with_it_they_stay_between_their_bounds():
    starts = weight_grid(2)
    still = learn(starts, 0.5, 3.0, 0, Learning(gain=0.0))
    assert (still == starts[:, None]).all()
    moved = learn(starts, 0.5, 20.0, 0, Learning(gain=2e7))
    assert moved.shape == (4, 21, 2)
    assert moved.min() >= 2
    assert moved.max() <= 20
    assert (moved[:, -1] != starts).any()


def test_learning_reduces_the_mean_cost():
    start = np.full((10, 2), 18.0)
    end = learn(start, 0.01, 100.0, 0)[:, -1]
    before, after = (simulate(w, 0.01, 50.0, 1, PAIR_NEURONS, "banana").cost.mean() for w in (start, end))
    assert after < 0.5 * before


def test_the_best_weights_are_where_the_mean_cost_is_least():
    costs = mean_costs(4, 0.5, 10.0, 0)
    assert costs.shape == (4, 4)
    i, j = np.unravel_index(costs.argmin(), costs.shape)
    assert best_weights(costs).tolist() == [2 + 6 * i, 2 + 6 * j]


def test_measures_of_paths():
    path = np.array([[[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [9.0, 9.0]]])
    goal = np.array([3.0, 5.0])
    assert distances(path, goal)[0, :3] == pytest.approx([np.sqrt(34), 5.0, 1.0])
    assert detour(path, goal)[0] == pytest.approx(7 / 5)  # to its first arrival, 3 + 4 long for a way of 5
    assert np.isnan(detour(path, path[0, 0])[0])
    assert first_time_within(np.array([[5.0, 1.0, 3.0], [5.0, 4.0, 3.0]]), 2.0).tolist() == [1.0, 2.0]


def test_slopes_of_the_rate_are_those_of_the_table():
    assert rate_slopes(np.array([[4.0, 5.0]]))[0] == pytest.approx([TABLE_SLOPES[1], TABLE_SLOPES[1:3].mean()])
    # the table says spikes a ms: simulated rates must rise about so much between its ends
    rates = simulate(np.array([[2.0, 20.0]]), 0.0, 200.0, 0, PAIR_NEURONS).rates[0] / 1000
    assert rates[1] - rates[0] == pytest.approx(np.trapezoid(TABLE_SLOPES, TABLE_WEIGHTS), rel=0.1)


def test_relative_errors_and_slopes():
    assert relative_errors(np.array([[3.0, 4.0]]), np.array([[0.0, 4.0]]))[0] == pytest.approx(0.75)
    slope, correlation = slope_and_correlation(np.array([1.0, 2.0, np.nan]), np.array([2.0, 4.0, 9.0]))
    assert (slope, correlation) == (pytest.approx(2.0), pytest.approx(1.0))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: online_estimates(RECORD, -0.1), "window is -0.1"),
        (
            lambda: online_estimates(RECORD, 0.1, "tripled"),
            "rule is 'tripled'; it can be paired, paired-linear, unpaired",
        ),
        (lambda: learn(weight_grid(2), 1.5, 5.0, 0), "correlation is 1.5"),
        (lambda: learn(weight_grid(2), 0.5, 0.1, 0), "seconds is 0.1; it must be at least 1"),
        (lambda: learn(weight_grid(2), 0.5, 5.0, 0, Learning(cost="free")), "cost is 'free'"),
    ],
)
def test_what_is_not_allowed_is_named(call, told):
    with pytest.raises(Mistake, match=told):
        call()
