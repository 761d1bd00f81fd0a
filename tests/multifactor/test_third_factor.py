"""Rules with a third factor against autograd, finite differences of the expected reward, and each other."""

import numpy as np
import pytest
import torch

from repro.multifactor.measures import cosine, descent_share, sign_agreement, unit_step_gain
from repro.multifactor.network_rules import LEARNERS, changes
from repro.multifactor.networks import forward, initial, losses
from repro.multifactor.third_factor import burst, feedback_alignment, node_perturbation, reinforce, sign_symmetry

SIZES = (6, 5, 4, 3)
RANDOM = np.random.default_rng(0)


@pytest.fixture
def example():
    """Three networks, inputs, targets and their activities, float64."""
    networks = initial(SIZES, (0, 1, 2), dtype=torch.float64)
    x, targets = (torch.tensor(RANDOM.standard_normal((3, 7, units))) for units in (6, 3))
    return networks, forward(networks, x), targets


def gradients(networks, x, targets):
    """By autograd."""
    leaves = [weight.clone().requires_grad_() for weight in networks.weights]
    networks.weights, kept = leaves, networks.weights
    total = losses(forward(networks, x)[-1], targets).mean(1).sum()
    networks.weights = kept
    return torch.autograd.grad(total, leaves)


def test_backpropagation_is_minus_the_gradient(example):
    networks, activities, targets = example
    for change, gradient in zip(
        changes("BP", networks, activities, targets), gradients(networks, activities[0], targets), strict=True
    ):
        assert torch.allclose(change, -gradient, atol=1e-14)


def test_feedback_alignment_with_the_weights_as_feedback_is_backpropagation(example):
    networks, activities, targets = example
    networks.feedback = [weight[:, :, :-1] for weight in networks.weights[1:]]
    for a, b in zip(
        changes("FA", networks, activities, targets), changes("BP", networks, activities, targets), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-14)


def test_direct_feedback_is_feedback_alignment_below_the_output(example):
    networks, activities, targets = example
    networks.direct = [networks.direct[0], networks.feedback[1]]
    assert torch.allclose(
        changes("DFA", networks, activities, targets)[1], changes("FA", networks, activities, targets)[1]
    )


def test_node_perturbation_goes_downhill_on_average(example):
    networks, activities, targets = example
    exact = changes("BP", networks, activities, targets)
    many, wanted = [a.repeat(1, 3000, 1) for a in activities], targets.repeat(1, 3000, 1)
    random = torch.Generator().manual_seed(0)
    noise = [torch.randn(a.shape, generator=random, dtype=a.dtype) for a in many[1:-1]]
    for found, down in zip(changes("NP", networks, many, wanted, noise, 1e-4)[:-1], exact, strict=False):
        # nodes of both layers are noise to each other: 9 nodes, 21000 trials, cos about 1/√(1 + 10 c/21000), c a few
        assert cosine(found, down).min() > 0.99
        assert float((found * down).sum() / (down * down).sum()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("rule", ["frozen", "Hebb", "Oja", "Sanger"])
def test_without_a_third_factor_hidden_changes_do_not_depend_on_the_target(example, rule):
    networks, activities, targets = example
    for a, b in zip(
        changes(rule, networks, activities, targets)[:-1],
        changes(rule, networks, activities, -3 * targets)[:-1],
        strict=True,
    ):
        assert torch.equal(a, b)


def test_synapses_that_are_not_there_stay_at_zero():
    mask = (RANDOM.random((5, 6)) < 0.5).astype(float)
    networks = initial(SIZES, (0,), [mask, None, None], dtype=torch.float64)
    x, targets = (torch.tensor(RANDOM.standard_normal((1, 7, units))) for units in (6, 3))
    noise = [torch.ones((1, 7, units), dtype=torch.float64) for units in SIZES[1:-1]]
    for rule in LEARNERS:
        change = changes(rule, networks, forward(networks, x), targets, noise)[0]
        assert not change[0, :, :-1][torch.tensor(mask) == 0].any(), rule
    assert not networks.weights[0][0, :, :-1][torch.tensor(mask) == 0].any()


def test_a_rule_that_is_not_there_is_named_in_one_line(example):
    with pytest.raises(ValueError, match=r"^there is no rule 'Habb'; there are frozen, Hebb, .*BP$"):
        changes("Habb", *example)


def test_reinforce_is_the_gradient_of_the_expected_reward():
    x, reward = np.array([0.5, -1.0]), {0: 0.3, 1: 2.0}

    def expected(w):
        p = 1 / (1 + np.exp(-w @ x))
        return p * reward[1] + (1 - p) * reward[0]

    w = np.array([0.2, 0.7])
    p = 1 / (1 + np.exp(-w @ x))
    each = [reinforce(x[None], np.array([[s - p]]), np.array([reward[s] - 0.7])) for s in (0, 1)]
    slope = [(expected(w + h) - expected(w - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    assert ((1 - p) * each[0] + p * each[1])[0] == pytest.approx(slope, abs=1e-8)  # whatever the baseline


def test_a_cut_feedback_leaves_the_burst_rule_without_a_change_and_a_weak_one_makes_it_feedback_alignment():
    pre, events, error = RANDOM.standard_normal((8, 3)), RANDOM.random((8, 4)), RANDOM.standard_normal((8, 2))
    feedback = RANDOM.standard_normal((2, 4))
    assert not burst(np.zeros((2, 4)))(pre, events, error).any()
    slope = -((error @ feedback) * events * (1 - events)).T @ pre / 8
    # σ(u) - 1/2 is u/4 up to u³/48
    assert 4e4 * burst(feedback, 1e-4)(pre, events, error) == pytest.approx(slope, abs=1e-6)


def test_sign_symmetry_keeps_signs_and_no_magnitudes():
    weights = RANDOM.standard_normal((2, 4))
    arrays = (RANDOM.standard_normal((8, 3)), np.zeros((8, 4)), RANDOM.standard_normal((8, 2)))
    assert sign_symmetry(weights)(*arrays) == pytest.approx(sign_symmetry(7 * weights)(*arrays))
    assert sign_symmetry(weights)(*arrays) == pytest.approx(feedback_alignment(np.sign(weights) / 2**0.5)(*arrays))


def test_perturbing_one_node_of_a_quadratic_gives_its_slope():
    pre, noise = np.ones((2, 1)), np.array([[1e-3], [-1e-3]])
    change = (3.0 * noise + 5.0 * noise**2)[:, 0]  # the even part falls out of the pair
    assert node_perturbation(1e-3)(pre, noise, change)[0, 0] == pytest.approx(-3.0)


def test_measures_are_those_of_the_definitions():
    change, down = np.array([[1.0, -1, 0, 2]]), np.array([[3.0, 1, 1, 1]])
    assert cosine(change, down) == pytest.approx(4 / np.sqrt(6 * 12))
    assert np.isnan(cosine(0 * change, down))
    assert sign_agreement(change, down) == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    weights = RANDOM.standard_normal((3, 5))
    assert descent_share(RANDOM.standard_normal((50, 3)), weights, weights) == 1
    assert descent_share(RANDOM.standard_normal((50, 3)), weights, -weights) == 0
    assert unit_step_gain(
        lambda w: float((w**2).sum()), np.array([[3.0, 4.0]]), np.array([[-0.3, -0.4]])
    ) == pytest.approx(25 - 16)
    with pytest.raises(ValueError, match="no direction"):
        unit_step_gain(lambda w: 0.0, weights, 0 * weights)
