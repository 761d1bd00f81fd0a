"""Weights that change at every spike, against Brian2 spike by spike."""

import doctest

import numpy as np
import pytest

from repro.convallis import song_abbott
from repro.convallis.song_abbott import SongAbbott
from repro.errors import Mistake

SECONDS, STEPS = 0.6, 6000


@pytest.mark.parametrize(("a_minus", "bound"), [(0.09, 0.0), (0.01, SongAbbott().largest)])
def test_spikes_and_weights_are_those_of_brian2(a_minus, bound):
    b2 = pytest.importorskip("brian2")
    from repro.convallis import brian

    rng, model = np.random.default_rng(0), SongAbbott(a_plus=0.1, a_minus=a_minus, tau_plus=15.0, tau_minus=30.0)
    spikes = song_abbott.poisson(SECONDS, 200, 80.0, 0.1, rng)
    weights = rng.uniform(0, model.largest, 200)
    ours, fired = song_abbott.learn(spikes, STEPS, weights, model)
    b2.prefs.codegen.target = "numpy"
    network, synapses, monitor = brian.song_abbott(spikes, weights, model)
    network.run(1000 * SECONDS * b2.ms, namespace={})
    theirs = np.rint(np.asarray(monitor.t / (0.1 * b2.ms))).astype(int)
    assert len(theirs) > 5
    assert np.array_equal(np.flatnonzero(fired), theirs)
    assert ours == pytest.approx(np.asarray(synapses.w / b2.nS), rel=1e-9, abs=1e-12)
    assert (ours == bound).sum() > 10  # so that clipping was compared too


def test_poisson_trains_have_their_rate_on_all_channels_and_no_spike_twice():
    at, channels = song_abbott.poisson(20.0, 40, 30.0, 0.1, np.random.default_rng(0))
    assert (np.diff(at) >= 0).all()
    assert (at.min() >= 0) & (at.max() < 200_000)
    assert len(set(zip(at.tolist(), channels.tolist(), strict=True))) == len(at)
    counts = np.bincount(channels, minlength=40)
    # a step of 0.1 ms has a spike with p = 1 - exp(-0.003); 20 s of them; four standard errors of the mean, five of one
    mean = 200_000 * -np.expm1(-0.003)
    assert len(counts) == 40
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 40))
    assert np.abs(counts - mean).max() < 5 * np.sqrt(mean)


def test_weights_outside_their_bounds_are_refused():
    with pytest.raises(Mistake, match="weights reach from -1"):
        song_abbott.learn((np.zeros(0, int), np.zeros(0, int)), 10, np.array([-1.0, 0.05]))


def test_the_example_in_the_docstring_runs():
    assert doctest.testmod(song_abbott).failed == 0
