"""The feedback phase against a plain simulator with explicit histories, its estimates against numpy's least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import Mistake
from repro.spike_discontinuity import feedback_estimates as estimates
from repro.spike_discontinuity.feedback_phase import PhaseModel, Statistics, no_descent, run_phase

UPPER, LOWER = 5, 20


def random_weight(seed, upper=UPPER, lower=LOWER):
    return np.random.default_rng(seed).uniform(-1, 1, (upper, lower)) / np.sqrt(lower)


def splitmix(seed):
    """Numbers from 0 to 1 of splitmix64 (Steele, Lea & Flood 2014), in Python's own integers."""
    state, mask = int(seed), 2**64 - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield ((z ^ (z >> 31)) >> 11) / 2**53


def kappa(model):
    """The kernel as written in the authors' code: a sum over the last 30 steps."""
    k = np.arange(1, model.memory_ms + 1)
    slow, fast = model.tau_slow_ms, model.tau_fast_ms
    return (np.exp(-k / slow) - np.exp(-k / fast)) / (slow - fast)


def plain_simulator(weight, steps, discard, seed, model):
    """All windows (unit, spiked, z, y) of one replica, with whole histories instead of traces and running sums."""
    upper, lower = weight.shape
    scaled = model.factor * lower * weight / weight.std()
    draw, weights_back = splitmix(seed), kappa(model)[::-1]
    padding = np.zeros((model.memory_ms, 1))
    came, low, high, q = (
        [padding * np.zeros(lower)],
        [padding * np.zeros(lower)],
        [padding * np.zeros(upper)],
        [np.zeros((1, upper))],
    )
    v, held, v2, held2 = np.zeros(lower), np.zeros(lower, int), np.zeros(upper), np.zeros(upper, int)
    u, opened, order, active = np.zeros(lower), np.full(lower, -1), np.arange(lower), round(model.active * lower)
    drives, hit, windows = [[] for _ in range(lower)], np.zeros(lower, bool), []

    def felt(history):
        return weights_back @ np.concatenate(history)[-model.memory_ms :]

    def soma(v, held, basal):
        v = np.where(held > 0, model.reset, v + 1e-3 * (model.coupling * (basal - v) - model.leak * v))
        spikes = (held == 0) & (v > model.threshold)
        return v, spikes, np.where(spikes, model.refractory_ms - 1, np.maximum(held - 1, 0))

    for t in range(steps):
        if t % model.redraw_ms == 0:
            for k in range(active):
                other = k + int(next(draw) * (lower - k))
                order[[k, other]] = order[[other, k]]
        basal, basal2 = model.drive_gain * felt(came), scaled @ felt(low)
        q.append(felt(high)[None])
        v, spikes, held = soma(v, held, basal)
        v2, spikes2, held2 = soma(v2, held2, basal2)
        u = np.where(opened >= 0, u + 1e-3 * (model.coupling * (basal - u) - model.leak * u), v)
        for i in range(lower):
            if opened[i] < 0 and t >= discard and abs(u[i] - model.threshold) <= model.half_width:
                opened[i], drives[i], hit[i] = t, [], False
            if opened[i] >= 0 and t < opened[i] + model.window_ms:
                drives[i].append(u[i])
                hit[i] |= spikes[i]
        v, v2 = np.where(spikes, model.reset, v), np.where(spikes2, model.reset, v2)
        for i in np.nonzero((opened >= 0) & (t == opened + model.window_ms))[0]:
            inside = np.concatenate(q[-model.window_ms :]).mean(0)
            windows.append((int(i), int(hit[i]), max(drives[i]), inside - q[-model.window_ms - 1][0]))
            opened[i], u[i] = -1, v[i]
        arrived = np.zeros(lower)
        for k in range(active):
            arrived[order[k]] = next(draw) < model.drive_hz * 1e-3
        for history, new in ((came, arrived), (low, spikes), (high, spikes2)):
            history.append(np.asarray(new, float)[None])
    return windows


def descend(windows, rate):
    """The descent as coded, window by window."""
    coefficients = np.zeros((LOWER, 2, 2, UPPER))
    for unit, side, z, y in windows:
        miss = coefficients[unit, side, 0] * z + coefficients[unit, side, 1] - y
        coefficients[unit, side] -= rate * np.stack([miss * z, miss])
    return coefficients


@pytest.fixture(scope="module")
def both():
    weight, model, seed = random_weight(0), PhaseModel(rate=0.05), 3
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    windows = plain_simulator(weight, 4100, 100, start, model)
    return windows, run_phase(weight, 4.0, seed, model, descent=no_descent(weight)), model


def test_windows_are_those_of_a_simulator_with_whole_histories(both):
    windows, phase, _ = both
    assert len(windows) > 100
    found = phase.statistics[-1]
    for unit in range(LOWER):
        for side in (0, 1):
            own = [(z, y) for u, s, z, y in windows if (u, s) == (unit, side)]
            assert found.windows[unit, side] == len(own)
            # rounding of traces against sums over histories
            np.testing.assert_allclose(found.of_drive[unit, side, 0], sum(z for z, _ in own), rtol=1e-9, atol=1e-12)
            for power in (0, 1):
                expected = sum((z**power * y for z, y in own), np.zeros(UPPER))
                np.testing.assert_allclose(found.of_effect[unit, side, power], expected, rtol=1e-8, atol=1e-10)


def test_the_descent_goes_through_the_same_windows(both):
    windows, phase, model = both
    np.testing.assert_allclose(phase.descent[-1], descend(windows, model.rate), rtol=1e-8, atol=1e-11)


def test_closed_form_is_numpys_least_squares(both):
    windows, phase, _ = both
    found = estimates.linear(phase.statistics[-1], least=3)
    expected = np.full((UPPER, LOWER), np.nan)
    for unit in range(LOWER):
        ends = []
        for side in (0, 1):
            z = np.array([z for u, s, z, _ in windows if (u, s) == (unit, side)])
            y = np.array([y for u, s, _, y in windows if (u, s) == (unit, side)])
            if len(z) >= 3:
                fit = np.linalg.lstsq(np.stack([z, np.ones_like(z)], 1), y, rcond=None)[0]
                ends.append(fit[0] + fit[1])
        if len(ends) == 2:
            expected[:, unit] = ends[1] - ends[0]
    assert np.isfinite(expected).sum() > UPPER * 5  # units that had three windows on both sides
    # z hardly varies below threshold, so its variance from sums loses digits
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_constant_form_is_the_difference_of_means(both):
    windows, phase, _ = both
    found = estimates.constant(phase.statistics[-1])
    for unit in range(LOWER):
        y = [[y for u, s, _, y in windows if (u, s) == (unit, side)] for side in (0, 1)]
        if all(y):
            np.testing.assert_allclose(found[:, unit], np.mean(y[1], 0) - np.mean(y[0], 0), rtol=1e-8, atol=1e-10)
        else:
            assert np.isnan(found[:, unit]).all()


def windows_on_lines(rng, jump, count):
    """Statistics and pairs of windows whose effect lies exactly on a line on each side, ``jump`` apart at threshold."""
    sums = Statistics(np.zeros((1, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2, 2, 1)))
    pairs = []
    for side, (low, high, slope) in enumerate(((0.9, 1.0, 0.7), (1.0, 1.8, -0.4))):
        z = rng.uniform(low, high, count)
        y = 0.3 + side * jump + slope * (z - 1)
        sums.windows[0, side] = count
        sums.of_drive[0, side] = z.sum(), (z**2).sum()
        sums.of_effect[0, side, :, 0] = y.sum(), (z * y).sum()
        pairs += [(side, *each) for each in zip(z, y, strict=True)]
    return sums, pairs


@given(st.floats(-2, 2), st.integers(10, 60), st.integers(0, 2**32 - 1))
def test_the_linear_form_finds_a_known_jump_and_the_constant_one_adds_the_slopes(jump, count, seed):
    rng = np.random.default_rng(seed)
    sums, pairs = windows_on_lines(rng, jump, count)
    assert estimates.linear(sums)[0, 0] == pytest.approx(jump, abs=1e-6)  # digits lost in the variance of z
    slopes = sum(
        (1 if side else -1) * np.mean([slope * (z - 1) for s, z, _ in pairs if s == side])
        for side, slope in ((0, 0.7), (1, -0.4))
    )
    assert estimates.constant(sums)[0, 0] == pytest.approx(jump + slopes, abs=1e-9)


def test_a_slow_descent_is_a_difference_of_sums():
    weight, slow = random_weight(7), PhaseModel(rate=1e-6)
    phase = run_phase(weight, 5.0, 0, slow, descent=no_descent(weight))
    found = estimates.from_descent(phase.descent[-1]) / slow.rate
    # of second order in the rate: 1e-6 times some hundred windows times z² + 1
    np.testing.assert_allclose(found, estimates.sums(phase.statistics[-1]), rtol=2e-3, atol=1e-3)


def test_statistics_add_up_over_replicas_in_any_number_of_threads():
    weight = random_weight(1)
    together = run_phase(weight, 1.0, 5, replicas=4)
    threaded = run_phase(weight, 1.0, 5, replicas=4, threads=3)
    np.testing.assert_array_equal(together.statistics[0].of_effect, threaded.statistics[0].of_effect)
    first, rest = run_phase(weight, 1.0, 6).statistics[0], together.statistics[0]
    added = first + rest
    np.testing.assert_allclose(added.windows, first.windows + rest.windows)


def test_the_descent_of_two_phases_is_that_of_the_first_gone_on_with():
    weight, model = random_weight(2), PhaseModel(rate=0.01)
    first = run_phase(weight, 1.0, 1, model, descent=no_descent(weight)).descent[-1]
    kept = first.copy()
    second = run_phase(weight, 1.0, 2, model, descent=first).descent[-1]
    np.testing.assert_array_equal(first, kept)  # what is given is not changed
    assert np.abs(second - first).max() > 0


def test_marks_keep_what_a_shorter_phase_ends_with():
    weight = random_weight(3)
    long, short = run_phase(weight, 2.0, 4, marks=(1.0,)), run_phase(weight, 1.0, 4)
    np.testing.assert_array_equal(long.statistics[0].of_effect, short.statistics[0].of_effect)
    np.testing.assert_array_equal(long.seconds, [1.0, 2.0])


def test_estimates_point_to_the_weight():
    weight = random_weight(4, 10, 50)
    statistics = run_phase(weight, 20.0, 0).statistics[-1]
    assert estimates.correlation(estimates.constant(statistics), weight) > 0.4  # chance: 0 ± 0.05


def test_an_upper_layer_without_input_gives_no_estimate_and_says_so():
    weight = random_weight(5)
    silent = run_phase(weight, 2.0, 0, PhaseModel(factor=0.0))
    assert silent.upper_hz == 0
    estimate, feedback = estimates.constant(silent.statistics[-1]), np.ones_like(weight)
    assert not estimates.usable(estimate).any()
    np.testing.assert_array_equal(estimates.transfer(feedback, estimate, 2.0), feedback)


def test_empty_sides_are_missing_with_the_reason():
    weight = random_weight(6)
    statistics = run_phase(weight, 0.2, 0).statistics[-1]
    reasons = estimates.why_missing(statistics, least=1)
    empty = (statistics.windows == 0).any(1)
    assert empty.any()
    assert np.isnan(estimates.constant(statistics)[:, empty]).all()
    assert "windows with a spike, 1 needed" in " ".join(reasons)


def test_transfer_imposes_the_scale_and_keeps_the_pattern():
    rng = np.random.default_rng(0)
    feedback, estimate = rng.standard_normal((2, 4, 6))
    estimate[0, 0], estimate[1, 1] = np.nan, 0.0
    changed = estimates.transfer(feedback, estimate, 3.0)
    there = estimates.usable(estimate)
    assert changed[there].std() == pytest.approx(3.0)
    assert np.ptp(changed[there] / estimate[there]) == pytest.approx(0, abs=1e-12)
    np.testing.assert_array_equal(changed[~there], feedback[~there])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"half_width": 0.0}, "half-width"),
        ({"window_ms": 0}, "window"),
        ({"active": 1.5}, "active"),
        ({"factor": -1.0}, "factor"),
    ],
)
def test_bad_models_are_refused(change, says):
    with pytest.raises(Mistake, match=says):
        PhaseModel(**change)


@pytest.mark.parametrize("bad", [{"seconds": 0.0}, {"seconds": -1.0}, {"replicas": 0}, {"marks": (9.0,)}])
def test_bad_phases_are_refused(bad):
    with pytest.raises(Mistake, match="allowed"):
        run_phase(random_weight(0), **({"seconds": 1.0, "seed": 0} | bad))
    with pytest.raises(Mistake, match="one sequence"):
        run_phase(random_weight(0), 1.0, 0, replicas=2, descent=no_descent(random_weight(0)))
    with pytest.raises(Mistake, match="spread"):
        run_phase(np.ones((2, 3)), 1.0, 0)
