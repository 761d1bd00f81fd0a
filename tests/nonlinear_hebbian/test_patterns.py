"""Patterns made by hand, their values against closed forms, and sweeps over them."""

import numpy as np
import pytest

from repro.nonlinear_hebbian import sweeps
from repro.nonlinear_hebbian.experiments import fit_of
from repro.nonlinear_hebbian.gabor import gabor_fit
from repro.nonlinear_hebbian.nonlinearities import FIVE, NONLINEARITIES
from repro.nonlinear_hebbian.patches import whiten
from repro.nonlinear_hebbian.patterns import Shape, four_patterns, gabors, typical_shape, value, values
from repro.nonlinear_hebbian.selectivity import gaussian_value

SIDE = 12


@pytest.fixture(scope="module")
def gaussian():
    """White Gaussian patches, for which no pattern is better than another."""
    return whiten(np.random.default_rng(0).standard_normal((40_000, SIDE**2)), 60)


@pytest.mark.parametrize("name", FIVE)
def test_on_gaussian_input_every_pattern_has_the_value_of_a_gaussian(gaussian, name):
    weights = np.random.default_rng(1).standard_normal((5, 60))
    found = value(gaussian.components, weights, name)
    spread = NONLINEARITIES[name].integral(np.random.default_rng(2).standard_normal(100_000)).std()
    assert abs(found - gaussian_value(name)).max() < 5 * spread / 200  # 5 standard errors of 40,000 patches


def test_values_are_means_of_the_integral_whatever_the_norm(gaussian):
    weights = np.random.default_rng(1).standard_normal((3, 60))
    unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    u = gaussian.components @ unit.T
    both = values(gaussian.components, 5 * weights, ["cubic", "l0"])
    assert np.allclose(both[0], (u**4).mean(0) / 4, rtol=1e-4)
    assert np.allclose(both[1], np.where(abs(u) > 3, (u**2 - 9) / 2, 0).mean(0), rtol=1e-3)


def test_the_four_patterns_are_what_they_are_called():
    oriented = gabors([Shape(1.4, 3.0, 0.22, orientation=1.1, phase=0.4, x=6, y=5)], SIDE)[0]
    random, grating, blob, last = four_patterns(oriented, fit_of(gabor_fit(oriented[None]), 0), 0)
    assert np.array_equal(last, oriented / np.linalg.norm(oriented))
    assert np.allclose([np.linalg.norm(each) for each in (random, grating, blob)], 1)
    spectrum = abs(np.fft.fft2(grating.reshape(SIDE, SIDE), (96, 96)))
    row, column = np.unravel_index(np.argmax(spectrum[:, :49]), (96, 49))
    frequency = np.hypot(np.fft.fftfreq(96)[row], column / 96)
    assert frequency == pytest.approx(0.22, abs=0.02)  # a patch of 12 pixels resolves 1/12, its peak better
    assert np.argmax(blob) == 5 * SIDE + 6
    turned = np.rot90(blob.reshape(SIDE, SIDE)[:11, 1:])  # the part that lies evenly around the centre
    assert np.allclose(turned, blob.reshape(SIDE, SIDE)[:11, 1:], atol=1e-6)
    assert blob.min() < 0


def test_the_typical_shape_is_the_median_one():
    shapes = [Shape(width, 3.0, 0.3 / width) for width in (1.2, 1.5, 2.0)]
    found = typical_shape(gabor_fit(gabors(shapes, 16)))
    assert found.width == pytest.approx(1.5, rel=1e-3)
    assert found.frequency == pytest.approx(0.2, rel=1e-3)


@pytest.fixture(scope="module")
def planted():
    """Noise in which Gabor patterns of one width, length and orientation stand at random places."""
    rng = np.random.default_rng(0)
    shapes = [
        Shape(
            1.5,
            3.0,
            0.2,
            orientation=np.pi / 2,
            phase=rng.uniform(0, 2 * np.pi),
            x=rng.uniform(0, 11),
            y=rng.uniform(0, 11),
        )
        for _ in range(20_000)
    ]
    strength = rng.laplace(size=(20_000, 1)) * 6
    patches = rng.standard_normal((20_000, SIDE**2)) + strength * gabors(shapes, SIDE)
    white = whiten(patches, 100)
    return sweeps.Probe(white.components, white, ("l0",))


def test_the_best_orientation_is_the_one_that_was_planted(planted):
    curve = sweeps.over_orientation(planted, Shape(1.5, 3.0, 0.2), 8)
    assert curve.shape == (1, 8)
    assert np.argmax(curve) == 4
    assert sweeps.cardinal_advantage(curve) > 0


def test_the_best_width_is_near_the_one_that_was_planted(planted):
    grid = sweeps.over_width_and_length(planted, Shape(1.5, 3.0, 0.2), (0.7, 1.5, 3.2), (1.0, 3.0, 9.0), 2)
    assert grid.shape == (1, 3, 3)
    assert np.unravel_index(np.argmax(grid[0]), (3, 3))[0] == 1


def test_the_value_hardly_depends_on_place_where_patterns_are_everywhere(planted):
    grid = sweeps.over_place(planted, Shape(1.5, 3.0, 0.2), (4.0, 5.5, 7.0), 2)[0]
    assert grid.std() / grid.mean() < 0.1


def test_a_larger_negative_value_is_an_advantage_too():
    curve = np.array([[-0.2, -0.4, -0.2, -0.4], [0.4, 0.2, 0.4, 0.2]])
    assert sweeps.cardinal_advantage(curve) == pytest.approx((0.5 + 1.0) / 2)
