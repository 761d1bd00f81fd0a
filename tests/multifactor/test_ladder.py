"""Training: networks don't see each other, distractors say nothing, tuning is equal, and the ladder has its ends."""

import numpy as np
import pytest

from repro import data
from repro.multifactor import ladder
from repro.multifactor.task import Task
from repro.multifactor.training import Schedule, Trainee, networks_after, train

SIZES = (64, 10, 10, 10)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", validation=360)


def test_distractors_are_orthonormal_and_fresh(digits):
    _, task = ladder.tasks(digits, 2.0)
    draw = task.distractors(3)
    assert draw.directions @ draw.directions.T == pytest.approx(np.eye(10), abs=1e-12)
    random = np.random.default_rng(0)
    noise = draw.add(np.zeros((4000, 64)), random)
    assert (noise @ draw.directions.T).std() == pytest.approx(2.0, rel=0.02)
    assert noise - noise @ draw.directions.T @ draw.directions == pytest.approx(0, abs=1e-10)
    assert not np.array_equal(noise, draw.add(np.zeros((4000, 64)), random))


def test_validation_and_test_samples_are_not_trained_on(digits):
    tuning, final = ladder.tasks(digits, 0.0)
    rows = {part.tobytes() for part in tuning.inputs.astype(np.float32)}
    assert len(tuning.held_out_inputs) == len(final.held_out_inputs) == 360
    assert not np.array_equal(tuning.held_out_labels, final.held_out_labels)
    shared = sum(x.tobytes() in rows for x in final.held_out_inputs.astype(np.float32))
    assert shared == 0


def test_a_network_does_not_depend_on_those_beside_it(digits):
    task, plan = ladder.tasks(digits, 1.0)[0], Schedule(1, measured=(0, 0.5, 1))
    for rule in ("BP", "NP"):
        own = Trainee(rule, 0.1, 0.1, 5)
        alone = train([own], SIZES, task, plan, angles=True)
        beside = train([Trainee("BP", 3.0, 1.0, 1), Trainee(rule, 0.3, 0.2, 2), own], SIZES, task, plan, angles=True)
        assert beside.accuracy[2] == pytest.approx(
            alone.accuracy[0], abs=0.006
        )  # two of 360 samples may turn by rounding
        assert beside.angle[2, 0] == pytest.approx(alone.angle[0, 0], abs=20 if rule == "NP" else 1e-4)


def test_a_diverged_network_counts_as_chance(digits):
    outcome = train([Trainee("BP", 1e4, 1e4)], SIZES, ladder.tasks(digits, 1.0)[0], Schedule(1))
    assert outcome.diverged.all()
    assert outcome.final == pytest.approx(0.1)


def test_backpropagation_has_no_angle_and_beats_frozen_layers(digits):
    task = ladder.tasks(digits, 1.0)[0]
    plan = Schedule(4, measured=(0, 4))
    learned = train(
        [Trainee(rule, 0.5, 0.2, seed) for rule in ("BP", "frozen") for seed in (0, 1)], SIZES, task, plan, angles=True
    )
    assert learned.angle[:2] == pytest.approx(0, abs=1e-4)
    assert np.isnan(learned.angle[2:]).all()
    assert learned.final[:2].min() > learned.final[2:].max() + 0.2


def test_every_rule_is_tried_at_the_same_rates(digits):
    rates = ladder.candidates(5, 0)
    for name, column in zip(ladder.RANGES, np.array(rates).T, strict=True):
        low, high = ladder.RANGES[name]
        assert ((low <= column) & (column <= high)).all()
    search = ladder.tune(("BP", "frozen"), SIZES, ladder.tasks(digits, 1.0)[0], Schedule(1), rates, (0,))
    assert [tuple(pair) for pair in search[search.rule == "BP"][[*ladder.RANGES]].to_numpy()] == rates
    assert search[search.rule == "BP"].hidden_rate.tolist() == search[search.rule == "frozen"].hidden_rate.tolist()
    best = ladder.best_rates(search)
    assert (
        search[search.rule == "BP"].accuracy.max()
        == search[(search.rule == "BP") & (search.hidden_rate == best["BP"][0])].accuracy.iloc[0]
    )


def test_controls_tell_where_the_information_is(digits):
    plain, noisy = (ladder.controls(ladder.tasks(digits, s)[0], (0,)) for s in (0.0, 3.0))
    assert noisy["all pixels"][0] > 0.9
    assert plain["principal components"][0] > 0.85
    assert noisy["principal components"][0] < 0.2  # ten components, ten distractors


def test_networks_can_be_had_after_training(digits):
    networks, probe = networks_after([Trainee("FA", 0.1, 0.1, 0)], SIZES, ladder.tasks(digits, 1.0)[0], Schedule(1))
    assert probe.shape == (1, 256, 64)
    assert networks.weights[0].shape == (1, 10, 65)


@pytest.mark.parametrize("value", [float("nan"), -1.0])
def test_a_wrong_strength_or_rate_is_refused(value):
    with pytest.raises(ValueError, match="distractor_std is"):
        Task(np.zeros((2, 3)), np.array([0, 1]), np.zeros((2, 3)), np.array([0, 1]), value)
    with pytest.raises(ValueError, match="hidden_rate is"):
        Trainee("BP", value, 0.1)
