"""Learners against known sources, scikit-learn's FastICA, closed forms, and each other."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import FastICA

from repro.errors import Mistake
from repro.nonlinear_hebbian import learn
from repro.nonlinear_hebbian.learners import fixed_point, initial_weights, newton, online
from repro.nonlinear_hebbian.nonlinearities import FIVE, NONLINEARITIES
from repro.nonlinear_hebbian.patches import whiten
from repro.nonlinear_hebbian.patterns import value

ALL = list(NONLINEARITIES.values())


@pytest.fixture(scope="module")
def mixed():
    """White mixtures of eight Laplacian sources, and the directions of the sources in them."""
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(40_000, 8)).astype(np.float32)
    white = whiten(sources @ rng.standard_normal((8, 12)).astype(np.float32), 8, remove_mean=False)
    directions = (sources - sources.mean(0)).T @ white.components
    return white.components, directions / np.linalg.norm(directions, axis=1, keepdims=True)


@pytest.mark.parametrize("name", FIVE)
def test_each_of_the_five_finds_a_long_tailed_source(mixed, name):
    x, directions = mixed
    weights = fixed_point(x, [NONLINEARITIES[name]], initial_weights(6, 8, 1), 200)[0]
    # 40,000 samples of 8 sources: estimates err by a few times √(8/40,000) = 0.014 radians, cos within 0.01
    assert abs(weights @ directions.T).max(1).min() > 0.99


def test_every_nonlinearity_climbs(mixed):
    x, _ = mixed
    start = initial_weights(6, 8, 2)
    ends = fixed_point(x, ALL, start, 30)
    for each, weights in zip(ALL, ends, strict=True):
        before, after = value(x, start, each), value(x, weights, each)
        assert (after >= before - 1e-6 * abs(before)).all(), each.name


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_no_pass_descends(mixed, each):
    x, _ = mixed
    start = initial_weights(6, 8, 3)
    climbed = np.array([value(x, fixed_point(x, [each], start, n)[0], each) for n in range(24)])
    # a step is judged by the slopes at its ends, which is right to third order in its angle, and to rounding
    slack = 0.03 * np.ptp(climbed, axis=0) + 1e-6 * (1 + abs(climbed).max())
    assert (np.diff(climbed, axis=0) > -slack).all()
    assert (climbed[1] >= climbed[0] - 1e-6).all()  # the first pass has the shift that climbs for certain


def test_normalising_the_gradient_alone_descends_for_the_negative_sigmoid(mixed):
    x, _ = mixed
    weights = start = initial_weights(4, 8, 1)
    for _ in range(20):
        gradient = -np.tanh(x @ weights.T).T @ x
        weights = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    each = NONLINEARITIES["negative_sigmoid"]
    assert (value(x, weights, each) < value(x, start, each)).all()
    assert (value(x, fixed_point(x, [each], start, 20)[0], each) > value(x, start, each)).all()


def test_plus_and_minus_tanh_end_at_different_places(mixed):
    x, directions = mixed
    ends = fixed_point(
        x, [NONLINEARITIES["sigmoid"], NONLINEARITIES["negative_sigmoid"]], initial_weights(6, 8, 1), 200
    )
    overlap = abs(ends @ directions.T).max(2)
    assert overlap[1].min() > 0.99
    assert np.median(overlap[0]) < 0.8  # a mixture of many sources is nearest to a Gaussian


def test_a_linear_neuron_does_not_move_on_white_input(mixed):
    x, _ = mixed
    start = initial_weights(5, 8, 4)
    assert abs(fixed_point(x, [NONLINEARITIES["linear"]], start, 50)[0] - start).max() < 1e-4  # rounding of sums


def test_a_linear_neuron_finds_the_first_principal_component_of_other_input():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5000, 6)).astype(np.float32) * np.array([3, 1, 1, 1, 1, 1], dtype=np.float32)
    leading = np.linalg.eigh(x.T.astype(float) @ x)[1][:, -1]
    ends = fixed_point(x, [NONLINEARITIES["linear"]], initial_weights(4, 6, 0), 100)[0]
    assert abs(ends @ leading).min() > 1 - 1e-4


def test_a_nonlinearity_is_not_changed_by_its_neighbours(mixed):
    x, _ = mixed
    start = initial_weights(3, 8, 5)
    together = fixed_point(x, ALL, start, 20)
    for index, each in enumerate(ALL):
        # the products are summed in another order, and rounding grows over 20 passes
        assert np.allclose(together[index], fixed_point(x, [each], start, 20)[0], atol=1e-3), each.name


def test_newton_finds_what_fast_ica_finds(mixed):
    x, _ = mixed
    ours = newton(x, [NONLINEARITIES["negative_sigmoid"]], initial_weights(12, 8, 1), 30)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = FastICA(8, whiten=False, fun="logcosh", random_state=0, tol=1e-6, max_iter=500).fit(x).components_
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    assert abs(ours @ theirs.T).max(1).min() > 0.99  # theirs are kept orthogonal, ours are not


def test_newton_cannot_tell_the_sign_of_f(mixed):
    x, _ = mixed
    start = initial_weights(6, 8, 1)
    plus, minus = newton(x, [NONLINEARITIES["sigmoid"], NONLINEARITIES["negative_sigmoid"]], start, 30)
    assert np.allclose(abs((plus * minus).sum(1)), 1, atol=1e-3)


def test_online_steps_reach_the_value_of_the_fixed_point(mixed):
    x, _ = mixed
    start = initial_weights(6, 8, 1)
    each = NONLINEARITIES["linear_rectifier"]
    slow = online(x, [each], start, 40_000, rate=0.01, seed=0)[0]
    ends = fixed_point(x, [each], start, 200)[0]
    assert value(x, slow, each).mean() > 0.95 * value(x, ends, each).mean()
    assert value(x, start, each).mean() < 0.8 * value(x, ends, each).mean()


def test_an_online_step_is_the_rule(mixed):
    x, _ = mixed
    start = initial_weights(2, 8, 6)
    drawn = x[np.random.default_rng(3).integers(len(x), size=1)[0]]
    by_hand = start + 0.1 * np.tanh(start @ drawn)[:, None] * drawn
    by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
    assert np.allclose(online(x, [NONLINEARITIES["sigmoid"]], start, 1, rate=0.1, seed=3)[0], by_hand, atol=1e-6)


def test_a_warm_up_on_an_eighth_of_the_patches_ends_at_the_same_sources(mixed):
    x, directions = mixed
    ends = fixed_point(x, [NONLINEARITIES["l0"]], initial_weights(6, 8, 1), 100, warm_up=20)[0]
    assert abs(ends @ directions.T).max(1).min() > 0.99


def test_learning_from_raw_patches_is_the_same_again_and_differs_by_seed():
    patches = np.random.default_rng(0).laplace(size=(2000, 25))
    first, again, other = (learn(patches, "l0", 3, seed=seed, keep=10, iterations=5) for seed in (1, 1, 2))
    assert first.shape == (3, 25)
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", ["fixed-point", "newton", "online"])
def test_every_method_has_the_same_interface(method):
    patches = np.random.default_rng(0).laplace(size=(500, 16))
    own = (lambda u: u * abs(u), lambda u: abs(u) ** 3 / 3)
    assert learn(patches, own, 2, method=method, iterations=3, keep=8).shape == (2, 16)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"which": "relu"}, "nonlinearity 'relu' is unknown"),
        ({"n_units": 0}, "n_units is 0"),
        ({"keep": 99}, "99 components asked for"),
        ({"patches": np.full((10, 16), np.nan)}, "hold NaN"),
    ],
)
def test_bad_input_is_refused_before_learning(change, says):
    given = {"patches": np.random.default_rng(0).random((100, 16)), "which": "l0", "n_units": 2, "keep": 8} | change
    with pytest.raises(Mistake) as caught:
        learn(**given)
    assert says in str(caught.value)
