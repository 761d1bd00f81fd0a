"""The deep networks against what is published of them, and their schedule against the authors' table."""

import numpy as np
import pytest
import torch
from torch import nn

from repro.weight_alignment.deep_models import MODELS, build
from repro.weight_alignment.deep_schedule import rate_share


def parameters(name, side, classes):
    with torch.device("meta"):  # counts need no numbers
        return sum(p.numel() for p in build(name, 3, side, classes).parameters())


@pytest.mark.parametrize(
    ("name", "side", "classes", "millions"),
    [
        ("resnet20", 32, 10, 0.27),  # He et al. 2016, table 6
        ("resnet18", 224, 1000, 11.69),  # torchvision's documentation, and below
        ("resnet50", 224, 1000, 25.56),
    ],
)
def test_parameters_are_those_published(name, side, classes, millions):
    assert round(parameters(name, side, classes) / 1e6, 2) == millions


def test_resnet18_has_the_parameters_that_its_layers_add_up_to():
    def block(inputs, outputs):
        projection = inputs * outputs + 2 * outputs if inputs != outputs else 0
        return 9 * inputs * outputs + 9 * outputs * outputs + 4 * outputs + projection

    widths = [64, 128, 256, 512]
    blocks = sum(block(before, after) + block(after, after) for before, after in zip([64, *widths], widths))  # noqa: B905
    assert parameters("resnet18", 224, 1000) == 49 * 3 * 64 + 2 * 64 + blocks + 513 * 1000


@pytest.mark.parametrize("name", MODELS)
def test_every_network_takes_images_of_every_size(name):
    for channels, side in [(1, 8), (3, 30)]:
        with torch.device("meta"):
            network = build(name, channels, side, 7).eval()
            assert network(torch.randn(2, channels, side, side)).shape == (2, 7)


@pytest.mark.parametrize(
    ("stem", "side", "left"), [("imagenet", 64, 2), ("cifar", 64, 8), ("auto", 64, 8), ("auto", 96, 3)]
)
def test_the_stem_says_how_small_images_become(stem, side, left):
    """Three halvings in the groups; the stem for large images has two more."""
    network = build("resnet18", 3, side, 10, stem).eval()
    features = nn.Sequential(*list(network.children())[:-2])
    assert features(torch.zeros(1, 3, side, side)).shape == (1, 512, left, left)


def test_residual_networks_start_as_the_authors_do():
    torch.manual_seed(0)
    network = build("resnet18", 3, 32, 1000)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            n, fan_in = layer.weight.numel(), layer.weight[0].numel()
            # relative sd of a variance of n draws is below √(2/n), truncation makes it smaller; 5 of them
            assert layer.weight.var().item() * fan_in == pytest.approx(1.0, abs=5 * (2 / n) ** 0.5)
            assert layer.weight.abs().max() <= 2.0 / 0.8796 * fan_in**-0.5 * (1 + 1e-3)  # cut off at 2 sd
    x = torch.randn(2, 64, 8, 8).relu()
    block = network[3]
    assert torch.equal(block(x), x), "with the last batch norm at 0 a block passes its input on"


@pytest.mark.parametrize(
    ("epoch", "share"),
    [(0, 0.02), (4, 0.98), (5, 1.0), (29, 1.0), (30, 0.1), (59, 0.1), (60, 0.01), (79, 0.01), (80, 0.001), (89, 0.001)],
)
def test_the_official_schedule_is_the_authors_table(epoch, share):
    """Ten steps an epoch; the warm-up rises by 1/50 a step and its last step has the full rate."""
    steps = {4: 49 - 1}.get(epoch, 10 * epoch)
    assert rate_share("official", steps, 900) == pytest.approx(share)


def test_a_shorter_run_has_the_same_schedule_stretched():
    long = [rate_share("official", step, 9000) for step in range(9, 9000, 10)]
    short = [rate_share("official", step, 900) for step in range(900)]
    np.testing.assert_allclose(short, long)


def test_the_cosine_falls_from_the_warm_up_to_nothing():
    shares = np.array([rate_share("cosine", step, 900) for step in range(900)])
    assert (np.diff(shares[60:]) < 0).all()
    assert shares[-1] < 1e-5
    assert shares[450] == pytest.approx(0.5)
