"""Linear and Conv2d with feedback weights: torch's own layers, with a parameter ``feedback`` beside ``weight``.

``convert`` makes them of a network's layers. They keep the layer's name, parameters, hooks and state_dict keys; the
only new key is ``feedback``.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from repro.weight_alignment.functional import feedback_conv2d, feedback_linear
from repro.weight_alignment.operators import Convolution
from repro.weight_alignment.options import AlignmentInput
from repro.weight_alignment.rules import Rule


class FeedbackLinear(nn.Linear):
    """A dense layer whose error returns by ``feedback`` (outputs, inputs), which learns by ``rule``."""

    feedback: nn.Parameter
    rule: Rule
    alignment_input: AlignmentInput

    def forward(self, input: Tensor) -> Tensor:
        """W x + bias, for any number of leading batch dimensions."""
        return feedback_linear(input, self.weight, self.feedback, self.bias, self.rule, self.alignment_input)

    def extra_repr(self) -> str:
        """Sizes, as torch prints them, and the rule."""
        return f"{super().extra_repr()}, {self.rule}"


class FeedbackConv2d(nn.Conv2d):
    """A two-dimensional convolution whose error returns by ``feedback``, which learns by ``rule``.

    All of Conv2d's options are kept. Padding other than plain zeros is done before the layer, so that the alignment
    sees the padded input.
    """

    feedback: nn.Parameter
    rule: Rule
    alignment_input: AlignmentInput

    def forward(self, input: Tensor) -> Tensor:
        """The convolution, for any number of leading batch dimensions, none included."""
        padding = self.padding
        if self.padding_mode != "zeros" or isinstance(padding, str):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            rows = input.reshape(-1, *input.shape[-3:])
            rows = F.pad(rows, self._reversed_padding_repeated_twice, mode)
            input = rows.view(*input.shape[:-3], *rows.shape[1:])
            padding = (0, 0)
        assert isinstance(padding, tuple)
        stride, padding, dilation = ((pair[0], pair[1]) for pair in (self.stride, padding, self.dilation))
        convolution = Convolution(stride, padding, dilation, self.groups)
        return feedback_conv2d(
            input, self.weight, self.feedback, self.bias, self.rule, convolution, self.alignment_input
        )

    def extra_repr(self) -> str:
        """Sizes, as torch prints them, and the rule."""
        return f"{super().extra_repr()}, {self.rule}"


class TiedLinear(nn.Linear):
    """Backpropagation in the form of a feedback layer: ``feedback`` is the weight itself, always."""

    @property
    def feedback(self) -> Tensor:
        """The weight."""
        return self.weight


class TiedConv2d(nn.Conv2d):
    """Backpropagation in the form of a feedback layer: ``feedback`` is the weight itself, always."""

    @property
    def feedback(self) -> Tensor:
        """The weight."""
        return self.weight
