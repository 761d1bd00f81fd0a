"""The scalar flows: closed forms against integration, fixed points against finite differences."""

import numpy as np
import pytest

from repro.weight_alignment import RULES, Rule
from repro.weight_alignment.flows import (
    ScalarFlow,
    closed_form,
    feedback_response,
    fixed_points,
    scalar_flow,
    simulate,
    sum_times_difference,
    velocity,
)

TIMES = np.linspace(0, 5, 21)
CLOSE = {"rtol": 1e-8, "atol": 1e-10}  # the integrator keeps 1e-10 a step


@pytest.mark.parametrize(
    ("flow", "start"),
    [
        *((ScalarFlow(1.0, decay), (1.0, -0.4)) for decay in (0.0, 0.5, 1.0, 1.5)),
        *(
            (ScalarFlow(1.0, decay, 0.125), (c, s * c))
            for decay in (0.5, 1.0, 1.5)
            for c in (0.3, -4.0)
            for s in (1, -1)
        ),
    ],
)
def test_closed_forms_are_what_integration_finds(flow, start):
    np.testing.assert_allclose(closed_form(flow, start, TIMES), simulate(flow, start, TIMES), **CLOSE)


def test_velocity_descends_the_potential():
    def potential(w, b):
        return -1.3 * w * b + 0.7 / 2 * (w**2 + b**2) + 0.4 / 2 * (w * b) ** 2

    w, b = np.random.default_rng(0).normal(size=(2, 50))
    step = 1e-5  # central differences: error of the order of step², 1e-10
    found = velocity(ScalarFlow(1.3, 0.7, 0.4), w, b)
    np.testing.assert_allclose(found[0], -(potential(w + step, b) - potential(w - step, b)) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(found[1], -(potential(w, b + step) - potential(w, b - step)) / (2 * step), atol=1e-8)


@pytest.mark.parametrize(("decay", "w"), [(0.5, 3.655135), (1.0, 0.300032), (1.5, 0.024628)])
def test_mirroring_explodes_rests_or_vanishes_by_the_sign_of_growth_minus_decay(decay, w):
    assert closed_form(ScalarFlow(1.0, decay), (1.0, -0.4), TIMES)[-1, 0] == pytest.approx(w, abs=5e-7)


@pytest.mark.parametrize(("null", "c"), [(0.125, 2.0), (0.5, 1.0)])
def test_information_alignment_ends_aligned_at_a_finite_size(null, c):
    end = simulate(ScalarFlow(1.0, 0.5, null), (1.0, -0.4), np.array([0.0, 60.0]))[-1]
    np.testing.assert_allclose(end, [c, c], rtol=1e-6)


def test_the_product_of_sum_and_difference_decays_at_twice_the_decay():
    flow, start = ScalarFlow(1.2, 0.3, 0.5), (1.0, -0.4)
    w, b = simulate(flow, start, TIMES).T
    np.testing.assert_allclose(w**2 - b**2, sum_times_difference(flow, start, TIMES), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("flow", [ScalarFlow(1.0, 0.5, 0.125), ScalarFlow(1.0, 1.5, 0.5), ScalarFlow(1.0, 0.5)])
def test_fixed_points_rest_and_have_the_eigenvalues_of_their_jacobian(flow):
    points = fixed_points(flow)
    assert [point.attracts for point in points] == (
        [False, True, True] if len(points) == 3 else [flow.decay > flow.growth]
    )
    step = 1e-6
    for point in points:
        assert np.abs(velocity(flow, point.w, point.b)).max() < 1e-12
        for direction, eigenvalue in (((1, 1), point.along), ((1, -1), point.across)):
            ahead, behind = (
                np.array(velocity(flow, point.w + s * step * direction[0], point.b + s * step * direction[1]))
                for s in (1, -1)
            )
            np.testing.assert_allclose((ahead - behind) / (2 * step), eigenvalue * np.array(direction), atol=1e-8)


def test_rules_become_flows():
    assert scalar_flow(Rule(amp=2.0, decay=0.5, null=0.25, self_weight=1.0), 3.0) == ScalarFlow(7.0, 0.5, 0.75)
    for name in ("AA", "KP", "BP"):
        with pytest.raises(ValueError, match="scalar_flow"):
            scalar_flow(RULES[name])


@pytest.mark.parametrize("rule", [Rule(amp=1.0, decay=0.5), Rule(0.3, 1.0, 0.2, 0.4, 0.6), Rule(amp=1.0), Rule()])
def test_feedback_alone_relaxes_exponentially(rule):
    weight, variance, initial = 1.5, 2.0, -0.4
    found = feedback_response(rule, weight, initial, TIMES, variance)
    slope = (rule.amp * variance + rule.self_weight) * weight - found * (
        rule.decay + variance * (rule.null * weight**2 + rule.sparse)
    )
    fine = feedback_response(rule, weight, initial, np.stack([TIMES, TIMES + 1e-6]).T.ravel(), variance).reshape(-1, 2)
    np.testing.assert_allclose(found[0], initial)
    np.testing.assert_allclose((fine[:, 1] - fine[:, 0]) / 1e-6, slope, atol=1e-4)  # first order in the step of 1e-6


def test_refusals():
    with pytest.raises(ValueError, match="ScalarFlow: decay is -1"):
        ScalarFlow(1.0, -1.0)
    with pytest.raises(ValueError, match="use simulate"):
        closed_form(ScalarFlow(1.0, 0.5, 0.5), (1.0, -0.4), TIMES)
    with pytest.raises(ValueError, match="feedback_response"):
        feedback_response(RULES["KP"], 1.0, 1.0, TIMES)
