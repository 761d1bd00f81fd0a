"""Toy groups: rates and correlations against the theory that sets them."""

import numpy as np
import pytest

from repro.convallis.groups import Groups, group_weights, preference, rasters
from repro.errors import Mistake


def episode_counts(groups, episodes=8000, seed=0):
    spikes = rasters(groups, 1, episodes, np.random.default_rng(seed))
    return spikes.reshape(episodes, groups.steps, -1).sum(axis=1)


@pytest.mark.parametrize("strengths", [(0.0, 0.0, 0.0), (0.1, 0.3, 0.0), (0.6, 0.2, 0.4)])
def test_rates_and_correlations_are_those_asked_for(strengths):
    groups = Groups(sizes=(4, 6, 5), correlations=strengths, rate_hz=30.0, episode_ms=40.0)
    n = 8000
    counts = episode_counts(groups, n)
    mean = 30.0 * 0.04
    correlation = np.corrcoef(counts.T)
    for group, c in enumerate(strengths):
        mine = np.flatnonzero(groups.group_of == group)
        # a group's mean count spreads by at most that of one cell; four standard errors
        spread = counts[:, mine].mean(axis=1).std()
        assert counts[:, mine].mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(n))
        # cells of one group stray together, as their rate is skewed: by (1 + kurtosis) / n in square, the kurtosis of
        # a gamma variable being 6 v; four standard errors
        pairs = correlation[np.ix_(mine, mine)][np.triu_indices(len(mine), 1)]
        bound = 4 * np.sqrt((2 + 6 * groups.variances[group]) / n)
        assert pairs.mean() == pytest.approx(c, abs=bound)
        others = np.flatnonzero(groups.group_of != group)
        assert abs(correlation[np.ix_(mine, others)].mean()) < 4 / np.sqrt(n)


def test_correlation_is_exact_by_the_moments_of_the_rate():
    # steps so long that a spike a step matters: covariance and variance written out by total variance
    groups = Groups(sizes=(2,), correlations=(0.4,), rate_hz=50.0, episode_ms=20.0, dt_ms=2.0)
    n, p, (v,) = groups.steps, 0.1, groups.variances
    covariance = (n * p) ** 2 * v
    variance = n * (p - p**2 * (1 + v)) + covariance
    assert covariance / variance == pytest.approx(0.4, rel=1e-12)


def test_without_correlation_counts_are_those_of_independent_steps():
    groups = Groups(sizes=(50, 50), correlations=(0.0, 0.0))
    counts = episode_counts(groups)
    mean = 20.0 * 0.05
    variance = mean * (1 - 20.0 * 0.0005)
    size = counts.size
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / size))
    assert counts.var() == pytest.approx(variance, abs=4 * variance * np.sqrt((2 + 1 / mean) / size))


def test_episodes_follow_one_another_without_memory():
    groups = Groups(sizes=(30,), correlations=(0.5,))
    total = episode_counts(groups).sum(axis=1)
    assert abs(np.corrcoef(total[1:], total[:-1])[0, 1]) < 4 / np.sqrt(len(total))


def test_the_same_seed_gives_the_same_spikes():
    one, same, other = (rasters(Groups(), 2, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (2, 300, 100)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sizes": (10, 10)}, "each group needs one of both"),
        ({"sizes": (), "correlations": ()}, "each group needs one of both"),
        ({"sizes": (0,), "correlations": (0.1,)}, "an input at least"),
        ({"correlations": (1.0, 0, 0, 0)}, "allowed are 0 <= correlation < 1"),
        ({"rate_hz": 0.0}, "0 Hz at steps"),
        ({"rate_hz": 300.0}, "300 Hz at steps of 0.5 ms"),
        ({"episode_ms": 50.2}, "episode_ms 50.2 must be a whole number of steps"),
    ],
)
def test_groups_that_cannot_be_are_refused(wrong, says):
    with pytest.raises(Mistake, match=says):
        Groups(**wrong)


def test_a_rate_beyond_a_spike_a_step_is_refused_and_not_cut():
    wild = Groups(sizes=(5,), correlations=(0.95,), rate_hz=50.0, episode_ms=2.0, dt_ms=2.0)
    with pytest.raises(Mistake, match="more than a spike in a step of 2 ms"):
        rasters(wild, 10, 500, np.random.default_rng(0))


def test_preference_is_one_for_its_own_inputs_alone():
    groups = Groups(sizes=(3, 2), correlations=(0.1, 0.0))
    weights = np.array([[1.0, 2, 0, 0], [1, 2, 0, 0], [1, 2, 0, 0], [0, 2, 4, 0], [0, 2, 8, 0]])
    assert group_weights(weights, groups.group_of).tolist() == [[1, 2, 0, 0], [0, 2, 6, 0]]
    assert preference(weights, groups.group_of, 0) == pytest.approx([1, 0, -1, 0])
    assert preference(np.stack([weights, weights]), groups.group_of, 1) == pytest.approx(np.array([[-1, 0, 1, 0]] * 2))
    with pytest.raises(Mistake, match="group 2 holds 0 of 5 inputs"):
        preference(weights, groups.group_of, 2)
    with pytest.raises(Mistake, match="group 0 holds 5 of 5"):
        preference(weights, np.zeros(5, int), 0)
