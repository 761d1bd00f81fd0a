"""The options around a rule, each against what it says it does."""

import numpy as np
import pytest
import torch
from torch import nn

from repro.weight_alignment import RULES, AlignmentInput, Rule, Turn, add_update_noise, convert, turn
from repro.weight_alignment.primitives import gradient

ALL_FIVE = Rule(0.7, 1.3, 0.4, 0.9, 1.1)
LAYERS = {"dense": (lambda: nn.Linear(4, 3), (8, 4)), "convolution": (lambda: nn.Conv2d(2, 3, 2), (8, 2, 4, 3))}


def layer_and_gradient(kind, rule, alignment_input, seed=0):
    """A layer, its input, and the feedback gradient of one backward pass."""
    torch.manual_seed(0)
    make, shape = LAYERS[kind]
    layer = convert(make().double(), rule, alignment_input=alignment_input)
    x = torch.randn(shape, dtype=torch.float64) + 1.0
    torch.manual_seed(seed)
    layer(x.requires_grad_()).sum().backward()
    return layer, x.detach(), layer.feedback.grad


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("rule", [ALL_FIVE, RULES["WM"], RULES["AA"]])
@pytest.mark.parametrize(
    ("alignment_input", "seen"),
    [
        (AlignmentInput(batch_fraction=0.25), lambda x: x[:2]),
        (AlignmentInput(batch_fraction=0.01), lambda x: x[:1]),
        (AlignmentInput(center="batch"), lambda x: x - x.mean(0)),
        (AlignmentInput(center="batch", batch_fraction=0.5), lambda x: x[:4] - x[:4].mean(0)),
        (AlignmentInput(center="sample"), lambda x: x - x.flatten(1).mean(1).view(-1, *[1] * (x.dim() - 1))),
    ],
)
def test_alignment_sees_what_the_option_says(kind, rule, alignment_input, seen):
    layer, x, actual = layer_and_gradient(kind, rule, alignment_input)
    torch.testing.assert_close(actual, gradient(rule, layer.weight, layer.feedback, seen(x)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_options_leave_the_errors_and_the_weights_alone(kind):
    plain = layer_and_gradient(kind, ALL_FIVE, AlignmentInput())[0]
    for alignment_input in (AlignmentInput(noise="normal"), AlignmentInput(0.5, "sample")):
        other = layer_and_gradient(kind, ALL_FIVE, alignment_input)[0]
        assert torch.equal(other.weight.grad, plain.weight.grad)
        assert torch.equal(other.bias.grad, plain.bias.grad)


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_white_noise_makes_the_mirror_point_at_the_weight(noise):
    """-E[y xᵀ] = -std² W; the mean of n samples is off by about std² |W| √(inputs/n) in size: 3 % here, five of it."""
    torch.manual_seed(0)
    layer = convert(nn.Linear(20, 10), Rule(amp=1.0), alignment_input=AlignmentInput(noise=noise, noise_std=0.5))
    x = torch.full((20000, 20), 7.0, requires_grad=True)
    layer(x).sum().backward()
    expected = -0.25 * layer.weight.detach()
    assert (layer.feedback.grad - expected).norm() < 0.16 * expected.norm()


def test_noise_is_fixed_by_the_seed_and_new_each_time():
    first, second, third = (
        layer_and_gradient("dense", ALL_FIVE, AlignmentInput(noise="normal"), seed)[2] for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_fraction": 0.0},
        {"batch_fraction": 1.5},
        {"center": "mean"},
        {"noise": "pink"},
        {"noise_std": float("inf")},
    ],
)
def test_wrong_options_name_themselves(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"AlignmentInput: {name} is"):
        AlignmentInput(**wrong)


def test_turns_alternate_after_the_delay():
    both, align, task = Turn(True, True), Turn(True, False), Turn(False, True)
    assert [turn(step) for step in range(3)] == [both] * 3
    assert [turn(step, delay_steps=2) for step in range(4)] == [align, align, both, both]
    assert [turn(step, 2, 1) for step in range(8)] == [align, align, task, task, align, task, task, align]
    for wrong in ({"step": -1}, {"step": 0, "tasks_per_alignment": 0}, {"step": 0, "delay_steps": -1}):
        with pytest.raises(ValueError, match="turn: step"):
            turn(**wrong)


def test_update_noise_has_the_size_of_rate_times_std():
    parameter = nn.Parameter(torch.full((200, 500), 3.0))
    add_update_noise([parameter], 0.1, 2.0, torch.Generator().manual_seed(0))
    added = (parameter.detach() - 3.0).numpy()
    # n = 100 000: the mean spreads by 0.2/√n, the standard deviation by 0.2/√(2n); five of those
    assert abs(added.mean()) < 5 * 0.2 / np.sqrt(added.size)
    assert abs(added.std() - 0.2) < 5 * 0.2 / np.sqrt(2 * added.size)
    with pytest.raises(ValueError, match="add_update_noise"):
        add_update_noise([parameter], -0.1, 2.0)
