"""The five primitives as potentials and as gradients, for dense layers and convolutions [kunin2020two].

Throughout, ``feedback`` has the shape of ``weight``: it is Bᵀ in the paper's y = W x, dx = B dy. Dense layers take
any number of leading batch dimensions and average over all of them; convolutions average over the batch and sum
over positions, as the authors' code does.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from repro.weight_alignment.operators import Convolution, Dense, Operator
from repro.weight_alignment.rules import PRIMITIVES, Rule


def potential(
    name: str,
    weight: Float[Tensor, "outputs *kernel"],
    feedback: Float[Tensor, "outputs *kernel"],
    x: Float[Tensor, "... inputs"] | Float[Tensor, "... inputs height width"],
    convolution: Convolution | None = None,
) -> Float[Tensor, ""]:
    """Potential of one primitive, averaged over the batch; differentiable in every tensor.

    Parameters
    ----------
    name
        One of ``PRIMITIVES``.
    weight, feedback
        W and Bᵀ: (outputs, inputs), or (outputs, inputs/groups, height, width) for a convolution.
    x
        The layer's input, without the bias.
    convolution
        Stride, padding, dilation and groups; the default is a plain convolution. Refused for a dense layer.

    Deviates from the authors' code: decay, null and sparse carry a factor 1/2.
    """
    operator, rows = _operator_and_rows(weight, x, convolution)
    n = len(rows)
    if name == "decay":
        return feedback.square().sum() / 2
    if name == "self_weight":
        return -(feedback * weight).sum()
    if name == "sparse":
        return operator.apply(rows, feedback).square().sum() / (2 * n)
    y = operator.apply(rows, weight)
    if name == "amp":
        return -(operator.apply(rows, feedback) * y).sum() / n
    if name == "null":
        return operator.transpose(y, feedback, rows).square().sum() / (2 * n)
    raise ValueError(f"potential: no primitive is called {name!r}; there are {', '.join(PRIMITIVES)}")


@torch.no_grad()
def gradient(
    rule: Rule,
    weight: Float[Tensor, "outputs *kernel"],
    feedback: Float[Tensor, "outputs *kernel"],
    x: Float[Tensor, "... inputs"] | Float[Tensor, "... inputs height width"],
    convolution: Convolution | None = None,
    weight_gradient: Float[Tensor, "outputs *kernel"] | None = None,
) -> Float[Tensor, "outputs *kernel"]:
    """Gradient by which a rule moves the feedback: the sum of coefficient times dP/dB, batch mean.

    Arguments as for ``potential``; ``weight_gradient`` is read by a rule that follows it (Kolen-Pollack) alone.
    """
    operator, rows = _operator_and_rows(weight, x, convolution)
    y = operator.apply(rows, weight) if needs_output(rule) else None
    return combined_gradient(operator, rule, weight, feedback, rows, y, weight_gradient)


def needs_output(rule: Rule) -> bool:
    """Whether the rule reads the layer's output y."""
    return rule.amp > 0 or rule.null > 0


def needs_input(rule: Rule) -> bool:
    """Whether the rule reads the layer's input x."""
    return needs_output(rule) or rule.sparse > 0


def combined_gradient(
    operator: Operator,
    rule: Rule,
    weight: Tensor | None,
    feedback: Tensor,
    x: Tensor | None,
    y: Tensor | None,
    weight_gradient: Tensor | None = None,
) -> Tensor:
    """The rule's gradient from tensors at hand, with the terms added up before they are contracted.

    The amp term -y xᵀ joins the outer product that sparse (z xᵀ) or null (y rᵀ) needs anyway, so that all five
    cost two outer products, Bᵀx and B y. ``weight``, ``x`` and ``y`` may be None where
    the rule doesn't read them (the weight: unless it has self_weight).

    Products are scaled in a step of their own: compiled by torch 2.13's inductor, ``a.add(b @ c, alpha=s)`` silently
    loses its s.
    """
    if rule.tied:
        raise ValueError("gradient: the rule is tied (backpropagation); its feedback is the weight and has no gradient")
    total = feedback * rule.decay
    if rule.self_weight:
        assert weight is not None
        total.sub_(weight, alpha=rule.self_weight)
    if rule.follows_weight_gradient:
        if weight_gradient is None:
            raise ValueError("gradient: the rule follows the weight gradient; pass weight_gradient")
        total.add_(weight_gradient)
    if not needs_input(rule):
        return total
    assert x is not None
    n = max(len(x), 1)
    if rule.sparse:
        z = operator.apply(x, feedback)
        if rule.amp:
            assert y is not None
            z.sub_(y, alpha=rule.amp / rule.sparse)
        total.add_(operator.outer(z, x, feedback).mul_(rule.sparse / n))
    if rule.null:
        assert y is not None
        r = operator.transpose(y, feedback, x)
        if rule.amp and not rule.sparse:
            r.sub_(x, alpha=rule.amp / rule.null)
        total.add_(operator.outer(y, r, feedback).mul_(rule.null / n))
    elif rule.amp and not rule.sparse:
        assert y is not None
        total.sub_(operator.outer(y, x, feedback).mul_(rule.amp / n))
    return total


def _operator_and_rows(weight: Tensor, x: Tensor, convolution: Convolution | None) -> tuple[Operator, Tensor]:
    if weight.dim() == Dense.weight_dimensions:
        if convolution is not None:
            raise ValueError(f"the weight has shape {tuple(weight.shape)}, a dense layer's; it takes no convolution")
        return Dense(), x.reshape(-1, x.shape[-1])
    if weight.dim() == Convolution.weight_dimensions:
        return convolution or Convolution(), x.reshape(-1, *x.shape[-3:])
    raise ValueError(f"the weight has shape {tuple(weight.shape)}; allowed are two dimensions (dense) and four (conv)")
