"""Fixed points against scipy's Sylvester solver, against simulation of the layers' own update, and against theory."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.linalg import solve_sylvester

from repro.weight_alignment import PRIMITIVES, RULES, Rule, classify, expected_feedback, fixed_point
from repro.weight_alignment.fixed_points import (
    angle_between,
    fixed_point_angle,
    mirror_angle,
    relaxation_rates,
    update_noise_variance,
)
from repro.weight_alignment.primitives import gradient

SIZES = dict(zip(PRIMITIVES, (0.7, 1.3, 0.4, 0.9, 1.1), strict=True))
SUBSETS = [
    Rule(**{name: SIZES[name] * on for name, on in zip(PRIMITIVES, chosen, strict=True)})
    for chosen in itertools.product((0, 1), repeat=5)
]
BOUNDED = [rule for rule in SUBSETS if classify(rule) in ("fixed", "collapse")]


def layer(outputs=4, inputs=6, seed=0):
    """Weights, a covariance that is no multiple of the identity, and a starting feedback."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(inputs, inputs)) / np.sqrt(inputs) + 0.5 * np.eye(inputs)
    return random.normal(size=(outputs, inputs)), mixing @ mixing.T, random.normal(size=(outputs, inputs))


def test_the_32_sets_fall_into_1_frozen_3_unbounded_7_collapsing_and_21_fixed():
    assert Counter(map(classify, SUBSETS)) == {"frozen": 1, "unbounded": 3, "collapse": 7, "fixed": 21}
    assert classify(RULES["BP"]) == "tied"
    assert classify(RULES["KP"]) == "follows"


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5)])
@pytest.mark.parametrize("rule", [rule for rule in BOUNDED if rule.decay or rule.sparse], ids=str)
def test_fixed_points_solve_the_sylvester_equation(rule, shape):
    W, C, _ = layer(*shape)
    eye = np.eye(len(C))
    left, right = rule.decay * eye + rule.sparse * C, rule.null * W @ C @ W.T
    expected = solve_sylvester(left, right, (rule.amp * C + rule.self_weight * eye) @ W.T).T
    np.testing.assert_allclose(fixed_point(rule, W, C), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("rule", BOUNDED, ids=str)
def test_stochastic_updates_end_at_the_fixed_point(rule):
    """Batches of inputs, as in training; feedback averaged over the second half of 1500 steps.

    The fastest mode loses a fifth a step and the slowest a hundredth or more: what remains of the start is below
    0.1 %. A batch of 64 gives a gradient that is off by about √(dimensions/64), a quarter; averaged over 750 steps
    that is 1 % of |W|. The bound is 5 %.
    """
    random = torch.Generator().manual_seed(1)
    weight, feedback = torch.randn(2, 3, 4, generator=random, dtype=torch.float64)
    root = torch.diag(torch.tensor([1.3, 1.1, 0.9, 0.7], dtype=torch.float64))
    root[1, 0] = 0.4
    C = (root @ root.t()).numpy()
    weight = torch.linalg.qr(weight.t()).Q.t() * torch.tensor([[1.5], [1.0], [0.8]])
    rates = relaxation_rates(rule, weight.numpy(), C)
    assert rates.min() > rates.max() / 20
    learning_rate, total = 0.2 / rates.max(), torch.zeros_like(weight)
    for step in range(1500):
        x = torch.randn(64, 4, generator=random, dtype=torch.float64) @ root.t()
        feedback = feedback - learning_rate * gradient(rule, weight, feedback, x)
        if step >= 750:
            total += feedback / 750
    expected = fixed_point(rule, weight.numpy(), C)
    assert np.linalg.norm(total.numpy() - expected) < 0.05 * np.linalg.norm(weight)


@pytest.mark.parametrize("rule", SUBSETS, ids=str)
def test_the_mean_path_is_that_of_full_batch_steps(rule):
    """With as many inputs as directions and E[x xᵀ] = C exactly, the layer's own update is the mean update."""
    W, C, start = layer()
    x = torch.tensor(np.sqrt(6) * np.linalg.cholesky(C).T)
    weight, feedback = torch.tensor(W), torch.tensor(start)
    for _ in range(25):
        feedback -= 0.01 * gradient(rule, weight, feedback, x)
    np.testing.assert_allclose(expected_feedback(rule, W, C, start, 0.01, 25), feedback.numpy(), rtol=1e-9, atol=1e-11)


def test_named_rules_end_where_the_paper_says():
    W, C, _ = layer()
    np.testing.assert_allclose(fixed_point(RULES["SA"], W, C), W, rtol=1e-12)
    np.testing.assert_allclose(fixed_point(RULES["AA"], W, C), W, rtol=1e-9)
    np.testing.assert_allclose(fixed_point(RULES["WM"], W, C), 0.5 * W @ C, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fixed_point(Rule(amp=2.0, decay=1.0), W, 0.25 * np.eye(6)), W / 2, atol=1e-12)
    np.testing.assert_allclose(fixed_point(Rule(1.0, 3.0, 0.0, 1.0, 3.0), W, C), 3 * W, rtol=1e-9)  # gain 3, any C
    assert fixed_point(RULES["BP"], W, C) is not W
    np.testing.assert_array_equal(fixed_point(RULES["BP"], W, C), W)


def test_null_is_a_trade_off():
    """cos(B, W) for C = diag(4, 1, 1/4): worse at both ends than between; derived, with three digits."""
    W, C = np.array([[1.0, 1, 0], [0, 1, 1]]), np.diag([4, 1, 0.25])
    for null, cosine in ((0.0, 0.735), (0.3, 0.762), (1e9, 0.685)):
        found = np.cos(np.radians(fixed_point_angle(Rule(amp=1.0, decay=1.0, null=null), W, C)))
        assert found == pytest.approx(cosine, abs=5e-4)


def test_untouched_directions_keep_their_start():
    W, _, start = layer()
    seen = np.diag([1.0, 2, 3, 0, 0, 0])  # the input varies in three directions only
    rule = Rule(amp=1.0, sparse=1.0)
    with pytest.raises(ValueError, match="leaves 12 of 24 directions alone"):
        fixed_point(rule, W, seen)
    expected = np.hstack([W[:, :3], start[:, 3:]])
    np.testing.assert_allclose(fixed_point(rule, W, seen, start), expected, atol=1e-12)
    np.testing.assert_allclose(expected_feedback(rule, W, seen, start, 0.1, 2000), expected, atol=1e-8)
    with pytest.raises(ValueError, match="no shrink term reaches"):
        fixed_point(Rule(self_weight=1.0, sparse=1.0), W, seen, start)


@pytest.mark.parametrize("rule", [rule for rule in SUBSETS if classify(rule) == "unbounded"], ids=str)
def test_growth_without_shrink_is_refused(rule):
    W, C, start = layer()
    with pytest.raises(ValueError, match="grows without bound; add a shrink term: decay, sparse or null"):
        fixed_point(rule, W, C, start)


def test_other_refusals():
    W, C, start = layer()
    with pytest.raises(ValueError, match="stays where it starts"):
        fixed_point(Rule(), W, C)
    np.testing.assert_allclose(fixed_point(Rule(), W, C, start), start, atol=1e-12)
    with pytest.raises(ValueError, match="Kolen-Pollack"):
        fixed_point(RULES["KP"], W, C)
    with pytest.raises(ValueError, match=r"C has shape \(5, 5\)"):
        fixed_point(RULES["SA"], W, np.eye(5))
    with pytest.raises(ValueError, match="not symmetric"):
        fixed_point(RULES["SA"], W, C + np.triu(np.ones((6, 6)), 1))
    with pytest.raises(ValueError, match="initial has shape"):
        fixed_point(Rule(), W, C, W[:2])
    with pytest.raises(ValueError, match="weight mirroring"):
        mirror_angle(RULES["SA"], 5, 5, 0.1)
    with pytest.raises(ValueError, match="within"):
        mirror_angle(Rule(amp=1.0, decay=1.0), 5, 5, 3.0)


def test_the_mirror_keeps_the_angle_of_its_batch_noise():
    """Root mean square tangent over 20 000 steps at rest; its sampling error is below 2 %."""
    inputs, outputs, batch, learning_rate = 12, 5, 8, 0.2
    rule = Rule(amp=3.0, decay=0.5)
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=random, dtype=torch.float64)
    gain = rule.amp / rule.decay
    feedback, squares = gain * weight.clone(), []
    for step in range(20200):
        x = torch.randn(batch, inputs, generator=random, dtype=torch.float64)
        feedback -= learning_rate * gradient(rule, weight, feedback, x)
        if step >= 200:
            squares.append(float((feedback - gain * weight).square().sum() / (gain * weight).square().sum()))
    expected = np.tan(np.radians(mirror_angle(rule, inputs, batch, learning_rate))) ** 2
    assert np.mean(squares) == pytest.approx(expected, rel=0.05)


def test_update_noise_settles_at_its_variance():
    assert update_noise_variance(0.1, 1.0, 0.5) == pytest.approx(0.013158, abs=5e-7)
    assert update_noise_variance(0.1, 0.0, 0.5) == np.inf
    assert update_noise_variance(0.1, 1.0, 0.0) == 0.0
    random = np.random.default_rng(0)
    entries = np.zeros(40000)
    for _ in range(100):  # 0.9^200 is nothing
        entries += -0.1 * entries + 0.1 * random.normal(0, 0.5, entries.size)
    # a variance from n values spreads by √(2/n) of itself: 0.7 %; four of those
    assert entries.var() == pytest.approx(update_noise_variance(0.1, 1.0, 0.5), rel=0.03)
    with pytest.raises(ValueError, match="allowed is"):
        update_noise_variance(0.1, 30.0, 0.5)


def test_angles_between_matrices():
    assert angle_between(np.array([[1.0, 0]]), np.array([[0, 3.0]])) == pytest.approx(90)
    assert angle_between(np.eye(2), -np.eye(2)) == pytest.approx(180)
    assert np.isnan(angle_between(np.eye(2), np.zeros((2, 2))))
