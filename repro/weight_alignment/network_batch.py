"""A batch of small networks with a leading network axis, and one step of all of them, written by hand.

y = W x with W (out, in); the error goes back as dx = Bᵀ dy with B of W's shape; B follows its rule
[kunin2020two]. Rows of x are samples, so that each product is one ``bmm`` over the networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from repro.weight_alignment.learners import Learner, Shape
from repro.weight_alignment.rules import PRIMITIVES

EPSILON = 1e-5  # added to the variance in batch normalisation
ADAM = (0.9, 0.999, 1e-8)  # decay of first and second moment, and what is added to the root


@dataclass
class Networks:
    """State of networks of one shape: a list over layers of tensors whose first axis is the network."""

    weights: list[Float[Tensor, "networks _out _inputs"]]
    feedback: list[Float[Tensor, "networks _out _inputs"]]  # the first layer's is empty: it is never read
    offsets: list[Float[Tensor, "networks 1 _out"]]  # bias after normalisation
    scales: list[Float[Tensor, "networks 1 _out"]]  # gain after normalisation, hidden layers
    velocity: dict[str, list[Tensor]]  # last step of weights, offsets and scales
    moments: list[tuple[Tensor, Tensor]]  # Adam's, of the feedback
    steps: int = 0


@dataclass(frozen=True)
class Settings:
    """The learners of a batch as tensors (networks, 1, 1), and what none of them needs."""

    rate: Float[Tensor, "networks 1 1"]
    descent: Float[Tensor, "networks 1 1"]  # minus the rate
    momentum: Float[Tensor, "networks 1 1"]
    keep: Float[Tensor, "networks 1 1"]  # what weight decay leaves of a weight in a step
    feedback_rate: Float[Tensor, "networks 1 1"]
    moves: dict[str, Float[Tensor, "networks 1 1"]]  # coefficient of each primitive, times the rate without Adam
    follows: Float[Tensor, "networks 1 1"]  # 1 for Kolen-Pollack
    centred: Float[Tensor, "networks 1 1"]
    weight_noise: Float[Tensor, "networks 1 1"]  # sd of a step
    feedback_noise: Float[Tensor, "networks 1 1"]
    tied: Int[Tensor, "tied"]  # positions
    matched: Int[Tensor, "matched"]  # positions whose feedback takes the weight's norm
    used: frozenset[str]  # options and primitives that some network of the batch needs


def settings(learners: Sequence[Learner], dtype: torch.dtype, device: torch.device) -> Settings:
    """The learners of one batch as tensors."""

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)[:, None, None]

    def positions(chosen: Sequence[bool]) -> Tensor:
        return torch.tensor([i for i, yes in enumerate(chosen) if yes], dtype=torch.long, device=device)

    columns = {name: [float(getattr(n.rule, name)) for n in learners] for name in PRIMITIVES}
    columns |= {
        "momentum": [n.momentum for n in learners],
        "weight_decay": [n.rate * n.weight_decay for n in learners],
        "follows": [float(n.rule.follows_weight_gradient) for n in learners],
        "centred": [float(n.centre_input) for n in learners],
        # a feedback that does not exist on its own, because it is tied, has no noise on its own either
        "weight_noise": [n.rate * n.weight_noise for n in learners],
        "feedback_noise": [n.rate * n.feedback_noise * (not n.rule.tied) for n in learners],
    }
    used = {name for name, values in columns.items() if any(values)}
    for flag in ("feedback_adam", "mirror", "batch_norm", "frozen_features"):
        if getattr(learners[0], flag):
            used.add(flag)
    adam, rates = learners[0].feedback_adam, column([n.feedback_rate for n in learners])
    return Settings(
        rate=column([n.rate for n in learners]),
        descent=column([-n.rate for n in learners]),
        momentum=column(columns["momentum"]),
        keep=1 - column(columns["weight_decay"]),
        feedback_rate=rates,
        moves={name: column(columns[name]) * (1 if adam else rates) for name in PRIMITIVES},
        follows=column(columns["follows"]),
        centred=column(columns["centred"]),
        weight_noise=column(columns["weight_noise"]),
        feedback_noise=column(columns["feedback_noise"]),
        tied=positions([n.rule.tied for n in learners]),
        matched=positions([n.match_norm and not n.rule.tied for n in learners]),
        used=frozenset(used),
    )


def initial(learners: Sequence[Learner], shape: Shape, dtype: torch.dtype, device: torch.device) -> Networks:
    """Networks before training: W and B independent, N(0, 2/inputs), in the last layer N(0, 1/inputs)."""
    drawn: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for seed in {learner.seed for learner in learners}:
        random = np.random.default_rng([seed, 0])
        drawn[seed] = []
        for layer, (out, inputs) in enumerate(shape.layers):
            spread = math.sqrt((1 if layer == len(shape.hidden) else 2) / inputs)
            weight, feedback = spread * random.standard_normal((2, out, inputs))
            drawn[seed].append((weight, feedback))

    def stacked(layer: int, which: int) -> Tensor:
        return torch.tensor(np.stack([drawn[n.seed][layer][which] for n in learners]), dtype=dtype, device=device)

    count, last = len(learners), len(shape.hidden)
    weights = [stacked(layer, 0) for layer in range(last + 1)]
    feedback = [weights[0].new_empty(count, 0, 0)] + [stacked(layer, 1) for layer in range(1, last + 1)]
    for position, learner in enumerate(learners):
        for layer in range(1, last + 1):
            if learner.rule.tied:
                feedback[layer][position] = weights[layer][position]
    offsets = [weights[0].new_zeros(count, 1, out) for out, _ in shape.layers]
    scales = [weights[0].new_ones(count, 1, out) for out in shape.hidden]
    velocity = {
        "weights": [torch.zeros_like(w) for w in weights],
        "offsets": [torch.zeros_like(o) for o in offsets],
        "scales": [torch.zeros_like(s) for s in scales],
    }
    adam = learners[0].feedback_adam
    moments = [(torch.zeros_like(b), torch.zeros_like(b)) for b in feedback] if adam else []
    networks = Networks(weights, feedback, offsets, scales, velocity, moments)
    match_norms(networks, settings(learners, dtype, device))
    return networks


def match_norms(networks: Networks, settings: Settings) -> None:
    """Give the feedback of the networks that ask for it the weight's Frobenius norm, layer by layer."""
    chosen = settings.matched
    if not len(chosen):
        return
    for weight, feedback in zip(networks.weights[1:], networks.feedback[1:], strict=True):
        there = feedback[chosen]
        wanted = weight[chosen].square().sum((1, 2), keepdim=True).sqrt()
        smallest = torch.finfo(there.dtype).tiny
        feedback[chosen] = there * (wanted / there.square().sum((1, 2), keepdim=True).sqrt().clamp_min(smallest))


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves for the backward pass, a list over layers."""

    inputs: list[Float[Tensor, "networks batch _inputs"]]
    outputs: list[Float[Tensor, "networks batch _out"]]  # W x, before normalisation and offset
    normalised: list[Float[Tensor, "networks batch _out"]]
    inverse_sd: list[Float[Tensor, "networks 1 _out"]]
    logits: Float[Tensor, "networks batch classes"]


def forward(networks: Networks, x: Float[Tensor, "networks batch inputs"], normalise: bool) -> Trace:
    """All layers' activities for a batch; normalisation, if on, by the statistics of this batch."""
    trace = Trace([], [], [], [], x)
    for weight, offset, scale in zip(networks.weights, networks.offsets, networks.scales, strict=False):
        y = torch.bmm(x, weight.mT)
        trace.inputs.append(x)
        trace.outputs.append(y)
        if normalise:
            centred = y - y.mean(1, keepdim=True)  # var_mean over a middle axis is fifty times slower
            inverse_sd = torch.rsqrt_(centred.square().mean(1, keepdim=True) + EPSILON)
            normalised = centred.mul_(inverse_sd)
            trace.normalised.append(normalised)
            trace.inverse_sd.append(inverse_sd)
            x = torch.addcmul(offset, normalised, scale).relu_()
        else:
            x = (y + offset).relu_()
    y = torch.bmm(x, networks.weights[-1].mT)
    trace.inputs.append(x)
    trace.outputs.append(y)
    return Trace(trace.inputs, trace.outputs, trace.normalised, trace.inverse_sd, y + networks.offsets[-1])


def output_error(
    logits: Float[Tensor, "networks batch classes"], labels: Int[Tensor, "networks batch"]
) -> Float[Tensor, "networks batch classes"]:
    """Gradient of the mean softmax cross-entropy with respect to the logits."""
    error = torch.softmax(logits.mT.contiguous(), 1)  # ten times faster than along a short last axis
    error.scatter_add_(1, labels[:, None], error.new_full((), -1).expand(len(labels), 1, labels.shape[1]))
    return error.div_(logits.shape[1]).mT
