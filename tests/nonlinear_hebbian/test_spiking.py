"""The spiking kernel against Brian2 and against exact triplet sums; its rate rule on planted data; runs that go on."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import results
from repro.nonlinear_hebbian import on_off, spiking, spiking_stored
from repro.nonlinear_hebbian.measures import participation_ratio
from repro.nonlinear_hebbian.patches import whiten
from repro.nonlinear_hebbian.spiking import SpikingModel
from repro.nonlinear_hebbian.spiking_brian import present_brian
from repro.spike_triplets.rules import TripletSTDP

FAST = SpikingModel(learning_rate=1e-4, gain=400.0, patch_ms=100)
ARRAYS = ("weights", "potential", "r1", "o1", "o2", "level", "mean", "variance", "spikes")


def patches(n, pixels=8, seed=0):
    return np.random.default_rng(seed).standard_normal((n, pixels))


def warmed(model=FAST, neurons=3, pixels=8, seed=0):
    """Neurons that have seen a few patches, and the generator as they left it."""
    rng = np.random.default_rng(seed)
    state = spiking.start(2 * pixels, neurons, model, rng)
    spiking.show(state, patches(20, pixels), model, rng)
    return state, rng


def once_a_step(chance):
    """The same chance, each input at most once a step."""
    at, channels, draws = chance
    unique = np.unique(np.stack([at, channels], axis=1), axis=0)
    return unique[:, 0], unique[:, 1], draws


def test_brian2_gives_the_same_spikes_traces_and_weights():
    ours, rng = warmed()
    theirs = deepcopy(ours)
    fired = 0
    for rates in on_off.on_off(patches(4, seed=1)):
        chance = once_a_step(spiking.draw(rates, 3, FAST, rng))
        for state, present in ((ours, spiking.present), (theirs, present_brian)):
            spikes, total, square = present(state, chance, FAST)
            spiking.follow(state, spikes, total, square, FAST)
        fired += spikes.sum()
        for name in ARRAYS:
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-12), name
    assert fired > 20  # or there would be little to agree on


def test_brian2_refuses_an_input_that_spikes_twice_in_a_step():
    state, _ = warmed()
    with pytest.raises(ValueError, match="twice"):
        present_brian(state, (np.array([3, 3]), np.array([1, 1]), np.ones((100, 3))), FAST)


def test_weight_changes_are_the_exact_sums_of_the_triplet_rule():
    model = SpikingModel(learning_rate=1e-4, patch_ms=400, memory_spikes=1e15)  # a level that stays
    rng = np.random.default_rng(0)
    state = spiking.start(16, 3, model, rng)
    before, level = state.weights.copy(), state.level.copy()
    rate, depression = spiking.plasticity(state, model)
    at, channels, _ = once_a_step(spiking.draw(on_off.on_off(patches(1, seed=3))[0], 3, model, rng))
    forced = rng.random((400, 3)) < 0.05
    state.variance[:] = 1e20  # a drive of 0: no output spike but those that are put in
    spiking.present(state, (at, channels, np.where(forced, -1.0, 2.0)), model)
    for i in range(3):
        post = np.flatnonzero(forced[:, i]) + 1e-7  # after the inputs of its own step
        rule = TripletSTDP(
            0.0, rate, depression * level[i], 0.0,
            tau_y=model.tau_y, tau_plus=model.tau_plus, tau_minus=model.tau_minus,
        )  # fmt: skip
        for j in range(16):
            exact = rule.weight_change(at[channels == j].astype(float), post)
            # traces decay for 1e-7 ms too much, and weights are near 0.25
            assert state.weights[j, i] - before[j, i] == pytest.approx(exact, rel=1e-6, abs=1e-14)


def test_slow_mean_and_variance_are_those_of_the_potential():
    model = SpikingModel(memory_patches=1e9)  # all patches weigh the same
    rng = np.random.default_rng(0)
    state = spiking.start(4, 1, model, rng)
    seen = []
    for _ in range(7):
        potential = rng.standard_normal((1, model.patch_ms)) * 2 + 5
        seen.append(potential)
        spiking.follow(state, np.zeros(1), potential.sum(axis=1), np.square(potential).sum(axis=1), model)
    everything = np.concatenate(seen, axis=1)
    assert (state.mean[0], state.variance[0]) == pytest.approx((everything.mean(), everything.var()), rel=1e-9)


def test_inputs_spike_at_the_rates_asked_for():
    rng, rates = np.random.default_rng(0), np.array([0.0, 0.5, 1.0, 3.0])
    counts = sum(np.bincount(spiking.draw(rates, 1, FAST, rng)[1], minlength=4) for _ in range(400))
    expected = rates * FAST.input_rate * 40  # 400 patches of 0.1 s
    assert (abs(counts - expected) <= 5 * np.sqrt(expected)).all()


def test_weights_stay_positive_and_of_norm_one_and_neurons_on_their_own():
    state, rng = warmed()
    assert (state.weights >= 0).all()
    assert np.linalg.norm(state.weights, axis=0) == pytest.approx(1)
    one = deepcopy(state)
    for name in ("potential", "o1", "o2", "level", "mean", "variance", "spikes"):
        setattr(one, name, getattr(state, name)[1:2].copy())
    one.weights = state.weights[:, 1:2].copy()
    at, channels, draws = spiking.draw(on_off.on_off(patches(1, seed=5))[0], 3, FAST, rng)
    spiking.present(state, (at, channels, draws), FAST)
    spiking.present(one, (at, channels, draws[:, 1:2].copy()), FAST)
    assert np.array_equal(one.weights[:, 0], state.weights[:, 1])


def test_depression_balances_potentiation_where_inputs_say_nothing():
    """Input spikes at random, unrelated to what the neurons draw: potentiation alone against what is left of it."""
    rng, steps = np.random.default_rng(0), 20_000
    model = SpikingModel(learning_rate=1e-9, patch_ms=steps, memory_spikes=1e15)
    balanced = spiking.start(30, 20, model, rng)
    balanced.mean[:], balanced.variance[:] = 0, 1e20  # a drive of 0: no spike but those that are put in
    draws = np.where(rng.random((steps, 20)) < 0.02, -1.0, 2.0)  # output at 20 Hz, whatever the drive
    at = np.sort(rng.integers(steps, size=12_000))
    chance = (at, rng.integers(30, size=12_000), draws)
    balanced.level[:] = 0.02 * model.tau_y  # the mean of o2 at 20 Hz
    alone = deepcopy(balanced)
    alone.level[:] = 0
    before = balanced.weights.copy()
    for state in (balanced, alone):
        spiking.present(state, chance, model)
    left = (balanced.weights - before).mean() / (alone.weights - before).mean()
    assert abs(left) < 0.1  # 8,000 output spikes whose o2 varies by half of its mean leave a few per cent


@pytest.mark.parametrize("name", ["gain", "tau_y", "learning_rate", "patch_ms"])
def test_a_constant_that_is_not_positive_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is -1"):
        SpikingModel(**{name: -1})


# --- the rate rule ------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_on_and_off_parts_make_the_patch_and_its_field(seed):
    rows = patches(3, seed=seed)
    parts = on_off.on_off(rows)
    assert (parts >= 0).all()
    assert parts[:, :8] - parts[:, 8:] == pytest.approx(rows)
    assert on_off.fields(parts.T) == pytest.approx(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def test_white_pixels_have_nearly_one_contrast():
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((4000, 16)) * np.exp(rng.standard_normal((4000, 1)))
    white = whiten(raw, 12, remove_mean=False)
    norms = np.linalg.norm(on_off.white_pixels(white), axis=1)
    assert on_off.white_pixels(white).std() == pytest.approx(1, abs=1e-4)
    assert norms.std() / norms.mean() < 0.3 < np.std(np.linalg.norm(raw, axis=1)) / np.linalg.norm(raw, axis=1).mean()


def test_the_rate_rule_finds_the_pattern_that_is_rarely_there():
    rng = np.random.default_rng(0)
    pattern = np.zeros(20)
    pattern[3:6] = 0.5, -0.7, 0.5
    rows = rng.standard_normal((20_000, 20)) + 6 * (rng.random((20_000, 1)) < 0.03) * pattern
    learned = on_off.learn_rates((rows / rows.std(axis=0)).astype(np.float32), on_off.one_sign(40, 6, rng))
    assert (learned >= 0).all()
    assert np.linalg.norm(learned, axis=0) == pytest.approx(1, abs=1e-5)
    overlap = on_off.fields(learned) @ pattern / np.linalg.norm(pattern)
    assert np.median(overlap) > 0.9


def test_a_pass_of_the_rate_rule_is_the_covariance_of_input_and_change():
    rng = np.random.default_rng(1)
    rows, start = rng.standard_normal((500, 4)).astype(np.float32) + 0.3, on_off.one_sign(8, 3, rng)
    learned = on_off.learn_rates(rows, start, threshold=0.8, iterations=1)
    inputs = on_off.on_off(rows).astype(np.float64)
    for i in range(3):
        drive = inputs @ start[:, i]
        y = np.maximum((drive - drive.mean()) / drive.std() - 0.8, 0)
        change = y**2 - y * np.mean(y**2) / np.mean(y)
        drift = [max(np.cov(channel, change)[0, 1], 0) for channel in inputs.T]
        assert learned[:, i] == pytest.approx(drift / np.linalg.norm(drift), abs=1e-4)  # float32


# --- stored runs --------------------------------------------------------------------------------------------------


def test_a_run_that_was_cut_off_goes_on_bit_by_bit(tmp_path):
    rows = patches(60).astype(np.float32)
    whole = spiking_stored.run(rows, 2, 7, 60, FAST, tmp_path / "whole", block=10)
    half = spiking_stored.run(rows, 2, 7, 30, FAST, tmp_path / "half", block=10)
    assert half.patches == 30
    again = spiking_stored.run(rows, 2, 7, 60, FAST, tmp_path / "half", block=10)
    for name in ARRAYS:
        assert np.array_equal(getattr(whole, name), getattr(again, name)), name


@pytest.mark.parametrize("name", ["spiking", "spiking_photographs"])
def test_what_is_stored_is_what_its_fields_measure(name):
    table, origin = results.load("nonlinear_hebbian", name)
    weights, _ = results.load("nonlinear_hebbian", f"{name}_fields")
    neurons, seeds = origin["parameters"]["neurons"], origin["seeds"]
    assert len(table) == neurons * len(seeds) * origin["parameters"]["shown"] / spiking_stored.BLOCK
    last = table[table.patches == origin["parameters"]["shown"]]
    stored = weights.weight.to_numpy().reshape(neurons * len(seeds), -1)
    assert participation_ratio(stored) == pytest.approx(last.participation.to_numpy(), rel=1e-2)  # 4 decimals are kept
    assert spiking_stored.meets(stored).mean() == pytest.approx(spiking_stored.meets_measured(last).mean(), abs=0.05)
