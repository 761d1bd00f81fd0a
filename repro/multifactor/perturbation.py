"""Node perturbation: how close its change comes to the gradient, by number of nodes, trials and compartments [E].

One hidden layer of N noisy tanh units below linear outputs, one sample. Each trial draws ξ of standard deviation σ for
all nodes and sees what it does to the loss: Δ = -(1/B) sum over trials of (L(ξ) - L(0)) ξ/σ². For small σ
E[Δ] = -g and E‖Δ‖² = ‖g‖² (1 + (N+1)/B). If a compartment of nodes has a modulator of its own, which tells what its own
noise does to the loss, N is the number of nodes in a compartment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, pi

import numpy as np
from jaxtyping import Float, Int

SIGMA = 1e-4  # of the summed input, which is of the order of 1
OUTPUTS = 10


@dataclass(frozen=True)
class Layer:
    """Noisy units and what is above them, for one sample."""

    summed: Float[np.ndarray, "nodes"]  # input of each unit, without noise
    above: Float[np.ndarray, "outputs nodes"]
    target: Float[np.ndarray, "outputs"]

    @property
    def error(self) -> Float[np.ndarray, "outputs"]:
        """o - t without noise."""
        return self.above @ np.tanh(self.summed) - self.target

    @property
    def gradient(self) -> Float[np.ndarray, "nodes"]:
        """dL/du of each unit, L = ½‖o - t‖²."""
        return (self.above.T @ self.error) * (1 - np.tanh(self.summed) ** 2)


def random_layer(nodes: int, random: np.random.Generator) -> Layer:
    """A layer of standard normal inputs, weights of variance 1/nodes, and a standard normal target."""
    above = random.standard_normal((OUTPUTS, nodes)) / nodes**0.5
    return Layer(random.standard_normal(nodes), above, random.standard_normal(OUTPUTS))


def law(nodes: Float[np.ndarray, "*any"] | float, trials: float) -> Float[np.ndarray, "*any"] | float:
    """The cosine between Δ and downhill, 1/√(1 + (N+1)/B); good from B = 8 on."""
    return 1 / (1 + (nodes + 1) / trials) ** 0.5


def law_of_one_trial(nodes: int) -> float:
    """The mean of abs(cos) at B = 1, Γ(N/2)/(√π Γ((N+1)/2))."""
    return float(np.exp(lgamma(nodes / 2) - lgamma((nodes + 1) / 2)) / pi**0.5)


def law_of_compartments(
    gradient: Float[np.ndarray, "nodes"], compartment: Int[np.ndarray, "nodes"], trials: float
) -> float:
    """The cosine for compartments of any sizes: E‖Δ‖² = sum over c of ‖g_c‖² (1 + (N_c+1)/B)."""
    sizes = np.bincount(compartment)[compartment]
    power = gradient**2
    return float((power.sum() / (power * (1 + (sizes + 1) / trials)).sum()) ** 0.5)


def change(
    layer: Layer, noise: Float[np.ndarray, "trials nodes"], compartment: Int[np.ndarray, "nodes"] | None = None
) -> Float[np.ndarray, "nodes"]:
    """Δ of a batch of trials with this noise; ``compartment`` numbers the nodes that share a modulator (None: all)."""
    moved = np.tanh(layer.summed + noise) - np.tanh(layer.summed)
    where = np.zeros(len(layer.summed), dtype=int) if compartment is None else compartment
    order = np.argsort(where, kind="stable")
    starts = np.searchsorted(where[order], np.arange(int(where.max()) + 1))
    if len(starts) == 1:
        effect = (moved @ layer.above.T)[:, None, :]
    else:
        effect = np.add.reduceat(moved[:, order, None] * layer.above.T[order], starts, axis=1)
    modulator = (effect * layer.error).sum(2) + 0.5 * (effect**2).sum(2)  # L(ξ_c) - L(0), written without cancellation
    return -(modulator[:, where] * noise).mean(0) / SIGMA**2


def cosines(
    nodes: int,
    trials: int,
    draws: int,
    random: np.random.Generator,
    compartment: Int[np.ndarray, "nodes"] | None = None,
) -> Float[np.ndarray, "draws"]:
    """Cosine between Δ and downhill, a fresh layer and fresh noise a draw."""
    found = np.empty(draws)
    for draw in range(draws):
        layer = random_layer(nodes, random)
        down = -layer.gradient
        delta = change(layer, SIGMA * random.standard_normal((trials, nodes)), compartment)
        found[draw] = delta @ down / np.linalg.norm(delta) / np.linalg.norm(down)
    return found


def equal_compartments(nodes: int, count: int) -> Int[np.ndarray, "nodes"]:
    """The compartment of each node, ``count`` of the same size.

    Raises ValueError if the nodes can't be shared out evenly.
    """
    if count < 1 or nodes % count:
        raise ValueError(f"equal_compartments: {nodes} nodes can't be shared out evenly to {count} compartments")
    return np.repeat(np.arange(count), nodes // count)


def shared_gradient(gradient: Float[np.ndarray, "nodes"], compartment: Int[np.ndarray, "nodes"]) -> float:
    """Cosine to the gradient of its mean in each compartment: the best that a shared modulator without noise can do."""
    sums = np.bincount(compartment, weights=gradient)
    shared = (sums / np.bincount(compartment))[compartment]
    return float(shared @ gradient / np.linalg.norm(shared) / np.linalg.norm(gradient))


def shared_cosines(nodes: int, count: int, draws: int, random: np.random.Generator) -> Float[np.ndarray, "draws"]:
    """``shared_gradient`` of equal compartments, a fresh layer a draw."""
    where = equal_compartments(nodes, count)
    return np.array([shared_gradient(random_layer(nodes, random).gradient, where) for _ in range(draws)])


def columns_as_compartments(x: Int[np.ndarray, "*sheet"], y: Int[np.ndarray, "*sheet"]) -> Int[np.ndarray, "nodes"]:
    """A compartment for each column (x, y) of a sheet, numbered from 0, node by node."""
    pairs = np.stack([x.ravel(), y.ravel()], 1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def over_examples(gradients: Float[np.ndarray, "examples nodes"]) -> float:
    """By how much (N+1)/B grows when each trial is on another example: ⟨‖g_b‖²⟩/‖⟨g_b⟩‖²."""
    return float((gradients**2).sum(1).mean() / (gradients.mean(0) ** 2).sum())


def mean_cosines(
    pairs: Sequence[tuple[int, int]], draws: int, seed: int
) -> dict[tuple[int, int], Float[np.ndarray, "draws"]]:
    """Cosines of each pair (N, B); fewer draws where N B is large, never under 20."""
    random = np.random.default_rng(seed)
    return {(n, b): cosines(n, b, max(20, min(draws, 4_000_000 // (n * b))), random) for n, b in pairs}
