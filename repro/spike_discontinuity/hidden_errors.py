"""The errors that reach the hidden units of a batch of networks, by their own feedback or by any other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from repro.weight_alignment.network_batch import Networks, forward, output_error


def hidden_errors(
    networks: Networks,
    x: Float[Tensor, "networks batch inputs"],
    labels: Int[Tensor, "networks batch"],
    feedback: Sequence[Tensor],
    normalise: bool,
) -> list[Float[Tensor, "networks batch _units"]]:
    """Errors at the outputs of each hidden layer, first to last, as a learning step would send them.

    Parameters
    ----------
    feedback : by layer, in the weights' shape; ``networks.weights`` gives backpropagation
    normalise : whether the networks have batch normalisation
    """
    trace = forward(networks, x, normalise)
    error = output_error(trace.logits, labels)
    found = []
    for layer in range(len(networks.weights) - 1, 0, -1):
        error = torch.bmm(error, feedback[layer])
        found.append(error)
        error = error * (trace.inputs[layer] > 0)
        if normalise:
            scaled = error * networks.scales[layer - 1]
            normalised = trace.normalised[layer - 1]
            along = (scaled * normalised).mean(1, keepdim=True)
            error = (scaled - scaled.mean(1, keepdim=True) - normalised * along) * trace.inverse_sd[layer - 1]
    return found[::-1]


def error_angles(
    networks: Networks,
    x: Float[Tensor, "samples inputs"],
    labels: Int[Tensor, "samples"],
    normalise: bool,
) -> Float[Tensor, "networks layers"]:
    """Degrees between the hidden errors sent by each network's feedback and by its weights, all samples together."""
    count = len(networks.weights[0])
    inputs, wanted = x.expand(count, *x.shape), labels.expand(count, -1)
    own = hidden_errors(networks, inputs, wanted, networks.feedback, normalise)
    exact = hidden_errors(networks, inputs, wanted, networks.weights, normalise)
    angles = []
    for a, b in zip(own, exact, strict=True):
        a, b = a.double(), b.double()
        length = a.square().sum((1, 2)).sqrt() * b.square().sum((1, 2)).sqrt()
        angles.append(torch.rad2deg(torch.acos(((a * b).sum((1, 2)) / length).clamp(-1, 1))))
    return torch.stack(angles, 1)
