"""One learning step of a batch of networks: errors back through the feedback, weights and feedback forward."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from repro.weight_alignment.network_batch import ADAM, Networks, Settings, forward, match_norms, output_error

Noise = dict[str, list[Tensor]]
"""Standard normal draws by use (``weights``, ``feedback``, ``mirror``), one tensor a layer."""


def step(
    networks: Networks,
    settings: Settings,
    x: Float[Tensor, "networks batch inputs"],
    labels: Int[Tensor, "networks batch"],
    noise: Noise,
) -> None:
    """Move all networks by one step on a batch, in place.

    Gradients and alignment of a layer are those of the weights before the step. Alignment sees the layer's input
    and its linear output W x, without offset.
    """
    used = settings.used
    networks.steps += 1
    trace = forward(networks, x, "batch_norm" in used)
    error = output_error(trace.logits, labels)
    if "frozen_features" in used:
        _learn(networks.offsets[-1], networks.velocity["offsets"][-1], error.sum(1, keepdim=True), settings)
        _move_weight(networks, settings, len(networks.weights) - 1, error, trace.inputs[-1], noise)
        return
    for layer in reversed(range(len(networks.weights))):
        if layer < len(networks.scales):
            error = torch.ops.aten.threshold_backward(error, trace.inputs[layer + 1], 0)
            offset_gradient = error.sum(1, keepdim=True)
            if "batch_norm" in used:
                normalised, inverse_sd = trace.normalised[layer], trace.inverse_sd[layer]
                scale_gradient = (error * normalised).sum(1, keepdim=True)
                error = torch.addcmul(error - offset_gradient / x.shape[1], normalised, scale_gradient / -x.shape[1])
                error.mul_(inverse_sd * networks.scales[layer])
                _learn(networks.scales[layer], networks.velocity["scales"][layer], scale_gradient, settings)
        else:
            offset_gradient = error.sum(1, keepdim=True)
        _learn(networks.offsets[layer], networks.velocity["offsets"][layer], offset_gradient, settings)
        below = torch.bmm(error, networks.feedback[layer]) if layer else error
        if layer:
            _align(networks, settings, layer, trace.inputs[layer], trace.outputs[layer], noise)
        _move_weight(networks, settings, layer, error, trace.inputs[layer], noise)
        error = below
    match_norms(networks, settings)


def _learn(parameter: Tensor, velocity: Tensor, gradient: Tensor, settings: Settings) -> None:
    """Move an offset or a scale by gradient descent with momentum."""
    velocity.mul_(settings.momentum).addcmul_(gradient, settings.descent)
    parameter.add_(velocity)


def _move_weight(networks: Networks, settings: Settings, layer: int, error: Tensor, x: Tensor, noise: Noise) -> None:
    """Move a layer's weight by its pseudo-gradient, and the feedback that is tied to it or follows it."""
    used, weight, feedback = settings.used, networks.weights[layer], networks.feedback[layer]
    move = networks.velocity["weights"][layer]
    if "momentum" in used:
        move.mul_(settings.momentum)
        move.baddbmm_((error * settings.descent).mT, x)
    else:
        torch.bmm((error * settings.descent).mT, x, out=move)
    if "weight_decay" in used:
        weight.mul_(settings.keep)
    weight.add_(move)
    if "weight_noise" in used:
        weight.addcmul_(noise["weights"][layer], settings.weight_noise)
    if layer and "follows" in used:
        feedback.addcmul_(move, settings.follows)
    if layer and "feedback_noise" in used:
        feedback.addcmul_(noise["feedback"][layer], settings.feedback_noise)
    if layer and len(settings.tied):
        feedback[settings.tied] = weight[settings.tied]


def _align(networks: Networks, settings: Settings, layer: int, x: Tensor, y: Tensor, noise: Noise) -> None:
    """Move a layer's feedback by its rule's primitives, from the input and output of the layer."""
    used, weight, feedback = settings.used, networks.weights[layer], networks.feedback[layer]
    if used & {"amp", "null", "sparse"}:
        if "mirror" in used:
            x = noise["mirror"][layer]
            y = torch.bmm(x, weight.mT)
        if "centred" in used:
            x = x - settings.centred * x.mean(1, keepdim=True)
            y = y - settings.centred * y.mean(1, keepdim=True)
    if "feedback_adam" in used:
        gradient = torch.zeros_like(feedback)
        descend(gradient, weight, feedback, x, y, settings.moves, used)  # leaves minus the gradient
        _adam(feedback, networks.moments[layer], gradient, settings.feedback_rate, networks.steps)
    elif used & settings.moves.keys():
        descend(feedback, weight, feedback, x, y, settings.moves, used)


def descend(
    target: Tensor, weight: Tensor, feedback: Tensor, x: Tensor, y: Tensor, moves: dict[str, Tensor], used: frozenset
) -> None:
    """Add minus the sum of ``moves`` times the primitives' gradients to ``target``, which may be the feedback itself.

    Amplification pairs x with y, as sparsity (x with z = B x) and nulling (y with r = Bᵀ y) do: it is added to
    whichever of the two is computed anyway, before the outer product is taken.
    """
    samples = x.shape[1]
    amp_with_null = "null" in used and "sparse" not in used
    products = []
    if "sparse" in used or ("amp" in used and not amp_with_null):
        seen = y * (moves["amp"] / samples) if "amp" in used and not amp_with_null else None
        if "sparse" in used:
            z = torch.bmm(x, feedback.mT).mul_(moves["sparse"] / -samples)
            seen = z if seen is None else seen.add_(z)
        assert seen is not None
        products.append((seen.mT, x))
    if "null" in used:
        seen = torch.bmm(y, feedback).mul_(moves["null"] / -samples)
        if "amp" in used and amp_with_null:
            seen = seen.addcmul_(x, moves["amp"] / samples)
        products.append((y.mT, seen))
    if "decay" in used:
        if target is feedback:
            target.mul_(1 - moves["decay"])
        else:
            target.addcmul_(feedback, moves["decay"], value=-1)
    if "self_weight" in used:
        target.addcmul_(weight, moves["self_weight"])
    for left, right in products:
        target.baddbmm_(left, right)


def _adam(feedback: Tensor, moments: tuple[Tensor, Tensor], descent: Tensor, rate: Tensor, count: int) -> None:
    """Move the feedback by Adam along ``descent``, minus its gradient."""
    first, second = moments
    forget_first, forget_second, small = ADAM
    first.lerp_(descent, 1 - forget_first)
    second.mul_(forget_second).addcmul_(descent, descent, value=1 - forget_second)
    root = (second / (1 - forget_second**count)).sqrt_().add_(small)
    feedback.addcmul_(first / root, rate / (1 - forget_first**count))
