"""Two-factor rules against sums written out, principal components, and the flip identity for random functions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.multifactor import flip
from repro.multifactor.two_factor import covariance, hebb, oja, polynomial, sanger

RANDOM = np.random.default_rng(0)
PRE, POST, WEIGHTS = RANDOM.standard_normal((20, 4)), RANDOM.standard_normal((20, 3)), RANDOM.standard_normal((3, 4))


def summed(each):
    """The mean over samples of a change given sample by sample and synapse by synapse."""
    n, m = POST.shape[1], PRE.shape[1]
    return np.array(
        [[np.mean([each(x, y, i, j) for x, y in zip(PRE, POST, strict=True)]) for j in range(m)] for i in range(n)]
    )


@pytest.mark.parametrize(
    ("rule", "each"),
    [
        (hebb, lambda x, y, i, j: y[i] * x[j]),
        (oja(WEIGHTS), lambda x, y, i, j: y[i] * (x[j] - y[i] * WEIGHTS[i, j])),
        (sanger(WEIGHTS), lambda x, y, i, j: y[i] * (x[j] - sum(y[k] * WEIGHTS[k, j] for k in range(i + 1)))),
        (polynomial(np.array([[0, 1.0], [2, 3]])), lambda x, y, i, j: x[j] + 2 * y[i] + 3 * y[i] * x[j]),
    ],
)
def test_a_change_is_the_mean_of_the_equation_over_samples(rule, each):
    assert rule(PRE, POST, None) == pytest.approx(summed(each), abs=1e-12)


def test_the_covariance_rule_is_the_covariance():
    assert covariance(PRE, POST) == pytest.approx(np.cov(POST.T, PRE.T, bias=True)[:3, 3:], abs=1e-12)


def test_sangers_rule_ends_at_the_principal_components_in_order():
    x = RANDOM.standard_normal((400, 5)) * [2.0, 1.5, 1.0, 0.5, 0.2] @ np.linalg.qr(RANDOM.standard_normal((5, 5)))[0]
    weights = 0.1 * RANDOM.standard_normal((3, 5))
    for _ in range(300):
        weights = weights + 0.1 * sanger(weights)(x, x @ weights.T)
    components = np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :3].T
    # 1e-6: 300 steps of the slowest direction leave (1 - 0.1 · 0.7)^300; signs of components are free
    assert np.abs(weights @ components.T) == pytest.approx(np.eye(3), abs=1e-6)


@pytest.mark.parametrize("rule", [hebb, covariance, oja(WEIGHTS), sanger(WEIGHTS), polynomial(np.ones((2, 2)))])
def test_a_two_factor_rule_refuses_a_third_factor(rule):
    with pytest.raises(ValueError, match="no third factor"):
        rule(PRE, POST, np.ones(20))


@pytest.mark.parametrize("make", [lambda w: hebb, lambda w: covariance, oja, sanger])
def test_networks_side_by_side_and_torch_give_what_one_network_gives(make):
    together = [torch.tensor(np.stack([a, 2 * a])) for a in (WEIGHTS, PRE, POST)]
    side_by_side = make(together[0])(together[1], together[2])
    for number, factor in enumerate((1, 2)):
        alone = make(factor * WEIGHTS)(factor * PRE, factor * POST)
        assert side_by_side[number].numpy() == pytest.approx(alone, abs=1e-12)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_two_factor_rule_tells_opposite_gradients_apart(seed):
    frame = flip.cosines((seed,))
    two = flip.broken_by(frame[frame.kind.str.startswith("two-factor")])
    assert max(two.values()) <= 1e-12


def test_a_third_factor_and_a_clamped_output_do():
    broken = flip.broken_by(flip.cosines((1, 2)))
    for rule in ("BP", "FA", "DFA", "NP", "Hebb, clamped"):
        assert broken[rule] > 0.05, rule
    assert broken["BP"] == pytest.approx(2, abs=1e-12)  # downhill itself, for both targets
