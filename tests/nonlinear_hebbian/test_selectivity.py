"""The selectivity index against closed forms and scipy's adaptive quadrature."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from repro.nonlinear_hebbian.nonlinearities import NONLINEARITIES, l0, linear_rectifier, logistic, power
from repro.nonlinear_hebbian.selectivity import FAMILIES, gaussian_value, negated, selectivity_index

LAPLACE, GAUSS = stats.laplace(scale=1 / np.sqrt(2)), stats.norm()


def moment(each, density, power):
    edges = [-40.0, *sorted({0.0, *each.breakpoints}), 40.0]

    def integrand(u):
        return float(each.integral(np.array([u]))[0]) ** power * density(u)

    return sum(integrate.quad(integrand, a, b, limit=200)[0] for a, b in pairwise(edges))


def by_scipy(each):
    means = [moment(each, density, 1) for density in (LAPLACE.pdf, GAUSS.pdf)]
    squares = [moment(each, density, 2) for density in (LAPLACE.pdf, GAUSS.pdf)]
    spreads = [np.sqrt(square - mean**2) for square, mean in zip(squares, means, strict=True)]
    return (means[0] - means[1]) / (spreads[0] * spreads[1])


@pytest.mark.parametrize("each", [*NONLINEARITIES.values(), logistic(0.8), power(1.7)], ids=lambda each: each.name)
def test_the_index_is_that_of_scipys_quadrature(each):
    assert selectivity_index(each) == pytest.approx(by_scipy(each), rel=1e-6, abs=1e-8)


def test_the_index_of_a_cubic_is_that_of_its_moments():
    # F = u⁴/4; fourth and eighth moments: Laplacian 6 and 8!/16 = 2520, Gaussian 3 and 105
    expected = (6 - 3) / 4 / (np.sqrt(2520 - 36) / 4 * np.sqrt(105 - 9) / 4)
    assert selectivity_index("cubic") == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.5])
def test_values_of_a_rectifier_are_those_of_the_closed_form(threshold):
    tail, density = stats.norm.sf(threshold), stats.norm.pdf(threshold)
    expected = ((1 + threshold**2) * tail - threshold * density) / 2
    assert gaussian_value(linear_rectifier(threshold)) == pytest.approx(expected, rel=1e-10)


def test_what_cannot_tell_has_an_index_of_zero():
    assert abs(selectivity_index("linear")) < 1e-12
    assert abs(selectivity_index(linear_rectifier(0.0))) < 1e-12


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_index_changes_sign_with_f(name):
    assert selectivity_index(negated(name)) == -selectivity_index(name)


def test_a_threshold_prefers_long_tails():
    for threshold in (0.1, 1.0, 3.0):
        assert selectivity_index(linear_rectifier(threshold)) > 0
        assert selectivity_index(l0(threshold)) > 0


def test_the_families_are_what_they_are_called():
    u = np.array([-1.0, 0.5, 2.0])
    assert FAMILIES["depression"](0.5).f(u).tolist() == [0.0, 0.0, 3.0]
    assert FAMILIES["threshold"](0.5).f(u).tolist() == [0.0, 0.0, 1.5]
    assert FAMILIES["centre"](0.5).f(u)[1] == pytest.approx(0.5)
    assert FAMILIES["exponent"](2.0).f(u).tolist() == [-1.0, 0.25, 4.0]
