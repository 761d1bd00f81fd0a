"""The feedback path as one autograd function: errors return by the feedback, which itself learns by the rule."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from repro.weight_alignment.operators import Convolution, Dense, Operator
from repro.weight_alignment.options import AlignmentInput
from repro.weight_alignment.primitives import combined_gradient, needs_input, needs_output
from repro.weight_alignment.rules import Rule

_DENSE = Dense()


class _Feedback(torch.autograd.Function):
    """y = W x + bias forward; backward, dx by the feedback, exact dW and dbias, and the rule's gradient.

    The feedback learns only where the input wants a gradient: elsewhere (a network's first layer) nobody reads it.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        feedback: Tensor,
        bias: Tensor | None,
        operator: Operator,
        rule: Rule,
        alignment_input: AlignmentInput,
    ) -> Tensor:
        aligns = ctx.needs_input_grad[0] and ctx.needs_input_grad[2]
        keeps_y = aligns and needs_output(rule) and alignment_input.keeps_output
        keeps_weight = aligns and (rule.self_weight > 0 or (needs_output(rule) and not alignment_input.keeps_output))
        # the alignment's y is without the bias, and not the tensor that a following in-place ReLU overwrites
        y = operator.apply(x, weight, None if keeps_y else bias)
        rows = alignment_input.rows(len(y))
        seen_y = None if not keeps_y else y if rows == len(y) else y[:rows]
        ctx.save_for_backward(x, feedback, weight if keeps_weight else None, seen_y)
        ctx.setting = operator, rule, alignment_input, aligns
        if keeps_y and bias is not None:
            return y + bias.to(y.dtype).view(-1, *[1] * (y.dim() - 2))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_autocast_enabled(error.device.type):  # as in torch's own layers, backward doesn't cast
            with torch.autocast(error.device.type, enabled=False):
                return _gradients(ctx, error)
        return _gradients(ctx, error)


def _gradients(ctx: Any, error: Tensor) -> tuple[Tensor | None, ...]:
    x, feedback, weight, y = ctx.saved_tensors
    operator, rule, alignment_input, aligns = ctx.setting
    needs_x, needs_weight, _, needs_bias = ctx.needs_input_grad[:4]
    follows = aligns and rule.follows_weight_gradient
    x_gradient, weight_gradient, bias_gradient = operator.backward(
        error, x.to(error.dtype), feedback.to(error.dtype), (needs_x, needs_weight or follows, needs_bias)
    )
    if not aligns:
        return x_gradient, weight_gradient, None, bias_gradient, None, None, None
    if needs_input(rule):  # in the feedback's precision, whatever the forward pass was cast to: its steps are small
        y = None if y is None else y.to(feedback.dtype)
        x, y = alignment_input.seen(operator, weight, x.to(feedback.dtype), y, needs_output(rule))
    feedback_gradient = combined_gradient(operator, rule, weight, feedback, x, y, weight_gradient)
    return x_gradient, weight_gradient, feedback_gradient, bias_gradient, None, None, None


def feedback_linear(
    x: Float[Tensor, "... inputs"],
    weight: Float[Tensor, "outputs inputs"],
    feedback: Float[Tensor, "outputs inputs"],
    bias: Float[Tensor, "outputs"] | None,
    rule: Rule,
    alignment_input: AlignmentInput = AlignmentInput(),  # noqa: B008  (frozen)
) -> Float[Tensor, "... outputs"]:
    """Dense layer whose error returns by ``feedback`` and whose feedback gets the rule's gradient.

    The batch mean of the primitives runs over all leading dimensions. Where ``x`` wants no gradient, the feedback
    gets none either: nothing reads it. There is no second derivative.
    """
    _refuse_function_transforms()
    rows = x if x.dim() == 2 else x.reshape(-1, x.shape[-1])
    y = _Feedback.apply(rows, weight, feedback, bias, _DENSE, rule, alignment_input)
    return y if x.dim() == 2 else y.view(*x.shape[:-1], weight.shape[0])


def feedback_conv2d(
    x: Float[Tensor, "... inputs height width"],
    weight: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
    feedback: Float[Tensor, "outputs inputs_per_group kernel_height kernel_width"],
    bias: Float[Tensor, "outputs"] | None,
    rule: Rule,
    convolution: Convolution = Convolution(),  # noqa: B008  (frozen)
    alignment_input: AlignmentInput = AlignmentInput(),  # noqa: B008  (frozen)
) -> Float[Tensor, "... outputs out_height out_width"]:
    """Convolution whose error returns by ``feedback`` and whose feedback gets the rule's gradient.

    The primitives' mean runs over the batch (all leading dimensions), their sum over positions, as in the authors'
    code. Where ``x`` wants no gradient, the feedback gets none either: nothing reads it. No second derivative.
    """
    _refuse_function_transforms()
    rows = x if x.dim() == 4 else x.reshape(-1, *x.shape[-3:])
    y = _Feedback.apply(rows, weight, feedback, bias, convolution, rule, alignment_input)
    return y if x.dim() == 4 else y.view(*x.shape[:-3], *y.shape[1:])


def _refuse_function_transforms() -> None:
    """Stop ``torch.func.grad`` and its kin: compiled by torch 2.13 they return wrong gradients without a word."""
    if torch._C._functorch.maybe_current_level() is not None:
        raise RuntimeError(
            "feedback layers don't work inside torch.func transforms (grad, vmap, ...); use loss.backward() "
            "or torch.autograd.grad, which may be compiled"
        )
