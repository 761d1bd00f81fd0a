"""The rules against finite differences, closed forms, plain matrix products and the sums of the in-vitro room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from repro.convallis import BCM, Learning, NoLearning, PairSTDP, TripletSTDP, Valley, eligibility, shrink
from repro.convallis.feedforward import plain_sums
from repro.convallis.rule import credit, psp
from repro.errors import Mistake
from repro.spike_triplets import PairSTDP as PairInVitro
from repro.spike_triplets import TripletSTDP as TripletInVitro

DT = 0.5
RULES = [Valley(a=1.3, b=0.7), PairSTDP(), TripletSTDP(a2_plus=0.2), BCM()]


def linear_membrane(weights, raster, valley, rest=-70.0):
    """Potential of a cell with current-based PSPs, step by step, and no threshold; PSPs peak at 1 mV a unit."""
    current, v, found = 0.0, 0.0, []
    fade, leak = np.exp(-DT / valley.tau_synapse), np.exp(-DT / valley.tau_membrane)
    scale = sum(amplitude * np.exp(-DT / tau) for amplitude, tau in valley.kernel(DT))  # ε one step after a spike
    for spikes in raster:
        v = leak * v + scale / fade * current
        current *= fade
        found.append(rest + v)
        current += fade * (spikes @ weights)
    return np.array(found)


def test_the_online_rule_is_the_gradient_of_the_objective_for_a_linear_membrane():
    rng = np.random.default_rng(1)
    raster, weights = rng.random((2000, 10)) < 0.02, rng.uniform(0.5, 4.0, 10)
    valley = Valley(a=1.3, b=0.7, k_minus=2.0, k_plus=3.0)
    potential = linear_membrane(weights, raster, valley)
    assert potential.min() < valley.theta_minus < valley.theta_plus < potential.max()  # or F would be flat
    f, _, _ = valley.factors(potential[None, :, None], np.zeros((1, len(raster), 1), bool), (), DT)
    gained, _ = credit(valley, f, None, DT)
    online = raster.T.astype(float) @ gained[0, :, 0]

    def objective(changed):
        return DT * valley.objective(linear_membrane(changed, raster, valley)).sum()

    step = 1e-4  # error of the central difference about step² F'''/6, of rounding about 1e-16 F/step
    for j in range(10):
        shift = step * (np.arange(10) == j)
        slope = (objective(weights + shift) - objective(weights - shift)) / (2 * step)
        assert online[j] == pytest.approx(slope, rel=1e-6)


def test_the_objective_has_its_closed_form_where_both_detectors_are_equally_wide():
    valley = Valley(a=1.3, b=0.7, theta_minus=-61.0, theta_plus=-52.0, k_minus=2.0, k_plus=2.0)
    v = np.linspace(-80, -40, 9)
    low, high = v + 61.0, v + 52.0  # 2 (V - θ) / k

    def closed(low, high):  # partial fractions of σ-(1 - σ+) in exp(2V/k)
        ratio = 1 / -np.expm1(high - low)
        return 1.3 * np.logaddexp(0, high) - 0.7 * ratio * (np.logaddexp(0, low) - np.logaddexp(0, high))

    expected = closed(low, high) - closed(-9.0, -18.0)
    assert valley.objective(v) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.5, 6), st.floats(0.5, 6), st.floats(-75, -40))
def test_the_objective_is_the_integral_of_its_derivative(k_minus, k_plus, v):
    valley = Valley(k_minus=k_minus, k_plus=k_plus)
    integral, _ = quad(valley.derivative, -70, v, epsabs=1e-12, epsrel=1e-12)
    assert float(valley.objective(v)) == pytest.approx(integral, rel=1e-9, abs=1e-10)


def test_the_valley_is_flat_at_rest_falls_between_its_thresholds_and_rises_above():
    f = Valley().derivative(np.array([-75.0, -57.0, -50.0]))
    assert abs(f[0]) < 1e-6
    assert f[1] < 0 < f[2]


def test_the_psp_peaks_at_one_and_is_that_of_a_membrane_in_steps():
    n = np.arange(1, 400)
    shape = sum(amplitude * np.exp(-n * DT / tau) for amplitude, tau in psp(20.0, 5.0, DT))
    assert shape.max() == pytest.approx(1.0, rel=1e-12)
    impulse = np.zeros((400, 1), bool)
    impulse[0] = True
    assert linear_membrane(np.ones(1), impulse, Valley())[1:] + 70 == pytest.approx(shape, abs=1e-10)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("memory", [None, 150.0])
def test_sums_by_credit_are_the_matrix_products(rule, memory):
    rng = np.random.default_rng(2)
    raster, fired = rng.random((600, 20)) < 0.02, rng.random((1, 600, 5)) < 0.01
    seen, learning = rng.uniform(-70, -50, (1, 600, 5)), Learning(rule, memory=memory)
    f, d, _ = rule.factors(seen, fired, rule.start(1, 5, float), DT)
    f, d = learning.aged(f, DT), learning.aged(d, DT)
    gained, _ = credit(rule, f, d, DT)
    plain = plain_sums(rule, raster, f[0], np.zeros_like(f[0]) if d is None else d[0], DT)
    assert raster.T.astype(float) @ gained[0] == pytest.approx(plain, rel=1e-10, abs=1e-10)


def stdp_sum(rule, pre, post):
    """What a rule adds for spikes at these steps, by its two factors."""
    raster, fired = np.zeros((1200, 1), bool), np.zeros((1, 1200, 1), bool)
    raster[pre], fired[0, post] = True, True
    f, d, _ = rule.factors(np.zeros((1, 1200, 1)), fired, rule.start(1, 1, float), DT)
    return plain_sums(rule, raster, f[0], d[0], DT).item()


@settings(deadline=None, max_examples=50)
@given(st.sets(st.integers(0, 1000), max_size=12), st.sets(st.integers(0, 1000), max_size=12))
def test_pair_and_triplet_sums_are_those_of_the_in_vitro_rules(pre, post):
    pre, post = sorted(pre), sorted(post)
    times = DT * np.array(pre, float), DT * np.array(post, float)
    pair = stdp_sum(PairSTDP(0.7, 0.9, 17.0, 30.0), pre, post)
    assert pair == pytest.approx(PairInVitro(0.7, 0.9, 17.0, 30.0).weight_change(*times), rel=1e-9, abs=1e-12)
    ours = TripletSTDP(0.2, 0.5, 0.4, 17.0, 30.0, 110.0)
    theirs = TripletInVitro(0.2, 0.5, 0.4, 0.0, tau_y=110.0, tau_plus=17.0, tau_minus=30.0)
    assert stdp_sum(ours, pre, post) == pytest.approx(theirs.weight_change(*times), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_two_halves_with_their_traces_carried_are_one_block(rule):
    rng = np.random.default_rng(3)
    raster, fired = rng.random((600, 6)) < 0.03, rng.random((1, 600, 4)) < 0.02
    seen = rng.uniform(-70, -50, (1, 600, 4))
    start = rule.start(1, 4, float)
    whole, _ = credit(rule, *rule.factors(seen, fired, start, DT)[:2], DT)
    total, state = np.zeros((6, 4)), start
    for half in (slice(0, 300), slice(300, 600)):
        f, d, state = rule.factors(seen[:, half], fired[:, half], state, DT)
        gained, carried = credit(rule, f, d, DT)
        total += raster[half].T.astype(float) @ gained[0]
        if half.start:
            for (tau, part), (_, kernel_tau) in zip(carried, rule.kernel(DT), strict=True):
                assert tau == kernel_tau
                ages = np.exp(-np.arange(300, 0, -1) * DT / tau)
                total += np.outer(ages @ raster[:300], part[0])
    assert total == pytest.approx(raster.T.astype(float) @ whole[0], rel=1e-9, abs=1e-10)


def test_the_bcm_threshold_settles_where_the_squared_rate_does():
    rule = BCM(target=10.0, tau_threshold=500.0)
    fired = np.zeros((1, 8000, 1), bool)
    fired[:, ::100] = True  # 20 Hz
    state = rule.start(1, 1, float)
    for _ in range(3):
        _, _, state = rule.factors(np.zeros(fired.shape), fired, state, DT)
    # mean square of an exponential trace of τ over regular spikes T apart: τ/2T coth(T/2τ), times (1000 / τ target)²
    expected = 50.0 / 100.0 / np.tanh(50.0 / 100.0) * (1000 / (50.0 * 10.0)) ** 2
    assert state[1].item() == pytest.approx(expected, rel=0.1)  # the mean's window is 10 periods, ripple T/2τ_θ = 0.05


def test_an_eligibility_counts_earlier_spikes_alone():
    raster = np.zeros((5, 1), bool)
    raster[2] = True
    x = eligibility(raster, PairSTDP(tau_plus=10.0), DT)[:, 0]
    assert x == pytest.approx([0, 0, 0, np.exp(-0.05), np.exp(-0.1)], rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.floats(-10, 10), st.floats(0, 5))
def test_shrinkage_takes_lambda_from_the_size_and_keeps_the_sign(c, lambda_):
    found = shrink(np.array([c]), lambda_)[0]
    assert abs(found) == pytest.approx(max(abs(c) - lambda_, 0), abs=1e-12)
    assert found * c >= 0


def test_populations_have_their_own_amplitudes():
    seen = np.random.default_rng(0).uniform(-70, -50, (2, 30, 3))
    both, _, _ = Valley(a=[1.0, 2.0], b=[0.5, 0.1]).factors(seen, seen > 0, (), DT)
    for b, single in enumerate((Valley(1.0, 0.5), Valley(2.0, 0.1))):
        assert both[b] == pytest.approx(single.factors(seen[b : b + 1], seen[b : b + 1] > 0, (), DT)[0][0], rel=1e-12)


def test_no_learning_gives_nothing():
    assert credit(NoLearning(), None, None, DT) is None


def test_a_rule_refuses_thresholds_in_the_wrong_order():
    with pytest.raises(Mistake, match="theta_minus is -50"):
        Valley(theta_minus=-50.0)
