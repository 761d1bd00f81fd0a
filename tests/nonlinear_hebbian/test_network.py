"""Lateral inhibition: settling against the linear solution, decorrelation, and what V may be."""

import numpy as np
import pytest
import torch

from repro.errors import Mistake
from repro.nonlinear_hebbian import measures
from repro.nonlinear_hebbian.network import Options, learn_network, settle
from repro.nonlinear_hebbian.nonlinearities import linear_rectifier
from repro.nonlinear_hebbian.patches import whiten

OPTIONS = Options(batches=600)


@pytest.fixture(scope="module")
def sources():
    rng = np.random.default_rng(0)
    return whiten(rng.laplace(size=(20_000, 6)).astype(np.float32), 6, remove_mean=False).components


def test_settled_activity_solves_the_steady_state_where_all_are_active():
    lateral = torch.tensor([[0.0, 0.3], [0.2, 0.0]])
    drive = torch.tensor([[2.0, 1.5]])
    expected = torch.linalg.solve(torch.eye(2) + lateral, drive.T).T
    assert torch.allclose(settle(drive, lateral, 200, 0.2), expected, atol=1e-4)


def test_the_default_settling_is_nearly_done():
    drive = torch.ones(1, 3)
    left = 1 - settle(drive, torch.zeros(3, 3), Options.settling_steps, Options.settling_dt)
    assert torch.allclose(left, torch.full((1, 3), (1 - 0.2) ** 15), atol=1e-6)
    assert left.max() < 0.04


def test_inhibition_leaves_no_twins_and_less_correlation(sources):
    f = linear_rectifier(1.5)
    alone = learn_network(sources, f, 6, 0, Options(batches=600, inhibition=False))
    together = learn_network(sources, f, 6, 0, OPTIONS)
    # six sources of two signs each: those who don't see each other meet
    assert measures.duplicates(alone.weights).sum() > measures.duplicates(together.weights).sum()
    assert together.correlation < alone.correlation


def test_inhibition_is_positive_and_not_of_oneself(sources):
    lateral = learn_network(sources, "quadratic_rectifier", 5, 1, OPTIONS).lateral
    assert lateral.min() == 0
    assert lateral.max() > 0
    assert np.diag(lateral).tolist() == [0.0] * 5


def test_weights_have_norm_one_and_the_seed_decides(sources):
    first, again, other = (learn_network(sources, "l0", 4, seed, Options(batches=50)).weights for seed in (1, 1, 2))
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_network_of_one_is_refused(sources):
    with pytest.raises(Mistake, match="n_units is 1"):
        learn_network(sources, "l0", 1, 0)
