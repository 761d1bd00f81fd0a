"""Networks with spike-estimated feedback: errors against autograd, symmetric alignment as a limit, scales, refusals."""

import numpy as np
import pytest
import torch

from repro.errors import Mistake
from repro.spike_discontinuity import estimated_alignment, phase_experiments, spiking_feedback, stored, stored_digits
from repro.spike_discontinuity.convolutional import ConvolutionalPlan, Images, Training
from repro.spike_discontinuity.estimated_alignment import Estimated, train_with_estimates
from repro.spike_discontinuity.feedback_phase import PhaseModel
from repro.spike_discontinuity.hidden_errors import error_angles, hidden_errors
from repro.spike_discontinuity.spiking_feedback import ALIGNING, Contestant, Plan, compare
from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.network_batch import initial
from repro.weight_alignment.rules import Rule
from repro.weight_alignment.tasks import Task

SHAPE = Shape(6, (5, 4), 3)


def examples(count, seed, inputs=6, classes=3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    return Examples(rng.standard_normal((count, inputs)) + np.eye(classes, inputs)[labels] * 3, labels)


@pytest.fixture(scope="module")
def small_plan():
    task = Task("blobs", "blobs", examples(256, 0), examples(64, 1), examples(64, 2), {})
    # few units need larger weights, or the upper layer is silent
    return Plan(task, hidden=(12, 10), epochs=2, phase_seconds=10.0, model=PhaseModel(factor=2.0))


def batch(rule, count=2):
    learners = [Learner(rule, 0.1, seed=seed) for seed in range(count)]
    networks = initial(learners, SHAPE, torch.float64, torch.device("cpu"))
    data = examples(16, 5)
    x, labels = torch.as_tensor(data.inputs), torch.as_tensor(data.labels).long()
    return networks, x, labels


def by_autograd(networks, position, x, labels, normalise):
    """Errors at the outputs of the hidden layers of one network, by automatic differentiation."""
    h, kept = x, []
    for layer, weight in enumerate(networks.weights):
        y = h @ weight[position].T
        if layer == len(networks.weights) - 1:
            logits = y + networks.offsets[layer][position]
            break
        if normalise:
            y = (y - y.mean(0)) / (y.var(0, unbiased=False) + 1e-5).sqrt() * networks.scales[layer][position]
        h = (y + networks.offsets[layer][position]).relu()
        h.requires_grad_(True) if not h.requires_grad else h.retain_grad()
        kept.append(h)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    return torch.autograd.grad(loss, kept)


@pytest.mark.parametrize("normalise", [True, False])
def test_hidden_errors_sent_by_the_weights_are_gradients(normalise):
    networks, x, labels = batch(Rule())
    inputs, wanted = x.expand(2, *x.shape), labels.expand(2, -1)
    found = hidden_errors(networks, inputs, wanted, networks.weights, normalise)
    for position in range(2):
        expected = by_autograd(networks, position, x, labels, normalise)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours[position], theirs, rtol=1e-9, atol=1e-12)


def test_error_angles_are_zero_for_backpropagation_and_near_right_for_random_feedback():
    tied, x, labels = batch(Rule(tied=True))
    assert float(error_angles(tied, x, labels, normalise=True).max()) < 1e-5  # arccos near 1 loses half the digits
    loose, x, labels = batch(Rule(), count=40)
    assert 70 < float(error_angles(loose, x, labels, normalise=True).mean()) < 110  # 40 random draws of few units


def test_exact_estimates_at_every_step_are_symmetric_alignment(small_plan):
    learners = [Learner(Rule(self_weight=ALIGNING, decay=ALIGNING), 0.05, seed=s, momentum=0.9) for s in (3, 4)]
    task, schedule = small_plan.task, Schedule(small_plan.epochs, small_plan.batch)
    known = train(learners, small_plan.shape, task.train, task.test, schedule)
    who = [Estimated(0.0, 1, seed) for seed in (3, 4)]
    table, _ = train_with_estimates(who, 0.05, small_plan, exact_norm=False)
    np.testing.assert_allclose(table.accuracy, 100 * known.final, atol=1e-6)
    np.testing.assert_allclose(
        table.angle, known.angle[:, -1].mean(1), atol=0.05
    )  # single precision, two orders of sums


@pytest.mark.parametrize(("noise", "interval"), [(0.5, 1), (1.0, 5), (3.0, 40)])
def test_the_angle_of_averaged_estimates_follows_the_closed_form(noise, interval):
    weight = np.random.default_rng(0).standard_normal((40, 40))
    found = estimated_alignment.resting_tangent(weight, noise, interval, seed=1)
    # 1600 entries, 100 renewals: the noise's own length is known to 2 %, its overlap with the weight to 3 %
    assert found == pytest.approx(estimated_alignment.predicted_tangent(noise, interval), rel=0.05)


def test_noise_turns_the_feedback_away_and_seeds_give_identical_bits(small_plan):
    who = [Estimated(noise, 8, 1) for noise in (0.0, 1.0, 10.0)]
    first, _ = train_with_estimates(who, 0.05, small_plan)
    again, _ = train_with_estimates(who, 0.05, small_plan)
    np.testing.assert_array_equal(first.to_numpy(), again.to_numpy())
    assert first.angle.is_monotonic_increasing


def test_feedback_phases_write_feedback_of_the_imposed_scale_into_their_own_networks_only(small_plan):
    who = [Contestant(m, 0.05, 1, s) for m, s in (("FA", 1.0), ("as coded", 1.0), ("as coded", 2.0), ("means", 1.0))]
    accuracy, looks = compare(who, small_plan)
    assert set(accuracy.epoch) == {0, 1, 2}
    first = looks[looks.epoch == 0].set_index(["method", "scale", "layer"])
    alone, _ = compare([Contestant("FA", 0.05, 1)], small_plan)
    np.testing.assert_allclose(alone.accuracy, accuracy[accuracy.method == "FA"].accuracy, atol=1e-4)
    for layer in (2, 3):  # the scale leaves the signs of the first estimate as they are
        one, two = (first.loc[("as coded", scale, layer)] for scale in (1.0, 2.0))
        assert one.sign == two.sign != first.loc[("FA", 1.0, layer)].sign


def test_estimated_feedback_comes_closer_to_the_weights_than_random_feedback(small_plan):
    _, looks = compare([Contestant(m, 0.05, s) for m in ("FA", "as coded") for s in (1, 2, 3)], small_plan)
    angles = looks[looks.epoch == 0].groupby("method").angle.mean()
    assert angles["as coded"] < angles["FA"] - 10


def test_unknown_methods_are_refused(small_plan):
    with pytest.raises(Mistake, match="no method 'RDD'"):
        compare([Contestant("RDD", 0.05, 1)], small_plan)
    with pytest.raises(Mistake, match="noise -1"):
        Estimated(-1.0, 1, 0)
    with pytest.raises(Mistake, match="every 0 steps"):
        Estimated(0.0, 0, 0)


def test_rates_are_chosen_on_validation_images_and_the_smallest_wins_among_equals(small_plan):
    table = spiking_feedback.choose_rates(("BP", "FA"), (0.01, 0.1), (0, 1), small_plan)
    assert len(table) == 4
    for method in ("BP", "FA"):
        own = table[table.method == method]
        assert spiking_feedback.chosen_rate(table, method) == own[own.accuracy == own.accuracy.max()].rate.min()


def test_windows_taken_apart_add_up_to_the_statistics_and_closed_forms_agree():
    assert phase_experiments.least_squares_deviation(3) < 1e-9  # rounding only


def test_the_time_course_starts_at_chance_and_replicas_share_the_sequence_s_estimate():
    course, _ = phase_experiments.time_course((0, 1), (1.0, 5.0), 10, 40)
    start = course[course.seconds == 0]
    assert start.sign.between(0.4, 0.6).all()  # 400 signs: 0.5 ± 0.025
    ways = phase_experiments.sequence_and_replicas((0,), 40.0, 8, 10, 40)
    found = ways[ways.form == "means"].set_index("way").correlation
    assert found["replicas"] == pytest.approx(found["sequence"], abs=0.15)


@pytest.fixture(scope="module")
def noise_images():
    rng = np.random.default_rng(0)
    shapes = {"train": 64, "validation": 32, "test": 32}
    y = {part: torch.as_tensor(rng.integers(0, 10, count)) for part, count in shapes.items()}
    x = {
        part: torch.as_tensor(rng.standard_normal((count, 3, 32, 32)), dtype=torch.float32)
        for part, count in shapes.items()
    }
    return Images(x, y, {})


PLAN = ConvolutionalPlan(maps=(3, 4), hidden=(20, 12), phase_seconds=10.0, model=PhaseModel(factor=2.0))


def test_the_convolutional_network_repeats_itself_and_only_dense_feedback_is_estimated(noise_images):
    first, again = (Training("as coded", 0.01, 4, PLAN) for _ in range(2))
    untouched = first.model[1][0].feedback
    drawn = untouched.detach().clone()
    dense = [layer.feedback.clone() for layer in first.dense]
    for training in (first, again):
        training.run_epoch(noise_images)
    for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(untouched, drawn)
    for before, layer in zip(dense, first.dense, strict=True):
        assert not torch.equal(before, layer.feedback)
        assert float(layer.feedback.std(unbiased=False)) == pytest.approx(float(before.std(unbiased=False)), rel=0.05)


def test_methods_start_from_the_same_weights_and_send_their_own_feedback(noise_images):
    trainings = {method: Training(method, 0.01, 4, PLAN) for method in ("BP", "FA", "SA")}
    weights = [training.dense[0].weight for training in trainings.values()]
    assert all(torch.equal(weights[0], weight) for weight in weights)
    assert trainings["BP"].signs() == [1.0, 1.0, 1.0]
    for method in ("FA", "SA"):
        trainings[method].run_epoch(noise_images)
    assert np.mean(trainings["SA"].signs()) > np.mean(trainings["FA"].signs())
    with pytest.raises(Mistake, match="no method 'KP'"):
        Training("KP", 0.01, 0, PLAN)


def test_stored_runs_go_on_from_what_is_finished_and_keep_it_to_the_bit(small_plan, noise_images, tmp_path):
    who = [Contestant("BP", 0.05, 1), Contestant("as coded", 0.05, 1, 2.0)]
    first = stored_digits.measured(who, "test", small_plan, tmp_path / "digits.json")
    assert stored_digits.measured(who, "test", small_plan, tmp_path / "digits.json") == first
    assert {row["epoch"] for row in first} == {0, 1, 2}
    rows = stored.trained("FA", 0.01, 1, 1, "test", PLAN, noise_images, tmp_path / "conv.json")
    before = (tmp_path / "conv.json").read_bytes()
    assert stored.trained("FA", 0.01, 1, 1, "test", PLAN, noise_images, tmp_path / "conv.json") == rows
    assert (tmp_path / "conv.json").read_bytes() == before
