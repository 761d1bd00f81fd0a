"""The chapter's experiments measure what they say: on cases whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from repro.weight_alignment import experiments, frozen_layers, identities
from repro.weight_alignment.cost import theoretical_ratio
from repro.weight_alignment.experiments import Setup
from repro.weight_alignment.frozen_layers import Layer, conditioned, second_moment
from repro.weight_alignment.learners import Examples, Learner
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule
from repro.weight_alignment.tasks import Task, load_task
from repro.weight_alignment.tuning import Budget, Search


def random_layer(networks=2, out=5, width=6, samples=200, seed=0):
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((networks, samples, width)) @ np.diag(np.linspace(0.3, 2, width)) + 0.4
    return Layer(random.standard_normal((networks, out, width)), inputs)


def small_task(seed=0):
    random = np.random.default_rng(seed)

    def part(samples):
        labels = np.arange(samples) % 3
        return Examples(3 * np.eye(5)[labels] + random.standard_normal((samples, 5)), labels)

    return Task("toy", "toy", part(96), part(60), part(60), {})


SETUP = Setup(small_task(), width=12, epochs=3, batch=16)


# --- identities ------------------------------------------------------------------------------------------------------
def test_identities_hold_to_rounding():
    assert max(identities.primitive_gradient_deviation(1).values()) < 1e-12
    assert max(identities.squared_distance_deviation(1).values()) < 1e-12
    assert identities.moved_beside_feedback(1) == 0
    assert identities.lag_deviation(1, 5) < 1e-14
    assert identities.chain_gain_deviation(1.7, 4, 6, 1) < 1e-12
    counted = identities.counted_cost(dict(RULES))
    for name, rule in RULES.items():
        assert counted[name] == pytest.approx(theoretical_ratio(rule), abs=1e-9)


def test_a_broken_identity_is_seen(monkeypatch):
    right = identities.gradient
    monkeypatch.setattr(identities, "gradient", lambda *arguments: 1.01 * right(*arguments))
    assert identities.primitive_gradient_deviation(2) == pytest.approx(dict.fromkeys(PRIMITIVES, 0.01))
    assert identities.squared_distance_deviation(2) == pytest.approx({"SA": 0.01, "AA": 0.01})
    monkeypatch.setattr(identities, "step", lambda networks, *_: networks.weights[1].mul_(2.0))
    assert identities.lag_deviation(1, 3) > 0.1


# --- resting layers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_conditioning_raises_the_second_moment_to_a_power(power):
    x = random_layer().inputs[0]
    made, condition = conditioned(x, power)
    before = np.linalg.eigvalsh(second_moment(x))
    after = np.linalg.eigvalsh(second_moment(made))
    np.testing.assert_allclose(after / after.mean(), before**power / (before**power).mean(), rtol=1e-9)
    assert condition == pytest.approx((before.max() / before.min()) ** power)
    assert after.mean() == pytest.approx(1)


def test_conditioning_leaves_empty_directions_empty():
    x = random_layer().inputs[0] @ np.diag([1, 1, 1, 1, 1, 0])
    made, condition = conditioned(x, 0.0)
    np.testing.assert_allclose(np.linalg.eigvalsh(second_moment(made)), [0, 1, 1, 1, 1, 1], atol=1e-9)
    assert condition == pytest.approx(1)


def test_slow_minibatch_mirroring_reaches_the_predicted_angle():
    found = frozen_layers.alignment_by_condition(
        random_layer(), (0.0, 1.0), ("WM", "SA"), steps=6000, batch=32, rate=0.005, seed=0
    )
    mirror = found[found.rule == "WM"]
    # noise adds an angle of about sqrt(7/32 * 0.005/2) rad = 1.3 degrees at right angles, averaged over 3000 steps
    np.testing.assert_allclose(mirror[mirror.power == 1].measured, mirror[mirror.power == 1].predicted, atol=0.5)
    assert (mirror[mirror.power == 0].predicted < 1e-4).all()
    assert (mirror[mirror.power == 0].measured < 1.0).all()
    assert (found[found.rule == "SA"].measured < 1e-3).all()


def test_centring_changes_nothing_without_a_mean():
    layer = random_layer(samples=4000)
    mean_free = Layer(layer.weights, layer.inputs - layer.inputs.mean(1, keepdims=True))
    found = frozen_layers.alignment_by_centring([mean_free], steps=500, batch=32, rate=0.02, seed=0)
    np.testing.assert_allclose(found.raw, found.centred, atol=1e-6)
    moved = frozen_layers.alignment_by_centring([layer], steps=500, batch=32, rate=0.02, seed=0)
    assert (np.abs(moved.raw - moved.centred) > 0.5).all()
    np.testing.assert_allclose(moved.centred, found.centred, atol=1e-6)


def test_mirroring_noise_follows_its_law():
    found = frozen_layers.mirror_law(random_layer(out=8, width=16), (0.05, 0.2), batch=16, seed=0, lags=400)
    # tan² fluctuates by about 2/sqrt(128 entries * 100 lags): 2 %, and by as much again as the angle is a ratio
    tangents = np.tan(np.radians(found[["measured", "predicted"]])) ** 2
    np.testing.assert_allclose(tangents.measured / tangents.predicted, 1, atol=0.08)


def test_update_noise_has_the_variance_of_its_law():
    ratio = frozen_layers.noise_variance_ratio(random_layer(out=20, width=20), 0.5, 0.1, seed=0)
    # 400 entries over 100 lags, each lag about half an independent sample: sd sqrt(2/20000) = 1 %
    np.testing.assert_allclose(ratio, 1, atol=0.04)


def test_full_batch_descent_ends_at_the_fixed_point():
    layer = random_layer()
    for rule in (Rule(amp=1.0, decay=0.5), Rule(amp=1.0, decay=1.0, null=0.2), Rule(amp=1.0, sparse=1.0)):
        assert frozen_layers.distance_to_fixed_point(rule, layer, 100, seed=0) < 1e-10
    few = frozen_layers.distance_to_fixed_point(Rule(amp=1.0, sparse=1.0), layer, 3, seed=0)  # C has rank 3 of 6
    assert few < 1e-10
    assert frozen_layers.distance_to_fixed_point(Rule(amp=1.0, decay=0.5), layer, 100, seed=0, lags=1.0) > 1e-3


def test_layers_of_a_trained_network_come_with_what_reaches_them():
    layers = frozen_layers.trained_layers(SETUP.task, SETUP.shape(2), Learner(RULES["BP"], 0.05), [0, 1], epochs=2)
    assert [layer.weights.shape for layer in layers] == [(2, 12, 12), (2, 3, 12)]
    assert all(layer.inputs.shape == (2, 96, 12) for layer in layers)
    assert all((layer.inputs >= 0).all() for layer in layers)  # rectified
    assert not np.allclose(layers[0].weights[0], layers[0].weights[1])


# --- training --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def search():
    budget = Budget(trials=3, sampler_seeds=(4, 5), network_seeds=(0, 1), startup=2)
    return experiments.tune_at(SETUP, 2, ("BP", "FA", "SA"), budget)


def test_accuracy_is_tidy_and_of_fresh_networks(search):
    table = experiments.accuracy_by_depth({2: search}, SETUP, (1, 2), seeds=(7, 8, 9, 10))
    assert len(table) == 2 * 3 * 4
    assert set(table.rule) == {"BP", "FA", "SA"}
    assert table.accuracy.between(0, 100).all()
    assert table[table.rule == "BP"].accuracy.mean() > 80
    assert (table[table.rule == "BP"].angle < 0.1).all()
    for depth in (1, 2):
        found = table[table.depth == depth].set_index(["rule", "search"]).accuracy
        for (name, sampler_seed), chosen in experiments.tuned(SETUP, search).items():
            alone = [replace(chosen, seed=seed) for seed in {4: (7, 8), 5: (9, 10)}[sampler_seed]]
            expected = train(alone, SETUP.shape(depth), SETUP.task.train, SETUP.task.test, SETUP.schedule()).final
            np.testing.assert_allclose(found[name, sampler_seed], 100 * expected, atol=2)  # float32: one of 60 may flip


def test_a_search_is_made_at_its_depth():
    budget = Budget(trials=1, network_seeds=(0, 1))
    scores = [experiments.tune_at(SETUP, depth, ("BP",), budget).trials.iloc[0] for depth in (1, 2, 3)]
    for depth, score in zip((1, 2, 3), scores, strict=True):
        networks = [Learner(RULES["BP"], score.rate, seed=seed, momentum=SETUP.momentum) for seed in (0, 1)]
        found = train(networks, SETUP.shape(depth), SETUP.task.train, SETUP.task.validation, SETUP.schedule())
        assert score["mean"] == pytest.approx(found.final.mean())
    with pytest.raises(ValueError, match="1 seeds for 2 searches"):
        experiments.run_rules({("FA", 0): networks[0], ("FA", 1): networks[0]}, SETUP, 1, (3,))
    assert len({score["mean"] for score in scores}) > 1


def test_angles_have_a_row_for_each_layer_and_epoch(search):
    table = experiments.angles_over_training(experiments.tuned(SETUP, search), SETUP, 2, (0, 1), (0, 1, 3))
    assert len(table) == 3 * 2 * 3 * 2
    assert set(table.layer) == {2, 3}
    start = table[(table.epoch == 0) & (table.rule != "BP")].groupby("rule").angle.mean()
    assert start["FA"] == pytest.approx(start["SA"])  # the same seeds start the same networks
    end = table[table.epoch == 3].groupby("rule").angle.mean()
    assert end["BP"] < 0.1
    assert end["SA"] < end["FA"]


def test_noise_is_the_same_for_every_rule_whatever_its_rate(search):
    learners = {("FA", 0): Learner(RULES["FA"], 0.01), ("SA", 0): Learner(RULES["SA"], 0.1)}
    quiet = experiments.update_noise(learners, SETUP, 2, (0, 1), (0.0,))
    plain = experiments.run_rules(learners, SETUP, 2, (0, 1))[0]
    assert quiet.accuracy.tolist() == pytest.approx((100 * plain.final).tolist())
    loud = experiments.update_noise(learners, SETUP, 2, (0, 1), (0.0, 5.0))
    assert loud[loud.level == 5].accuracy.mean() < loud[loud.level == 0].accuracy.mean() - 20
    # noise on the feedback alone does not touch a rule without feedback of its own
    tied = {("BP", 0): Learner(RULES["BP"], 0.05)}
    only = experiments.update_noise(tied, SETUP, 2, (0, 1), (0.0, 5.0), feedback_only=True)
    assert only[only.level == 5].accuracy.tolist() == only[only.level == 0].accuracy.tolist()


def test_settings_are_searched_in_one_setup_and_used_in_another():
    longer = replace(SETUP, epochs=4)
    budget = Budget(trials=2, network_seeds=(0, 1))
    table = experiments.accuracy_after_search(SETUP, longer, 1, ("BP", "FA"), budget, (7, 8))
    found = experiments.tuned(SETUP, experiments.tune_at(SETUP, 1, ("BP", "FA"), budget))
    expected = experiments.run_rules(found, longer, 1, (7, 8))[0].final
    assert table.accuracy.tolist() == pytest.approx((100 * expected).tolist())
    assert table.rule.tolist() == ["BP", "BP", "FA", "FA"]


def test_adam_is_compared_with_descent_by_sampler_seed():
    trials = pd.DataFrame(
        {
            "rule": ["WM"] * 4 + ["IA"] * 4,
            "sampler_seed": [0, 0, 0, 1] * 2,
            "optimiser": ["adam", "descent", "adam", "adam"] * 2,
            "score": [0.5, 0.6, 0.8, 0.9, 0.7, 0.3, 0.1, 0.9],
        }
    )
    found = experiments.adam_advantage(Search(trials, {}, {}, Budget(trials=1)), ("WM", "IA"))
    assert found.tolist() == pytest.approx([30.0])  # (20 + 40)/2; sampler seed 1 never tried descent


def test_another_rate_leaves_kolen_pollacks_decay_matched():
    chosen = Learner(Rule(decay=0.02, follows_weight_gradient=True), 0.1, weight_decay=0.2)
    moved = experiments.at_rate(chosen, 0.4)
    assert (moved.rate, moved.match_norm) == (0.4, False)
    same = experiments.at_rate(chosen, 0.1, match_norm=True)
    assert (same.rate, same.match_norm) == (0.1, True)
    assert moved.rate * moved.weight_decay == pytest.approx(moved.rule.decay)


def test_differences_are_paired_by_search():
    table = pd.DataFrame(
        {"rule": ["A", "A", "B", "B", "C", "C"], "search": [1, 2] * 3, "accuracy": [90.0, 80.0, 70.0, 65.0, 50.0, 55.0]}
    )
    table = pd.concat([table.assign(seed=0), table.assign(seed=1)])  # networks of a search are averaged
    assert experiments.difference(table, ["A"], ["B", "C"]).tolist() == [30.0, 20.0]


def test_the_digits_are_scaled_and_their_parts_do_not_overlap():
    task = load_task("digits", validation=300, limit=500)
    assert (len(task.train), len(task.validation), len(task.test)) == (500, 300, 360)
    everything = np.concatenate([task.train.inputs, task.validation.inputs, task.test.inputs])
    assert abs(everything.mean()) < 0.05
    assert everything.std() == pytest.approx(1, abs=0.05)
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert task.facts["train"] == 500


def test_each_search_brings_its_own_best_learner():
    budget = Budget(trials=3, sampler_seeds=(3, 4), network_seeds=(0, 1), sampler="random")
    search = experiments.tune_at(SETUP, 2, ["SA"], budget)
    found = experiments.tuned(SETUP, search)
    for seed in budget.sampler_seeds:
        own = search.trials[search.trials.sampler_seed == seed]
        assert found["SA", seed].rate == own.rate.iloc[int(own.score.argmax())]
    assert found["SA", 3].rate != found["SA", 4].rate
