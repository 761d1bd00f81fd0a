"""A network with feedback weights and what moves both, made from the options of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.weight_alignment.convert import (
    alignment_angles,
    convert,
    feedback_layers,
    feedback_parameters,
    weights_of,
)
from repro.weight_alignment.deep_models import build
from repro.weight_alignment.deep_options import Options
from repro.weight_alignment.deep_schedule import rate_share
from repro.weight_alignment.deep_seeds import stream_seed
from repro.weight_alignment.layers import FeedbackConv2d, FeedbackLinear
from repro.weight_alignment.options import add_update_noise

ADAM_BETAS = (0.9, 0.999)
TINY = 1e-7  # length below which a gradient is rounding
ROUNDING = {"float32": 0.05, "bf16": 0.3}  # share of its length by which a gradient may; a lost rule: about 1


@dataclass(frozen=True, eq=False)
class Learning:
    """A network, the optimiser of its weights, and that of its feedback where that learns."""

    network: nn.Module
    weights: torch.optim.SGD
    feedback: torch.optim.Optimizer | None

    def state(self) -> dict[str, Any]:
        """All that a checkpoint needs of them."""
        optimisers = {"weights": self.weights} | ({"feedback": self.feedback} if self.feedback else {})
        return {"network": self.network.state_dict()} | {name: each.state_dict() for name, each in optimisers.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.weights.load_state_dict(state["weights"])
        if self.feedback is not None:
            self.feedback.load_state_dict(state["feedback"])


def make(options: Options, channels: int, side: int, classes: int, device: torch.device) -> Learning:
    """Network and optimisers as they are before the first step; the same on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(options.seed, "weights"))
        plain = build(options.model, channels, side, classes, options.stem)
    generator = torch.Generator().manual_seed(stream_seed(options.seed, "feedback"))
    network = convert(plain, options.rule, True, options.alignment_input, generator)
    layers = list(feedback_layers(network).values())
    if not options.rule.tied:
        layers[0].feedback.requires_grad_(False)  # nobody reads it
    network.to(device)
    if device.type == "cuda":  # several times slower on a CPU
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Learning(network, _weights_optimiser(network, options), _feedback_optimiser(network, options))


def _weights_optimiser(network: nn.Module, options: Options) -> torch.optim.SGD:
    """Batch norm has no weight decay."""
    own = options.learning
    shrinking = {id(p) for layer in feedback_layers(network).values() for p in (layer.weight, layer.bias)}
    parameters = weights_of(network)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if id(p) in shrinking], "weight_decay": own.weight_decay},
        {"params": [p for p in parameters if id(p) not in shrinking], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.SGD(groups, lr=own.rate, momentum=own.momentum, nesterov=own.momentum > 0)


def learning_feedback(network: nn.Module) -> list[nn.Parameter]:
    """The feedback weights that learn."""
    return [parameter for parameter in feedback_parameters(network) if parameter.requires_grad]


def _feedback_optimiser(network: nn.Module, options: Options) -> torch.optim.Optimizer | None:
    """The rule has its own decay, the optimiser none."""
    parameters = learning_feedback(network)
    if not parameters:
        return None
    kind, rate, _ = options.feedback_learning
    if kind == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=ADAM_BETAS)
    momentum = options.learning.momentum if kind == "nesterov" else 0.0
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, nesterov=momentum > 0)


def rates(options: Options, step: int, steps: int) -> tuple[float, float]:
    """Learning rates of weights and feedback in step number ``step`` of ``steps``."""
    _, rate, schedule = options.feedback_learning
    own = options.learning
    return own.rate * rate_share(own.schedule, step, steps), rate * rate_share(schedule, step, steps)


def descend(learning: Learning, options: Options, step: int, steps: int) -> None:
    """Move weights and feedback by their gradients, then add the noise that was asked for.

    Noise is the same in all processes: it follows from the seed and the step.
    """
    weight_rate, feedback_rate = rates(options, step, steps)
    for optimiser, rate in ((learning.weights, weight_rate), (learning.feedback, feedback_rate)):
        if optimiser is not None:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
    if options.learning.noise or options.feedback.feedback_noise:
        some = next(learning.network.parameters())
        generator = torch.Generator(some.device).manual_seed(stream_seed(options.seed, "step", step))
        if options.learning.noise:
            add_update_noise(weights_of(learning.network), weight_rate, options.learning.noise, generator)
        if options.feedback.feedback_noise:
            noisy = learning_feedback(learning.network)
            add_update_noise(noisy, feedback_rate, options.feedback.feedback_noise, generator)
    if options.feedback.match_norm:
        match_norms(learning.network)


@torch.no_grad()
def match_norms(network: nn.Module) -> None:
    """Give each layer's learning feedback the length of its weight; zero feedback stays."""
    for layer in feedback_layers(network).values():
        if layer.feedback.requires_grad:
            length = layer.feedback.norm()
            layer.feedback.mul_(torch.where(length > 0, layer.weight.norm() / length, 1.0))


def angles(network: nn.Module) -> dict[str, float | None]:
    """Degrees between feedback and weight of the layers above the first; None where one is zero."""
    found = list(alignment_angles(network).items())[1:]
    return {name: None if np.isnan(value) else value for name, value in found}


def median_angle(by_layer: dict[str, float | None]) -> float | None:
    """The median over layers; None if no layer has an angle."""
    known = [value for value in by_layer.values() if value is not None]
    return float(np.median(known)) if known else None


def check_compiled(
    network: nn.Module,
    compiled: Callable[[Tensor], Tensor],
    x: Tensor,
    loss: Callable[[Tensor], Tensor],
    within: float = 0.05,
) -> None:
    """Compare the gradients of the compiled network with those of the uncompiled one on one batch.

    Compilers have been seen to restore backpropagation silently; then gradients differ by as much as they are long.
    Gradients of feedback that sees noise differ anyway, and are left out. Parameters that start at zero, such as the
    scale of a block's last batch norm, are 1 meanwhile, so that errors reach every layer; then everything is as before.

    Parameters
    ----------
    within
        Share of a gradient's length by which rounding may change it.

    Raises RuntimeError naming the first parameter whose gradient differs.
    """
    noisy = {
        f"{name}.feedback"
        for name, layer in feedback_layers(network).items()
        if isinstance(layer, FeedbackLinear | FeedbackConv2d) and layer.alignment_input.noise != "none"
    }
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    found = []
    with _no_zeros(network):
        for forward in (network, compiled):
            network.zero_grad(set_to_none=True)
            loss(forward(x)).backward()
            found.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
            for name, buffer in network.named_buffers():
                buffer.copy_(before[name])
    network.zero_grad(set_to_none=True)
    for name, eager in found[0].items():
        other = found[1].get(name)
        if name in noisy:
            continue
        off = torch.inf if other is None else float((other - eager).norm())
        if off > within * eager.norm() + TINY:
            raise RuntimeError(
                f"compiled, the gradient of {name} is another one (off by {off:.3g}, its length is "
                f"{float(eager.norm()):.3g}): train without --compile"
            )


@contextmanager
def _no_zeros(network: nn.Module) -> Iterator[None]:
    """Parameters that are zero throughout are 1 for a while."""
    zeros = [parameter for parameter in network.parameters() if not parameter.any()]
    with torch.no_grad():
        for parameter in zeros:
            parameter.fill_(1.0)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter in zeros:
                parameter.zero_()
