"""Give any torch network feedback weights, take them away again, and look at them.

Example
-------
>>> import torch
>>> from repro.weight_alignment import RULES, convert, feedback_parameters, weights_of
>>> network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
>>> network = convert(network, RULES["SA"])
>>> weights = torch.optim.SGD(weights_of(network), lr=0.1, weight_decay=1e-4)
>>> feedback = torch.optim.SGD(feedback_parameters(network), lr=1.0)  # no weight decay: the rule has its own
>>> network(torch.randn(5, 3)).square().mean().backward()
>>> feedback.step()
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from repro.weight_alignment.layers import FeedbackConv2d, FeedbackLinear, TiedConv2d, TiedLinear
from repro.weight_alignment.options import AlignmentInput
from repro.weight_alignment.rules import Rule

Network = TypeVar("Network", bound=nn.Module)
FeedbackLayer = FeedbackLinear | FeedbackConv2d | TiedLinear | TiedConv2d

_WITH_FEEDBACK = {nn.Linear: FeedbackLinear, nn.Conv2d: FeedbackConv2d}
_TIED = {nn.Linear: TiedLinear, nn.Conv2d: TiedConv2d}
_PLAIN = {made: plain for table in (_WITH_FEEDBACK, _TIED) for plain, made in table.items()}
_WITHOUT_A_RULE = (  # they would send errors back through their own weights, unnoticed
    nn.Linear,
    nn.modules.conv._ConvNd,
    nn.Bilinear,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)


def convert(
    model: Network,
    rule: Rule,
    inplace: bool = False,
    alignment_input: AlignmentInput = AlignmentInput(),  # noqa: B008  (frozen)
    generator: torch.Generator | None = None,
) -> Network:
    """Give every Linear and Conv2d of a network feedback weights that learn by ``rule``.

    Afterwards ``loss.backward()`` sends errors back by ``layer.feedback`` (shape of ``layer.weight``), gives
    ``weight.grad`` from those errors and ``feedback.grad`` from the rule's primitives. Make the optimisers after
    converting. Everything else in the network (batch norm, embeddings, parameters of your own) keeps its exact
    gradient.

    Parameters
    ----------
    model
        Any module; a copy of it is converted unless ``inplace``.
    rule
        The rule of all layers; ``RULES["BP"]`` makes the feedback the weight itself.
    alignment_input
        What the alignment sees: the layer's input, part of the batch, centred input or noise.
    generator
        Source of the initial feedback; torch's own by default, as for every torch layer. Don't seed it with the seed
        that made the weights: equal draws would be aligned from the start.

    The feedback starts as independent Gaussians with the root mean square of the layer's weights (where these are all
    zero, with torch's default for the layer, 1/√(3 fan-in)). Deviates: the authors draw it from the weight's own
    initialiser, which a layer doesn't tell.

    The feedback of a layer whose input wants no gradient, such as a network's first, is never read and gets no
    gradient: it stays as drawn. Gradients of the feedback don't depend on the loss, so they don't shrink with a
    loss scale, and under gradient accumulation they add up. A convolution without a bias must not be followed at
    once by an in-place activation if the rule has amp or null; torch then refuses the backward pass.

    Raises
    ------
    ValueError
        Names the layer that has weights of a kind this can't convert, or has feedback weights already, or says that
        there is nothing to convert. The model is then unchanged.
    """
    layers = {name: layer for name, layer in model.named_modules() if _is_convertible(name, layer)}
    if not layers:
        raise ValueError(f"convert: {type(model).__name__} has no Linear or Conv2d layer")
    if not inplace:
        model = copy.deepcopy(model)
        layers = {name: model.get_submodule(name) for name in layers}
    for layer in layers.values():
        if rule.tied:
            layer.__class__ = _TIED[type(layer)]
            continue
        feedback = nn.Parameter(_initial_feedback(layer.weight, generator), requires_grad=rule.learns)
        layer.__class__ = _WITH_FEEDBACK[type(layer)]
        layer.register_parameter("feedback", feedback)
        layer.rule, layer.alignment_input = rule, alignment_input
    return model


def revert(model: Network, inplace: bool = False) -> Network:
    """A plain network with the same weights: the layers as they were before ``convert``, feedback thrown away."""
    if not inplace:
        model = copy.deepcopy(model)
    for _, layer in _feedback_layers(model):
        if isinstance(layer, FeedbackLinear | FeedbackConv2d):
            del layer.feedback, layer.rule, layer.alignment_input
        layer.__class__ = _PLAIN[type(layer)]
    return model


def set_rule(model: nn.Module, rule: Rule, alignment_input: AlignmentInput | None = None) -> None:
    """Change the rule of a converted network, in place, and go on from the feedback that it has.

    ``Rule()`` lets the feedback rest. ``alignment_input`` stays as it is unless given. Raises ValueError if the
    network has no feedback of its own, or the rule is tied.
    """
    layers = [layer for _, layer in _feedback_layers(model) if isinstance(layer, FeedbackLinear | FeedbackConv2d)]
    if not layers or rule.tied:
        raise ValueError("set_rule: a tied rule, or a network without feedback of its own: use convert (and revert)")
    for layer in layers:
        layer.rule = rule
        layer.alignment_input = layer.alignment_input if alignment_input is None else alignment_input
        layer.feedback.requires_grad_(rule.learns)


def feedback_layers(model: nn.Module) -> dict[str, FeedbackLayer]:
    """The converted layers of a network by name, in its order."""
    return dict(_feedback_layers(model))


def feedback_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The feedback weights, for an optimiser of their own. None of them for a tied rule."""
    layers = (layer for _, layer in _feedback_layers(model))
    return [layer.feedback for layer in layers if isinstance(layer, FeedbackLinear | FeedbackConv2d)]


def weights_of(model: nn.Module) -> list[nn.Parameter]:
    """All parameters but the feedback weights."""
    feedback = {id(parameter) for parameter in feedback_parameters(model)}
    return [parameter for parameter in model.parameters() if id(parameter) not in feedback]


def alignment_angles(model: nn.Module) -> dict[str, float]:
    """Degrees between the feedback and the weight of each layer, both flattened.

    Two random directions of n entries lie at 90 ± 57/√n degrees; a direction of zero length has no angle (nan). The
    first layer's feedback is not read and doesn't learn, so its angle says nothing.
    """
    return {name: angle(layer.feedback, layer.weight) for name, layer in _feedback_layers(model)}


def angle(first: Tensor, second: Tensor) -> float:
    """Degrees between two tensors of one shape, flattened; nan where one is zero. Exact to rounding near 0 too."""
    a, b = (tensor.detach().double().flatten() for tensor in (first, second))
    if not (a.any() and b.any()):
        return math.nan
    a, b = a / a.norm(), b / b.norm()
    return math.degrees(2.0 * math.atan2(float((a - b).norm()), float((a + b).norm())))


def _is_convertible(name: str, layer: nn.Module) -> bool:
    where = f"layer {name!r}" if name else "the model itself"
    if type(layer) in _PLAIN:
        raise ValueError(f"convert: {where} has feedback weights already; use set_rule, or revert first")
    if type(layer) in _WITH_FEEDBACK:
        weight = layer._parameters.get("weight")
        if weight is None:
            raise ValueError(f"convert: {where} has a weight that is computed (weight_norm?), not a parameter")
        if not weight.is_floating_point():
            raise ValueError(f"convert: {where} has a weight of type {weight.dtype}; allowed are real floats")
        return True
    if isinstance(layer, _WITHOUT_A_RULE):
        raise ValueError(
            f"convert: {where} is a {type(layer).__name__}; only Linear and Conv2d themselves can be converted"
        )
    return False


def _feedback_layers(model: nn.Module) -> Iterator[tuple[str, FeedbackLayer]]:
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, FeedbackLayer))


def _initial_feedback(weight: Tensor, generator: torch.Generator | None) -> Tensor:
    """Drawn on the CPU in double precision, so that a seed gives the same feedback on every device."""
    size = weight.detach().double().square().mean().sqrt()
    if not size > 0:
        size = torch.tensor((3 * weight[0].numel()) ** -0.5)
    draw = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return (draw * size.cpu()).to(weight)
