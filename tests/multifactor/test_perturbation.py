"""The law of node perturbation and its form for compartments, against closed forms and finite differences."""

import numpy as np
import pytest

from repro.multifactor import perturbation
from repro.multifactor.perturbation import cosines, equal_compartments, law, law_of_compartments, random_layer


def test_the_gradient_is_that_of_the_loss():
    layer = random_layer(6, np.random.default_rng(0))

    def loss(u):
        return 0.5 * np.sum((layer.above @ np.tanh(u) - layer.target) ** 2)

    slope = [(loss(layer.summed + h) - loss(layer.summed - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
    assert layer.gradient == pytest.approx(slope, abs=1e-8)


def test_the_law_has_the_values_of_the_fact_sheet():
    assert law(100, 32) == pytest.approx(0.491, abs=5e-4)
    assert law(1000, 1000) == pytest.approx(0.707, abs=5e-4)
    assert perturbation.law_of_one_trial(100) == pytest.approx(0.080, abs=5e-4)


@pytest.mark.parametrize(("nodes", "trials"), [(10, 32), (100, 32)])
def test_the_mean_cosine_follows_the_law(nodes, trials):
    found = cosines(nodes, trials, 300, np.random.default_rng(1))
    # 3 %: standard error of 300 draws is under 1 %, the law is the form for many trials
    assert found.mean() == pytest.approx(law(nodes, trials), rel=0.03)


def test_one_trial_has_the_mean_of_its_closed_form():
    found = np.abs(cosines(100, 1, 4000, np.random.default_rng(2)))
    assert found.mean() == pytest.approx(perturbation.law_of_one_trial(100), rel=0.05)  # standard error 1.2 %


@pytest.mark.parametrize("count", [1, 4, 64])
def test_equal_compartments_follow_the_law_with_fewer_nodes(count):
    found = cosines(64, 16, 300, np.random.default_rng(3), equal_compartments(64, count))
    assert found.mean() == pytest.approx(law(64 / count, 16), rel=0.04)


def test_the_law_of_unequal_compartments_is_that_of_equal_ones_where_they_are():
    gradient = np.random.default_rng(4).standard_normal(64)
    assert law_of_compartments(gradient, equal_compartments(64, 8), 16) == pytest.approx(law(8, 16))


def test_unequal_compartments_follow_their_law():
    random = np.random.default_rng(5)
    layer, where = random_layer(60, random), np.repeat([0, 1, 2], [5, 15, 40])
    down = -layer.gradient
    draws = perturbation.SIGMA * random.standard_normal((600, 32, 60))
    changes = np.array([perturbation.change(layer, noise, where) for noise in draws])
    found = changes @ down / np.linalg.norm(changes, axis=1) / np.linalg.norm(down)
    assert found.mean() == pytest.approx(law_of_compartments(layer.gradient, where, 32), rel=0.04)


def test_the_numbers_of_compartments_may_stand_in_any_order():
    layer, where = random_layer(12, np.random.default_rng(6)), np.array([2, 0, 1] * 4)
    noise = perturbation.SIGMA * np.random.default_rng(7).standard_normal((3, 12))
    order = np.argsort(where, kind="stable")
    tidy = perturbation.Layer(layer.summed[order], layer.above[:, order], layer.target)
    mixed = perturbation.change(layer, noise, where)
    assert mixed[order] == pytest.approx(perturbation.change(tidy, noise[:, order], where[order]))


def test_one_compartment_is_the_difference_of_losses_times_the_noise():
    layer = random_layer(5, np.random.default_rng(8))
    noise = perturbation.SIGMA * np.random.default_rng(9).standard_normal((4, 5))

    def loss(u):
        return 0.5 * np.sum((layer.above @ np.tanh(u) - layer.target) ** 2)

    expected = (
        -np.mean([(loss(layer.summed + xi) - loss(layer.summed)) * xi for xi in noise], 0) / perturbation.SIGMA**2
    )
    # 1e-6: the difference of two losses of about 5 cancels to 1e-4 of them
    assert perturbation.change(layer, noise) == pytest.approx(expected, rel=1e-6)


def test_columns_of_a_sheet_are_compartments():
    x, y = np.meshgrid([0, 0, 1], [0, 5, 5, 5], indexing="ij")
    found = perturbation.columns_as_compartments(x, y)
    assert np.bincount(found).tolist() == [2, 6, 1, 3]


def test_a_shared_gradient_interpolates_between_scalar_and_vector():
    gradient = np.random.default_rng(8).standard_normal(64)
    values = [perturbation.shared_gradient(gradient, equal_compartments(64, count)) for count in (1, 8, 64)]
    assert values[0] == pytest.approx(abs(gradient.mean()) * 8 / np.linalg.norm(gradient))
    assert values[0] < values[1] < values[2] == pytest.approx(1)


def test_trials_on_different_examples_cost_what_their_gradients_disagree():
    same = np.tile(np.arange(1.0, 5.0), (3, 1))
    assert perturbation.over_examples(same) == pytest.approx(1)
    assert perturbation.over_examples(np.eye(4)) == pytest.approx(4)


def test_one_trial_on_each_of_many_examples_follows_the_law_with_that_factor():
    random = np.random.default_rng(10)
    nodes, trials = 30, 64
    gradients = random.standard_normal(nodes) + random.standard_normal((trials, nodes))
    noise = random.standard_normal((2000, trials, nodes))  # in the limit of small noise the loss changes by g · ξ
    changes = np.einsum("dbn,bn,dbm->dm", noise, gradients, noise) / trials
    mean = gradients.mean(0)
    found = changes @ mean / np.linalg.norm(changes, axis=1) / np.linalg.norm(mean)
    expected = law(nodes, trials / perturbation.over_examples(gradients))
    assert found.mean() == pytest.approx(expected, rel=0.02)  # standard error 0.2 %, the law is for many trials


def test_compartments_that_do_not_divide_the_nodes_are_refused():
    with pytest.raises(ValueError, match="10 nodes can't be shared out evenly to 3 compartments"):
        equal_compartments(10, 3)
