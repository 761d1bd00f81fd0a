"""Networks trained as one do what each would do alone, and what automatic differentiation says they should."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm, cross_entropy

from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape, arrange
from repro.weight_alignment.lockstep import NoiseSource, lockstep_throughput, predict, train
from repro.weight_alignment.network_batch import Networks, initial, settings
from repro.weight_alignment.network_step import step
from repro.weight_alignment.rules import RULES, Rule

SHAPE = Shape(7, (6, 5), 3)
FIVE = Rule(decay=0.02, amp=0.03, null=0.04, sparse=0.05, self_weight=0.06)
STRONG = {name: rule if name in ("BP", "FA") else rule.scaled(20.0) for name, rule in RULES.items()}

LEARNERS = [
    *(Learner(rule, 0.1, seed=3, momentum=0.9, weight_decay=0.01) for rule in STRONG.values()),
    *(Learner(rule, 0.1, seed=4, batch_norm=False, centre_input=True) for rule in (*STRONG.values(), FIVE)),
    Learner(Rule(amp=0.02, null=0.03), 0.1, seed=5, centre_input=True),
    Learner(FIVE, 0.2, seed=6, feedback_adam=True, feedback_rate=0.01),
    Learner(RULES["IA"], 0.2, seed=6, feedback_adam=True, feedback_rate=0.02, centre_input=True),
    Learner(FIVE, 0.2, seed=7, feedback_rate=0.3, match_norm=True),
    Learner(STRONG["FA"], 0.2, seed=7, match_norm=True),
    Learner(STRONG["WM"], 0.2, seed=8, mirror=True, momentum=0.5),
    Learner(FIVE, 0.1, seed=9, weight_noise=0.3, feedback_noise=0.2),
    Learner(STRONG["BP"], 0.1, seed=9, frozen_features=True),
]


def batch_of(count, seed=0):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 8, SHAPE.inputs, generator=random, dtype=torch.float64) + 0.5
    return x, torch.randint(0, SHAPE.classes, (count, 8), generator=random)


def noise_for(learners, seed):
    random = torch.Generator().manual_seed(seed)
    layers, count = SHAPE.layers, len(learners)

    def draw(*size):
        return torch.randn(count, *size, generator=random, dtype=torch.float64)

    return {
        "weights": [draw(*size) for size in layers],
        "feedback": [draw(*size) for size in layers],
        "mirror": [draw(8, inputs) for _, inputs in layers],
    }


def potential(rule, weight, feedback, x):
    """The sum of the five potentials, from their definitions, with the weight and input held."""
    y, z = x @ weight.T, x @ feedback.T
    return (
        rule.decay * feedback.square().sum() / 2
        - rule.amp * (z * y).sum(1).mean()
        + rule.null * (y @ feedback).square().sum(1).mean() / 2
        + rule.sparse * z.square().sum(1).mean() / 2
        - rule.self_weight * (feedback * weight).sum()
    )


class PlainNetwork:
    """One network in plain autograd: the forward pass uses W, the backward pass B."""

    def __init__(self, networks: Networks, place: int, learner: Learner):
        def leaf(tensors, start=0):
            return [t[place].clone().requires_grad_() for t in tensors[start:]]

        self.learner = learner
        self.weights, self.feedback = leaf(networks.weights), [None, *leaf(networks.feedback, 1)]
        self.offsets, self.scales = leaf(networks.offsets), leaf(networks.scales)
        self.learned = [*self.weights, *self.offsets, *(self.scales if learner.batch_norm else [])]
        self.velocity = [torch.zeros_like(p) for p in self.learned]
        adam = learner.feedback_adam
        kind = torch.optim.Adam if adam else torch.optim.SGD
        self.optimiser = kind(self.feedback[1:], lr=learner.feedback_rate)

    def loss(self, x, labels):
        self.inputs = []
        for layer, weight in enumerate(self.weights):
            self.inputs.append(x.detach())
            y = x.detach() @ weight.T
            if layer:
                through = x @ (weight if self.learner.rule.tied else self.feedback[layer]).detach().T
                y = y + through - through.detach()
            if layer == len(self.scales):
                return cross_entropy(y + self.offsets[-1], labels)
            if self.learner.batch_norm:
                y = batch_norm(y, None, None, self.scales[layer][0], self.offsets[layer][0], training=True)
            else:
                y = y + self.offsets[layer]
            x = torch.relu(y)

    def step(self, x, labels, noise, place):
        learner, rule = self.learner, self.learner.rule
        gradients = torch.autograd.grad(self.loss(x, labels), self.learned)
        self.optimiser.zero_grad()
        for layer in range(1, len(self.weights)):
            seen = noise["mirror"][layer][place] if learner.mirror else self.inputs[layer]
            seen = seen - seen.mean(0) if learner.centre_input else seen
            potential(rule, self.weights[layer].detach(), self.feedback[layer], seen).backward()
        if not learner.frozen_features:
            self.optimiser.step()
        with torch.no_grad():
            for parameter, velocity, gradient in zip(self.learned, self.velocity, gradients, strict=True):
                last = parameter is self.weights[-1] or parameter is self.offsets[-1]
                if learner.frozen_features and not last:
                    continue
                velocity.mul_(learner.momentum).sub_(learner.rate * gradient)
                if any(parameter is weight for weight in self.weights):
                    parameter.mul_(1 - learner.rate * learner.weight_decay)
                parameter.add_(velocity)
            for layer, weight in enumerate(self.weights):
                weight.add_(noise["weights"][layer][place], alpha=learner.rate * learner.weight_noise)
                if not layer:
                    continue
                feedback = self.feedback[layer]
                if rule.follows_weight_gradient:
                    feedback.add_(self.velocity[layer])
                feedback.add_(noise["feedback"][layer][place], alpha=learner.rate * learner.feedback_noise)
                if rule.tied:
                    feedback.copy_(weight)
                elif learner.match_norm:
                    feedback.mul_(weight.norm() / feedback.norm())


@pytest.mark.parametrize("group", list(arrange(LEARNERS, 32)), ids=str)
def test_three_steps_of_lockstep_equal_plain_autograd_with_explicit_potentials(group):
    learners = [LEARNERS[i] for i in group]
    tuned = settings(learners, torch.float64, torch.device("cpu"))
    networks = initial(learners, SHAPE, torch.float64, torch.device("cpu"))
    plain = [PlainNetwork(networks, place, learner) for place, learner in enumerate(learners)]
    for number in range(3):
        x, labels = batch_of(len(learners), number)
        noise = noise_for(learners, number)
        step(networks, tuned, x, labels, noise)
        for place, network in enumerate(plain):
            network.step(x[place], labels[place], noise, place)
    for place, network in enumerate(plain):
        pairs = [*zip(network.weights, networks.weights, strict=True)]
        pairs += zip(network.feedback[1:], networks.feedback[1:], strict=True)
        pairs += zip([*network.offsets, *network.scales], [*networks.offsets, *networks.scales], strict=True)
        for expected, found in pairs:
            assert torch.allclose(found[place], expected, rtol=0, atol=1e-10), learners[place]


def easy_task(samples=96, seed=0):
    random = np.random.default_rng(seed)
    centres = 2 * random.standard_normal((SHAPE.classes, SHAPE.inputs))
    labels = np.arange(samples) % SHAPE.classes
    return Examples(centres[labels] + random.standard_normal((samples, SHAPE.inputs)), labels)


PLAN = Schedule(epochs=3, batch=8, measured=(0, 1, 3), chunk=8)


def test_a_network_ends_the_same_alone_as_among_others():
    task, held_out = easy_task(), easy_task(seed=1)
    together = train(LEARNERS, SHAPE, task, held_out, PLAN, dtype=torch.float64)
    for place, learner in enumerate(LEARNERS):
        alone = train([learner], SHAPE, task, held_out, PLAN, dtype=torch.float64)
        np.testing.assert_allclose(together.loss[place], alone.loss[0], rtol=1e-8)
        np.testing.assert_array_equal(together.accuracy[place], alone.accuracy[0])
        np.testing.assert_allclose(together.angle[place], alone.angle[0], atol=1e-5)  # acos near 0 is a square root


def test_the_same_seed_gives_the_same_result_and_another_seed_another():
    learners = [dataclasses.replace(LEARNERS[0], seed=seed) for seed in (1, 1, 2)]
    for plan in (PLAN, dataclasses.replace(PLAN, chunk=1)):
        loss = train(learners, SHAPE, easy_task(), easy_task(seed=1), plan).loss
        np.testing.assert_allclose(loss[0], loss[1], rtol=1e-5)  # float32
        assert np.all(np.abs(loss[2] - loss[0]) > 1e-3)


def test_a_diverging_network_counts_as_chance_and_leaves_the_others_alone():
    good = LEARNERS[0]
    wild = [dataclasses.replace(good, rate=1e30), dataclasses.replace(good, rule=Rule(self_weight=1e30))]
    alone = train([good], SHAPE, easy_task(), easy_task(seed=1), PLAN, dtype=torch.float64)
    mixed = train([wild[0], good, wild[1]], SHAPE, easy_task(), easy_task(seed=1), PLAN)
    assert list(mixed.diverged) == [True, False, True]
    assert mixed.final[0] == mixed.final[2] == pytest.approx(1 / SHAPE.classes)
    assert np.isnan(mixed.loss[0, -1])
    np.testing.assert_allclose(mixed.loss[1], alone.loss[0], rtol=1e-3)  # float32 beside float64


def test_backpropagation_learns_and_its_feedback_is_the_weight():
    found = train([Learner(RULES["BP"], 0.1, seed=s) for s in range(3)], SHAPE, easy_task(), easy_task(seed=0), PLAN)
    assert np.all(found.final > 0.85)
    assert np.all(found.angle < 0.1)
    np.testing.assert_allclose(found.gain, 1, rtol=1e-6)


def test_frozen_feedback_stays_and_initial_angles_are_right_angles():
    wide = Shape(7, (60, 60), 3)
    tuned_learners = [Learner(RULES["FA"], 0.1, seed=s) for s in range(12)]
    found = train(tuned_learners, wide, easy_task(), easy_task(), PLAN)
    # sd of the angle of random directions in n dimensions is 57/sqrt(n) degrees; five of them for the mean of 12
    for layer, size in enumerate((60 * 60, 3 * 60)):
        assert abs(found.angle[:, 0, layer].mean() - 90) < 5 * 57.3 / np.sqrt(12 * size)
    before = initial(tuned_learners, SHAPE, torch.float64, torch.device("cpu"))
    after = initial(tuned_learners, SHAPE, torch.float64, torch.device("cpu"))
    x, labels = batch_of(12)
    step(after, settings(tuned_learners, torch.float64, torch.device("cpu")), x, labels, {})
    for old, new in zip(before.feedback, after.feedback, strict=True):
        assert torch.equal(old, new)


def test_symmetric_alignment_with_unit_rates_is_backpropagation_one_step_late():
    learners = [Learner(Rule(decay=1.0, self_weight=1.0), 0.1, seed=s, momentum=0.9) for s in range(2)]
    tuned = settings(learners, torch.float64, torch.device("cpu"))
    networks = initial(learners, SHAPE, torch.float64, torch.device("cpu"))
    for number in range(3):
        before = [w.clone() for w in networks.weights]
        step(networks, tuned, *batch_of(2, number), {})
        for old, feedback in zip(before[1:], networks.feedback[1:], strict=True):
            assert torch.allclose(old, feedback, rtol=0, atol=1e-14)


def test_prediction_normalises_by_the_statistics_of_the_reference():
    learners = LEARNERS[:2]
    networks = initial(learners, SHAPE, torch.float64, torch.device("cpu"))
    reference, x = batch_of(2)[0].reshape(-1, SHAPE.inputs), batch_of(1, 5)[0][0]
    found = predict(networks, x, reference, True)
    for place in range(2):
        h, seen = x, reference
        for weight, offset, scale in zip(networks.weights, networks.offsets, networks.scales, strict=False):
            y, of_seen = h @ weight[place].T, seen @ weight[place].T
            mean, variance = of_seen.mean(0), of_seen.var(0, correction=0)
            h = torch.relu(batch_norm(y, mean, variance, scale[place, 0], offset[place, 0]))
            seen = torch.relu(batch_norm(of_seen, mean, variance, scale[place, 0], offset[place, 0]))
        assert torch.allclose(found[place], h @ networks.weights[-1][place].T, atol=1e-12)


def test_update_noise_has_the_spread_that_was_asked_for():
    plan = Schedule(epochs=1, batch=96)
    learners = [Learner(RULES["FA"], 0.5, seed=1, feedback_noise=noise, weight_noise=0.0) for noise in (0.0, 0.2)]
    found = train(learners, Shape(7, (200, 200), 3), easy_task(), easy_task(), plan, dtype=torch.float64)
    # one step adds variance (0.5 * 0.2)² to a feedback of variance 2/200; sampling error of 40,000 weights is 1 %
    assert found.gain[1, 0, 0] ** 2 / found.gain[0, 0, 0] ** 2 == pytest.approx(2, rel=0.03)


def test_networks_share_their_noise_exactly_if_they_share_their_seed():
    learners = [Learner(RULES["WM"], 0.1, seed=seed, mirror=True, weight_noise=0.1) for seed in (5, 6, 5)]
    tuned = settings(learners, torch.float64, torch.device("cpu"))
    source = NoiseSource([5, 6], torch.tensor([0, 1, 0]), tuned, SHAPE, 8, torch.float64)
    drawn = source.draw()
    assert set(drawn) == {"weights", "mirror"}
    for first, other, second in drawn["weights"] + drawn["mirror"]:
        assert torch.equal(first, second)
        assert not torch.isclose(first, other).any()
    assert not torch.isclose(drawn["mirror"][0], source.draw()["mirror"][0]).any()


def test_an_outcome_is_tidy():
    found = train(LEARNERS[:3], SHAPE, easy_task(), easy_task(), PLAN)
    table = found.table(rule=["BP", "FA", "WM"], seed=[3, 3, 3])
    assert len(table) == 9
    assert list(table.columns) == ["rule", "seed", "epoch", "accuracy", "loss", "angle", "diverged"]
    assert table.accuracy.tolist() == found.accuracy.ravel().tolist()


def test_throughput_is_measured_together_and_alone():
    found = lockstep_throughput(LEARNERS[:4], SHAPE, batch=4, steps=2, repeats=1)
    assert found["speedup"] == pytest.approx(found["together"] / found["alone"])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"rate": -1.0}, "rate is -1.0"), ({"momentum": 1.0}, "momentum is 1.0"), ({"seed": -2}, "seed is -2")],
)
def test_a_learner_refuses_what_makes_no_sense(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(LEARNERS[0], **change)


def test_training_refuses_data_that_do_not_fit():
    task = easy_task()
    with pytest.raises(ValueError, match=r"held_out\.inputs has shape"):
        train(LEARNERS[:1], SHAPE, task, Examples(task.inputs[:, :5], task.labels), PLAN)
    with pytest.raises(ValueError, match="labels go up to 3"):
        train(LEARNERS[:1], SHAPE, Examples(task.inputs, task.labels + 1), task, PLAN)
    with pytest.raises(ValueError, match="batch is 128; there are only 96"):
        train(LEARNERS[:1], SHAPE, task, task, Schedule(epochs=1, batch=128))
    with pytest.raises(ValueError, match="no learners"):
        train([], SHAPE, task, task, PLAN)
    with pytest.raises(ValueError, match="hidden is empty"):
        Shape(7, (), 3)
    with pytest.raises(ValueError, match="measured is"):
        Schedule(epochs=2, measured=(3,))
