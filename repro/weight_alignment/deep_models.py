"""Networks that are trained deep: multilayer perceptron, small convolutional network, ResNets (He et al. 2016).

Plain torch; ``convert`` gives them feedback weights. ResNets start as in the authors' code [kunin2020two]:
convolutions truncated normal with variance 1/fan-in, the dense layer N(0, 0.01²), each block's last batch norm at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from repro.weight_alignment.models import ResidualBlock, mlp

SMALL_RESNETS = {"resnet8": 1, "resnet20": 3, "resnet56": 9}  # blocks in each of three groups
LARGE_RESNETS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}  # blocks of each group
MODELS = ("mlp", "convnet", *SMALL_RESNETS, *LARGE_RESNETS)
STEMS = ("auto", "cifar", "imagenet")
LARGEST_FOR_SMALL_STEM = 64  # pixels a side: above, the stem divides the image by 4
WIDEST = 2.0  # standard deviations at which the initial weights are cut off
CUT_STD = 0.87962566103423978  # standard deviation of a unit Gaussian cut off there

Block = Callable[[int, int, int], nn.Module]  # inputs, width, stride


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (with the stride) and 1 x 1 convolutions beside a shortcut; four times the width leaves."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Body plus shortcut, rectified."""
        return self.activation(self.body(x) + self.shortcut(x))


class SpatialMean(nn.Module):
    """Mean over all positions; unlike torch's adaptive pooling its gradient is deterministic on every device."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) to (n, channels)."""
        return x.mean((2, 3))


def build(name: str, channels: int, side: int, classes: int, stem: str = "auto") -> nn.Sequential:
    """A network for square images, with weights drawn from torch's own generator.

    Parameters
    ----------
    name
        One of ``MODELS``.
    channels, side, classes
        Of the images, in pixels, and of what is told apart.
    stem
        How the large ResNets begin: "imagenet" (7 x 7 with stride 2, max-pooling), "cifar" (3 x 3 with stride 1),
        "auto" (by the side). The others have one beginning and ignore it.

    Deviates: shortcuts of the small ResNets that change shape are 1 x 1 convolutions, not zero padding (He et al.);
    the large ones have no projection where the first group keeps its shape (the authors' ResNet-18 has one).
    """
    if name == "mlp":
        return mlp([channels * side * side, 256, 256, classes])
    if name == "convnet":
        return convnet(channels, side, classes)
    if name in SMALL_RESNETS:
        begin = _stem(channels, 16, "cifar")
        groups = _groups(ResidualBlock, 16, 16, [SMALL_RESNETS[name]] * 3)
        network = nn.Sequential(*begin, *groups, SpatialMean(), nn.Linear(64, classes))
    elif name in LARGE_RESNETS:
        wanted = ("cifar" if side <= LARGEST_FOR_SMALL_STEM else "imagenet") if stem == "auto" else stem
        block: Block = Bottleneck if name == "resnet50" else ResidualBlock
        groups = _groups(block, 64, 64, LARGE_RESNETS[name])
        outputs = 512 * getattr(block, "expansion", 1)
        network = nn.Sequential(*_stem(channels, 64, wanted), *groups, SpatialMean(), nn.Linear(outputs, classes))
    else:
        raise ValueError(f"build: no model is called {name!r}; there are {', '.join(MODELS)}")
    start_as_the_authors(network)
    return network


def convnet(channels: int, side: int, classes: int, width: int = 16) -> nn.Sequential:
    """Three 3 x 3 convolutions, the last two with stride 2, and a dense layer; no batch norm, He et al.'s start."""
    left = math.ceil(math.ceil(side / 2) / 2)
    network = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * left * left, classes),
    )
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return network


@torch.no_grad()
def start_as_the_authors(network: nn.Module) -> None:
    """Draw the weights of a ResNet anew, as the authors' code does, in place."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            std = layer.weight[0].numel() ** -0.5 / CUT_STD
            nn.init.trunc_normal_(layer.weight, std=std, a=-WIDEST * std, b=WIDEST * std)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, ResidualBlock | Bottleneck):
            last = layer.body[-1]
            assert isinstance(last, nn.BatchNorm2d)
            nn.init.zeros_(last.weight)


def _stem(channels: int, width: int, kind: str) -> list[nn.Module]:
    if kind == "cifar":
        return [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    convolution = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]


def _groups(block: Block, inputs: int, width: int, blocks: Sequence[int]) -> list[nn.Module]:
    """Groups of blocks; each but the first halves the image and doubles the width."""
    layers: list[nn.Module] = []
    for group, count in enumerate(blocks):
        for number in range(count):
            layers.append(block(inputs, width * 2**group, 2 if group > 0 and number == 0 else 1))
            inputs = width * 2**group * getattr(block, "expansion", 1)
    return layers
