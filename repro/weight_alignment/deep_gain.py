"""What a feedback that is longer than the weight does to the gradient of the first layer of a residual network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.weight_alignment.convert import convert, feedback_layers
from repro.weight_alignment.deep_models import ResidualBlock, build
from repro.weight_alignment.rules import RULES

CHANNELS, SIDE, CLASSES = 3, 32, 10


def first_gradient_stretch(model: str, gain: float, seed: int, switch: float = 1.0, batch: int = 8) -> float:
    """Length of the first layer's gradient, with feedback of ``gain`` times the weight, over backpropagation's.

    The network is as it starts, in float64, on random images; but for the weight of the last batch norm of each
    residual block. Networks start at 0 there, where errors take the shortcuts alone: a gain then acts in the last layer
    and in the two shortcuts that have weights.

    Parameters
    ----------
    model
        A residual network in the CIFAR form, such as "resnet20".
    gain
        Of every feedback over its weight.
    seed
        Of the network, the images and their classes.
    switch
        The last batch norm's weight in each block: 0 where networks start, 1 for a block as strong as its shortcut.
    batch
        Number of images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        plain = build(model, CHANNELS, SIDE, CLASSES).double()
        images = torch.randn(batch, CHANNELS, SIDE, SIDE, dtype=torch.float64)
        classes = torch.randint(CLASSES, (batch,))
    for block in plain.modules():
        if isinstance(block, ResidualBlock):
            nn.init.constant_(block.body[-1].weight, switch)  # type: ignore[arg-type]
    with_gain = convert(plain, RULES["FA"])
    for layer in feedback_layers(with_gain).values():
        layer.feedback.data = gain * layer.weight.data
    lengths = [_first_gradient(network, images, classes).norm() for network in (plain, with_gain)]
    return float(lengths[1] / lengths[0])


def _first_gradient(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    first = next(network.parameters())
    loss = nn.functional.cross_entropy(network(images), classes)
    return torch.autograd.grad(loss, first)[0]
