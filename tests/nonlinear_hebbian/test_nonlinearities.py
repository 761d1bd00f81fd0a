"""Nonlinearities against finite differences, their definitions, and quadrature of scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from repro.errors import Mistake
from repro.nonlinear_hebbian.nonlinearities import (
    FIVE,
    NONLINEARITIES,
    Nonlinearity,
    cauchy,
    logistic,
    nonlinearity,
    power,
    quadratic_rectifier,
)

U = np.linspace(-7, 7, 2801) + 1e-4  # off the breakpoints
ALL = [*NONLINEARITIES.values(), logistic(0.7), power(0.6), quadratic_rectifier(0.0, 1.3)]


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_f_is_the_slope_of_its_integral(each):
    step = 1e-5
    slope = (each.integral(U + step) - each.integral(U - step)) / (2 * step)
    near = np.min([abs(U - at) for at in (*each.breakpoints, 1e9)], axis=0) < 0.01
    # central differences of a smooth F err by step² and by rounding of F over the step, 1e-16 · 600 / 1e-5
    assert abs(slope - each.f(U))[~near].max() < 1e-6


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_the_shift_makes_the_slope_of_f_nowhere_negative(each):
    slopes = np.diff(each.f(U)) / np.diff(U)
    assert slopes.min() + each.curvature_shift > -1e-9


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_numpy_and_torch_give_the_same(each):
    assert np.allclose(each.f(torch.from_numpy(U)).numpy(), each.f(U), rtol=1e-12, atol=1e-12)
    assert np.allclose(each.integral(torch.from_numpy(U)).numpy(), each.integral(U), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", FIVE)
def test_single_precision_is_enough(name):
    each = NONLINEARITIES[name]
    # float32 carries 7 digits; the quadratic rectifier reaches 30 at the ends
    assert abs(each.f(U.astype(np.float32)) - each.f(U)).max() < 2e-5


@given(st.floats(1.1, 3.9), st.floats(-30, 30))
def test_the_cauchy_response_inverts_its_transfer_function(weight, u):
    root = optimize.brentq(lambda y: y + 2 * weight * y / (1 + y * y) - u, -40, 40, xtol=1e-13)
    assert float(cauchy(weight).f(np.array([u]))[0]) == pytest.approx(root, abs=1e-8)


def test_the_quadratic_rectifier_depresses_between_its_thresholds_and_is_silent_below():
    f = quadratic_rectifier(1.0, 2.0).f
    assert f(np.array([-3.0, 0.5, 1.0])).tolist() == [0.0, 0.0, 0.0]
    assert f(np.array([1.5, 2.0, 3.0])).tolist() == [-0.25, 0.0, 2.0]


def test_sigmoid_and_negative_sigmoid_are_each_others_negative():
    u = np.linspace(-3, 3, 13)
    assert np.array_equal(NONLINEARITIES["sigmoid"].f(u), -NONLINEARITIES["negative_sigmoid"].f(u))


def test_log_cosh_does_not_overflow():
    assert NONLINEARITIES["sigmoid"].integral(np.array([1e4])) == pytest.approx(1e4 - np.log(2))


def test_a_pair_of_callables_gets_the_shift_its_slopes_ask_for():
    own = nonlinearity((lambda u: -np.sin(2 * u), lambda u: np.cos(2 * u) / 2))
    assert own.curvature_shift == pytest.approx(2.0, abs=1e-4)  # the steepest fall of sin 2u, on a grid of 0.0025


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("tanh", "nonlinearity 'tanh' is unknown; there are quadratic_rectifier"),
        ((lambda u: u**3, lambda u: u**4), "the integral does not match f"),
        (Nonlinearity("mine", "", lambda u: u, lambda u: u), "'mine': the integral does not match"),
        ((lambda u: u, lambda u: u * np.nan), "the integral does not match"),
    ],
)
def test_what_cannot_be_learned_with_is_refused_in_one_line(wrong, says):
    with pytest.raises(Mistake, match="nonlinearity") as caught:
        nonlinearity(wrong)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weight", [0.5, 4.0, 7.0])
def test_a_cauchy_prior_without_an_inverse_is_refused(weight):
    with pytest.raises(Mistake, match="must lie between 1 and 4"):
        cauchy(weight)
