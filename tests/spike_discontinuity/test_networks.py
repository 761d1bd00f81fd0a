"""Wide and deep networks, perturbation, steps and the toy, each against something that can be worked out."""

import numpy as np
import pytest

from repro.errors import Mistake
from repro.spike_discontinuity import Neurons, Readout, brian, causal_effect, simulate, sweep, width
from repro.spike_discontinuity.depth import deep_causal_effect, feed_forward, simulate_deep
from repro.spike_discontinuity.depth_kernels import UPPER_HELD, UPPER_S, UPPER_V, respond
from repro.spike_discontinuity.network import seeds_of
from repro.spike_discontinuity.perturbation import node_perturbation
from repro.spike_discontinuity.step import output_steps, outputs_near, steps_over_filters
from repro.spike_discontinuity.torch_network import simulate_tensors
from repro.spike_discontinuity.toy import EFFECT, toy_bias, toy_difference
from repro.spike_discontinuity.traces import pair_traces
from repro.spike_discontinuity.width import (
    angles,
    readouts,
    simulate_wide,
    slopes_on_size,
    squared_errors,
    wide_causal_effect,
    wide_estimates,
)
from repro.spike_discontinuity.window_sweep import sweep_correlations


def test_brian_gives_the_same_record():
    record = simulate(np.array([[14.0, 9.0]]), 0.6, 1.5, 3, Neurons(window_ms=25), idle_seconds=0.0)
    z, spiked, outputs = brian.run_pair(record, 3)
    assert (spiked == record.h[0]).all()
    assert spiked.any()
    assert z == pytest.approx(record.z[0], abs=1e-12)  # the same operations but for their order
    assert outputs == pytest.approx(record.s[0], abs=1e-12)


@pytest.mark.parametrize("own_leak", [False, True])
def test_tensors_give_the_same_record_from_the_same_noise(own_leak):
    neurons = Neurons(window_ms=25, own_leak=own_leak)
    record = simulate(np.array([[14.0, 9.0], [20.0, 6.0]]), 0.6, 1.0, 3, neurons, idle_seconds=0.0)
    noise = np.stack([brian.noise_of(0.6, neurons.sigma, 1000, int(s)) for s in seeds_of(3, 2)], axis=1)
    tensors = simulate_tensors(record.weights, 0.6, 1.0, 0, neurons, noise=noise)
    assert (tensors.first == record.first).all()
    assert tensors.z == pytest.approx(record.z, abs=1e-12)  # the same operations but for their order
    assert tensors.cost == pytest.approx(record.cost, rel=1e-9)


def test_tensors_draw_noise_that_is_shared_as_told():
    quiet = Neurons(window_ms=1, threshold=1e9, reset=-1e9)
    z = simulate_tensors(np.full((1, 2), 10.0), 0.6, 4.0, 0, quiet).z[0]
    assert np.corrcoef(np.diff(z, axis=0).T)[0, 1] == pytest.approx(0.6, abs=5 / np.sqrt(4000))


def test_the_wide_truth_is_that_of_the_general_form():
    readout = readouts(4, 2, 0)
    record = simulate_wide(readout, 0.3, 50.0, 1)
    general, special = causal_effect(record, 0), wide_causal_effect(record, readout, 0)
    # both draw spike times anew: their spread over 2500 windows
    spread = abs(readout) * 0.0247 / np.sqrt(2500)
    assert (abs(general - special) < 5 * spread).all()


def test_far_from_its_target_a_readout_is_linear():
    readout = readouts(5, 1, 0)
    record = simulate_wide(readout, 0.5, 20.0, 0)
    below = wide_causal_effect(record, readout, 0)
    far = Readout(readout[:, None, :], target=1e3)
    effect = causal_effect(record.with_cost(far), 0)
    times = record.first[(record.z > 0) & (record.z < 0.1)]
    decay = record.neurons.decay
    step = ((1 - decay) * decay ** (19.0 - times)).mean()
    assert effect == pytest.approx(-readout * step, rel=0.05)  # 1000 draws of spike times
    assert below.shape == (1, 5)


def test_angles_errors_and_slopes():
    a, b = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 2.0], [3.0, 3.0]])
    assert angles(a, b) == pytest.approx([90.0, 0.0], abs=1e-5)
    assert squared_errors(a, b) == pytest.approx([2.5, 4.0])
    sizes = np.array([10.0, 46.0, 215.0])
    assert slopes_on_size(sizes, np.stack([sizes, sizes**2], axis=1)) == pytest.approx([1.0, 2.0])


def test_forced_spikes_do_not_disturb_the_network():
    feeds = feed_forward(0, 2)
    free, nothing = simulate_deep(feeds, 0.3, 2.0, 1)
    forced, effects = simulate_deep(feeds, 0.3, 2.0, 1, np.full(free.z.shape, 4, np.int32))
    assert np.isnan(nothing).all()
    assert np.isfinite(effects).all()
    assert (free.cost == forced.cost).all()
    assert (free.z == forced.z).all()


def test_a_spike_that_feeds_nobody_has_no_effect():
    feeds = feed_forward(0, 1)
    feeds[0, :, 3] = 0.0
    truth = deep_causal_effect(feeds, 0.3, 20.0, 1)[0]
    assert truth[3] == 0
    assert (np.delete(truth, 3) != 0).all()


def test_the_second_layer_leaks_fires_and_rests():
    constants = Neurons(window_ms=10).constants()
    upper, drive = np.zeros((1, 3)), np.full((10, 1), 300.0)
    respond(upper, drive, np.zeros(10), np.zeros(1), np.zeros((10, 1)), 3, constants)
    # 0.3 a step: above 1 at the fourth step, then held that step and the next two, and at 0.3 · 4 again at the tenth
    decay = Neurons().decay
    assert upper[0, UPPER_S] == pytest.approx((1 - decay) * (decay**6 + 1))
    assert upper[0, UPPER_V] == 0
    assert upper[0, UPPER_HELD] == 2


def test_perturbation_finds_the_direction_in_the_end():
    readout = np.repeat(readouts(5, 1, 2), 8, axis=0)
    found = node_perturbation(readout, 0.01, 400.0, 0)[1].mean(0)
    truth = wide_causal_effect(simulate_wide(readout[:1], 0.01, 200.0, 9), readout[:1], 9)[0]
    # eight runs together; a random direction of five is within 45 degrees once in 16
    assert angles(found, truth) < 45


def test_the_step_of_the_output_is_the_jump_of_a_linear_cost():
    record = simulate(np.full((2, 2), 12.0), 0.5, 100.0, 0)
    for i in range(2):
        linear = record.with_cost(lambda outputs, i=i: 7 * outputs[..., i])
        assert 7 * output_steps(record, 0.2)[:, i] == pytest.approx(sweep(linear, 0.2)[0][:, i], rel=1e-9)
    low, high = outputs_near(record)
    assert len(low)
    assert high.mean() > low.mean()


def test_a_long_filter_takes_the_whole_spike():
    observed, predicted, timed = steps_over_filters((20,), (100.0,), 10.0, 0.0, 200.0, 0)
    assert predicted[0, 0] == pytest.approx(1e-5, rel=1e-3)  # 1 ms over 100 s
    assert timed[0, 0] == pytest.approx(1e-5, rel=1e-3)
    assert observed.shape == (1, 1)


def test_traces_spike_where_they_cross_and_are_reset():
    shown = pair_traces((14.0, 9.0), 0.5, 3000, 0)
    assert shown.spikes.any()
    assert (shown.potential[shown.spikes] > 1).all()
    after = shown.potential[1:][shown.spikes[:-1]]
    assert (abs(after) < 1).all()
    assert (shown.drive >= shown.potential - 1e-12).all()  # not reset, so never below


def test_the_toy_is_biased_by_as_much_as_can_be_computed():
    error = 5 * np.sqrt(2 * (1 + 1) / 5000 / 20)
    assert toy_difference("independent", 10_000, 0, 20).mean() == pytest.approx(EFFECT, abs=error)
    assert toy_difference("randomised", 10_000, 1, 20).mean() == pytest.approx(EFFECT, abs=error)
    assert toy_difference("driven", 10_000, 2, 20).mean() == pytest.approx(EFFECT + toy_bias(), abs=error)
    with pytest.raises(Mistake, match="world is 'flat'"):
        toy_difference("flat", 10, 0, 1)


def test_a_sweep_gives_every_estimate_and_the_truth():
    swept = sweep_correlations((0.1, 0.9), (0.1, 0.3), 4, 20.0, 0)
    assert swept.half_widths == (0.1, 0.3, 1.0)
    assert swept.estimates("linear").shape == (2, 3, 4)
    assert (swept.at("constant", 1.0) == swept.observed()).all()
    assert swept.at("asymmetric", 0.1, groups=2).shape == (2, 2)
    assert swept.truth().shape == (2,)
    with pytest.raises(Mistake, match="correlation is 2"):
        sweep_correlations((2.0,), (0.1,), 1, 20.0, 0)


def test_wide_estimates_do_not_hang_on_how_many_runs_fit_side_by_side(monkeypatch):
    angle, error = wide_estimates(6, (0.1, 0.9), 3, 20.0, 0, 0.3)
    assert angle.shape == error.shape == (2, 2, 3)
    assert np.isfinite(angle).all()
    monkeypatch.setattr(width, "LARGEST", 1)
    alone, _ = wide_estimates(6, (0.1, 0.9), 3, 20.0, 0, 0.3)
    # the first run has the same noise; its truth draws forced spike times from fewer runs
    assert alone[..., 0] == pytest.approx(angle[..., 0], abs=5)
    assert angle[0].mean() < 90
