"""What a gain does to the first layer's gradient, and the runs and tables that ask what it does to accuracy."""

import pandas as pd
import pytest
import torch
from torch import nn

from repro.weight_alignment import deep_gain, deep_summary, deep_table
from repro.weight_alignment.deep_models import ResidualBlock, build

POINTS = {"SA": {"rate": 0.2, "feedback_rate": 0.01, "gain": 0.7}}


@pytest.mark.parametrize("model", ["resnet8", "resnet20"])
def test_where_networks_start_the_gain_acts_in_the_shortcuts_that_project_and_the_last_layer(model):
    # two shortcuts change shape and have weights, whatever the depth: one factor each, and one of the dense layer
    assert deep_gain.first_gradient_stretch(model, 2.0, seed=3, switch=0.0) == pytest.approx(2.0**3, rel=1e-9)


def hooked(model, gain, seed, batch=8):
    """The same by hooks that multiply the error that leaves each layer with weights, and no feedback weights at all."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(model, 3, 32, 10).double()
        images, classes = torch.randn(batch, 3, 32, 32, dtype=torch.float64), torch.randint(10, (batch,))
    for layer in network.modules():
        if isinstance(layer, ResidualBlock):
            nn.init.ones_(layer.body[-1].weight)
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_full_backward_hook(lambda _, errors, __: tuple(e if e is None else gain * e for e in errors))
    nn.functional.cross_entropy(network(images.requires_grad_()), classes).backward()
    return next(network.parameters()).grad.norm()


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_the_stretch_agrees_with_errors_multiplied_layer_by_layer(gain):
    expected = hooked("resnet8", gain, seed=5) / hooked("resnet8", 1.0, seed=5)
    # float64, sums of some 1e5 terms
    assert deep_gain.first_gradient_stretch("resnet8", gain, seed=5) == pytest.approx(float(expected), rel=1e-9)


def test_the_runs_of_a_depth_differ_in_nothing_but_the_gain():
    found = dict(deep_table.gain(POINTS, 1))
    assert len(found) == len(deep_table.GAIN_MODELS) * (len(deep_table.GAINS) + 1)
    for model in deep_table.GAIN_MODELS:
        own = [dict(found[f"gain-{model}-SA-{gain:g}-1"]) for gain in deep_table.GAINS]
        assert [each.pop("self_weight") for each in own] == list(deep_table.GAINS)
        assert own[0] == own[1] == own[2]
        assert own[0]["rate"] == found[f"gain-{model}-BP-1-1"]["rate"] == 0.2


def test_gains_are_told_apart_and_compared_by_seed():
    names = [
        f"gain-{model}-{what}-{seed}" for model in ("resnet8", "resnet56") for what in ("SA-1", "SA-2") for seed in "01"
    ]
    runs = pd.DataFrame({"name": names, "part": "gain", "status": "done"})
    runs["model"], runs["rule"] = (runs.name.str.split("-").str[k] for k in (1, 2))
    runs["seed"], runs["test_accuracy"] = runs.name.str[-1], [50, 52, 49, 50, 60, 62, 20, 24]
    runs.loc[6, "status"] = "nan"  # it diverged, and counts as chance
    found = deep_summary.under_gain(deep_summary.finished(runs))
    assert deep_summary.at_gain(found, "resnet8", ("SA", 2.0), ("SA", 1.0)).to_dict() == {0: -1, 1: -2}
    assert deep_summary.at_gain(found, "resnet56", ("SA", 2.0), ("SA", 1.0)).to_dict() == {0: -50, 1: -38}
    assert deep_summary.at_gain(found, "resnet20", ("SA", 2.0), ("SA", 1.0)).empty
    assert deep_summary.at_gain(found, "resnet8", ("BP", 1.0), ("SA", 1.0)).empty
