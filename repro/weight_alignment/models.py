"""Plain networks to convert: a multilayer perceptron, and ResNet-20 for 32 x 32 images (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


def mlp(widths: Sequence[int], batch_norm: bool = False) -> nn.Sequential:
    """Dense layers of the given widths (input first, classes last) with ReLU, and batch norm before it if asked."""
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(inputs, outputs))
        if i < len(widths) - 2:
            layers += [nn.BatchNorm1d(outputs)] * batch_norm + [nn.ReLU()]
    return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm beside a shortcut, a 1 x 1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Body plus shortcut, rectified."""
        return self.activation(self.body(x) + self.shortcut(x))


def resnet20(classes: int = 10, width: int = 16, blocks_per_group: int = 3) -> nn.Sequential:
    """ResNet-(6 n + 2) for small images, n = ``blocks_per_group``: three groups of n blocks.

    Deviates from He et al.: shortcuts that change shape are 1 x 1 convolutions with batch norm, not zero padding.
    """
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inputs = width
    for group in range(3):
        for block in range(blocks_per_group):
            outputs = width * 2**group
            layers.append(ResidualBlock(inputs, outputs, stride=2 if group > 0 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
