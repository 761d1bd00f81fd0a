"""What a feedback layer needs of a linear map: the map, its transpose, the outer product, and one backward call.

A rule is written once, in terms of these four, for dense layers and convolutions alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Needs = tuple[bool, bool, bool]  # whether the gradients of input, weight and bias are wanted


@dataclass(frozen=True)
class Dense:
    """A dense layer, y = W x for each row x."""

    weight_dimensions = 2

    def apply(
        self, x: Float[Tensor, "n inputs"], weight: Float[Tensor, "outputs inputs"], bias: Tensor | None = None
    ) -> Float[Tensor, "n outputs"]:
        """W x, and the bias where there is one."""
        return F.linear(x, weight, bias)

    def transpose(
        self, y: Float[Tensor, "n outputs"], weight: Float[Tensor, "outputs inputs"], x: Float[Tensor, "n inputs"]
    ) -> Float[Tensor, "n inputs"]:
        """Wᵀ y; ``x`` gives the shape."""
        return y @ weight

    def outer(
        self, y: Float[Tensor, "n outputs"], x: Float[Tensor, "n inputs"], weight: Float[Tensor, "outputs inputs"]
    ) -> Float[Tensor, "outputs inputs"]:
        """Sum of y xᵀ over the batch; ``weight`` gives the shape."""
        return y.t() @ x

    def backward(
        self,
        error: Float[Tensor, "n outputs"],
        x: Float[Tensor, "n inputs"],
        feedback: Float[Tensor, "outputs inputs"],
        needs: Needs,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Input gradient by way of the feedback; exact gradients of weight and bias."""
        return (
            error @ feedback if needs[0] else None,
            error.t() @ x if needs[1] else None,
            error.sum(0) if needs[2] else None,
        )


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional convolution with zero padding; sums run over positions as well as channels."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    weight_dimensions = 4

    def apply(
        self,
        x: Float[Tensor, "n inputs height width"],
        weight: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
        bias: Tensor | None = None,
    ) -> Float[Tensor, "n outputs out_height out_width"]:
        """The convolution of x, and the bias where there is one."""
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def transpose(
        self,
        y: Float[Tensor, "n outputs out_height out_width"],
        weight: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
        x: Float[Tensor, "n inputs height width"],
    ) -> Float[Tensor, "n inputs height width"]:
        """The transposed convolution of y; ``x`` gives the shape, which a stride leaves open."""
        output_padding = [
            x.shape[2 + i]
            - ((y.shape[2 + i] - 1) * self.stride[i] - 2 * self.padding[i])
            - (self.dilation[i] * (weight.shape[2 + i] - 1) + 1)
            for i in (0, 1)
        ]
        return F.conv_transpose2d(
            y, weight, None, self.stride, self.padding, output_padding, self.groups, self.dilation
        )

    def outer(
        self,
        y: Float[Tensor, "n outputs out_height out_width"],
        x: Float[Tensor, "n inputs height width"],
        weight: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
    ) -> Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"]:
        """Sum over the batch and over positions of y times the patch of x under it; ``weight`` gives the shape."""
        gradient = self._convolution_backward(y, x, weight, (False, True, False))[1]
        assert gradient is not None
        return gradient

    def backward(
        self,
        error: Float[Tensor, "n outputs out_height out_width"],
        x: Float[Tensor, "n inputs height width"],
        feedback: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
        needs: Needs,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Input gradient by way of the feedback; exact gradients of weight and bias.

        One call: the values in the weight slot are read for the input gradient alone.
        """
        return self._convolution_backward(error, x, feedback, needs)

    def _convolution_backward(
        self, error: Tensor, x: Tensor, weight: Tensor, needs: Needs
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return torch.ops.aten.convolution_backward(
            error,
            x,
            weight,
            [weight.shape[0]],
            self.stride,
            self.padding,
            self.dilation,
            False,
            (0, 0),
            self.groups,
            needs,
        )


Operator = Dense | Convolution
