"""Small tanh networks side by side: a leading axis of networks, one batched product a layer.

The last column of each weight is the bias. Output units are linear; the loss is ½‖o - t‖², mean over samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad


@dataclass
class Networks:
    """State of networks of one shape; lists over layers, first axis the network."""

    weights: list[Float[Tensor, "networks _post _pre_and_bias"]]
    feedback: list[Float[Tensor, "networks _above _post"]]  # random, a hidden layer each, laid out like W above
    direct: list[Float[Tensor, "networks outputs _post"]]  # random, from the outputs, a hidden layer each
    masks: list[Float[Tensor, "_post _pre"] | None]  # which synapses of a layer there are; None for all

    def __len__(self) -> int:
        return len(self.weights[0])


def initial(
    sizes: Sequence[int],
    seeds: Sequence[int],
    masks: Sequence[np.ndarray | None] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Networks:
    """Networks with weights and feedback of variance 1/(number of inputs) and biases of 0; one seed a network.

    Parameters
    ----------
    sizes : units of each layer, inputs first
    masks : of each layer (post, pre), 0 where there is no synapse; a unit's variance follows its own number of inputs

    Raises
    ------
    ValueError
        If there are fewer than three layers of units, or a mask has another shape than its layer.
    """
    if len(sizes) < 3 or min(sizes) < 1:
        raise ValueError(f"initial: sizes is {tuple(sizes)}; allowed are three or more layers of 1 unit or more")
    layers = list(zip(sizes[1:], sizes[:-1], strict=True))
    kept = _checked(masks, layers, dtype)
    drawn: list[list[list[Tensor]]] = []
    for seed in seeds:
        random = np.random.default_rng([seed, 0])
        one = [_layer(random, shape, mask) for shape, mask in zip(layers, kept, strict=True)]
        back = [random.standard_normal(shape) / shape[1] ** 0.5 for shape in layers[1:]]
        direct = [random.standard_normal((sizes[-1], units)) / units**0.5 for units in sizes[1:-1]]
        drawn.append([[torch.as_tensor(array, dtype=dtype) for array in part] for part in (one, back, direct)])
    weights, feedback, aimed = (
        [torch.stack(same) for same in zip(*(network[part] for network in drawn), strict=True)] for part in range(3)
    )
    return Networks(weights, feedback, aimed, kept)


def _checked(
    masks: Sequence[np.ndarray | None] | None, layers: list[tuple[int, int]], dtype: torch.dtype
) -> list[Tensor | None]:
    if masks is None:
        return [None] * len(layers)
    for mask, shape in zip(masks, layers, strict=True):
        if mask is not None and mask.shape != shape:
            raise ValueError(f"initial: a mask has shape {mask.shape}; its layer has {shape} (post, pre)")
    return [None if mask is None else torch.as_tensor(mask, dtype=dtype) for mask in masks]


def _layer(random: np.random.Generator, shape: tuple[int, int], mask: Tensor | None) -> np.ndarray:
    weights = random.standard_normal(shape)
    if mask is None:
        weights /= shape[1] ** 0.5
    else:
        there = mask.numpy()
        weights *= there / np.maximum(there.sum(1, keepdims=True), 1) ** 0.5
    return np.concatenate([weights, np.zeros((shape[0], 1))], 1)


def with_one(x: Float[Tensor, "*networks samples units"]) -> Float[Tensor, "*networks samples units_and_one"]:
    """Activities with a constant 1 behind them, the input of the biases."""
    return pad(x, (0, 1), value=1.0)


def forward(
    networks: Networks,
    x: Float[Tensor, "networks samples inputs"],
    noise: Sequence[Float[Tensor, "networks samples _post"]] | None = None,
) -> list[Float[Tensor, "networks samples _units"]]:
    """Activities of every layer, inputs first; ``noise`` is added to the hidden units' summed inputs."""
    activities = [x]
    last = len(networks.weights) - 1
    for layer, weight in enumerate(networks.weights):
        summed = torch.baddbmm(weight[:, None, :, -1], activities[-1], weight[:, :, :-1].mT)
        if noise is not None and layer < last:
            summed = summed + noise[layer]
        activities.append(summed if layer == last else torch.tanh(summed))
    return activities


def losses(
    outputs: Float[Tensor, "networks samples outputs"], targets: Float[Tensor, "networks samples outputs"]
) -> Float[Tensor, "networks samples"]:
    """½‖o - t‖² of each sample."""
    return 0.5 * (outputs - targets).square().sum(-1)
