"""Spike trains against what theory says of their counts."""

import numpy as np
import pytest

from repro.errors import Mistake
from repro.speech import poisson_trains, repetitions


def test_counts_have_the_mean_and_variance_of_independent_steps():
    trials, bins, cells, dt, steps = 4000, 4, 3, 0.5, 10
    rates = np.zeros((bins, cells)) + np.array([5.0, 50.0, 300.0])
    rates[1:3] *= 2
    spikes = poisson_trains(np.tile(rates, (trials, 1, 1)), np.random.default_rng(0), bin_ms=5.0, dt_ms=dt)
    assert spikes.shape == (trials, bins * steps, cells)
    chance = rates * dt / 1000
    mean, variance = steps * chance.sum(axis=0), steps * (chance * (1 - chance)).sum(axis=0)
    counts = spikes.sum(axis=1)
    # four standard errors: of a mean sqrt(var / n); of a variance about var sqrt((2 + 1 / mean) / n)
    assert (abs(counts.mean(axis=0) - mean) < 4 * np.sqrt(variance / trials)).all()
    assert (abs(counts.var(axis=0) - variance) < 4 * variance * np.sqrt((2 + 1 / mean) / trials)).all()
    fano = counts.var(axis=0) / counts.mean(axis=0)
    assert fano[0] == pytest.approx(1, abs=4 * np.sqrt((2 + 1 / mean[0]) / trials))


def test_spikes_follow_the_rate_in_time():
    rates = np.zeros((1, 3, 2))
    rates[0, 1, 0], rates[0, 2, 1] = 2000.0, 2000.0  # a spike in each step of 0.5 ms
    spikes = poisson_trains(rates, np.random.default_rng(1), bin_ms=5.0, dt_ms=0.5)
    expected = np.zeros((1, 30, 2), dtype=bool)
    expected[0, 10:20, 0] = expected[0, 20:, 1] = True
    assert np.array_equal(spikes, expected)


def test_steps_and_cells_are_independent():
    n = 200_000
    spikes = poisson_trains(np.full((1, n, 2), 500.0), np.random.default_rng(2), bin_ms=1.0, dt_ms=1.0)[0].astype(float)
    bound = 4 / np.sqrt(n)  # four standard errors of a correlation of nothing
    assert abs(np.corrcoef(spikes[:, 0], spikes[:, 1])[0, 1]) < bound
    assert abs(np.corrcoef(spikes[1:, 0], spikes[:-1, 0])[0, 1]) < bound


def test_a_gap_is_silent_and_comes_last():
    spikes = poisson_trains(np.full((2, 2, 3), 1000.0), np.random.default_rng(3), bin_ms=5.0, dt_ms=1.0, gap_ms=7.0)
    assert spikes.shape == (2, 17, 3)
    assert spikes[:, :10].all()
    assert not spikes[:, 10:].any()


def test_trials_come_new_each_time_or_frozen():
    rates = np.full((2, 10, 5), 100.0)
    new = list(repetitions(rates, 3, np.random.default_rng(4)))
    frozen = list(repetitions(rates, 3, np.random.default_rng(4), frozen=True))
    assert not np.array_equal(new[0], new[1])
    assert np.array_equal(frozen[0], frozen[2])
    assert np.array_equal(new[0], frozen[0])  # the same generator gives the same


@pytest.mark.parametrize(
    ("rates", "how", "says"),
    [
        (-1.0, {}, "from -1 to -1 Hz; allowed are 0 to 2000"),
        (np.nan, {}, "allowed are 0 to 2000"),
        (2001.0, {}, "allowed are 0 to 2000 Hz at steps of 0.5 ms"),
        (1.0, {"dt_ms": 0.7}, "bin_ms is 5 and dt_ms is 0.7"),
        (1.0, {"dt_ms": 0.0}, "dt_ms is 0"),
        (1.0, {"gap_ms": 0.75}, "gap_ms is 0.75"),
        (1.0, {"gap_ms": -5.0}, "gap_ms is -5"),
    ],
)
def test_rates_and_steps_that_do_not_fit_are_refused(rates, how, says):
    with pytest.raises(Mistake, match=says):
        poisson_trains(np.full((1, 2, 3), rates), np.random.default_rng(0), **how)
