"""Costs of the filtered outputs, to be made small: those of two neurons, and the distance of a readout.

A cost is a function from outputs (..., neurons), in spikes a ms, to (...,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.errors import Mistake

Outputs = Float[np.ndarray, "*batch neurons"]
Cost = Callable[[np.ndarray], np.ndarray]


def quadratic(outputs: Outputs) -> Float[np.ndarray, "*batch"]:
    """(-30 s1 + 20 s2 + 20 s2² - 4)², the cost of Fig 3A and B as coded [lansdell2023neural]."""
    s1, s2 = outputs[..., 0], outputs[..., 1]
    return (-30 * s1 + 20 * s2 + 20 * s2**2 - 4) ** 2


def plain(outputs: Outputs) -> Float[np.ndarray, "*batch"]:
    """(-30 s1 + 20 s2 - 4)², the cost of the article's text and of Fig 3D as coded [lansdell2023neural]."""
    return (-30 * outputs[..., 0] + 20 * outputs[..., 1] - 4) ** 2


def banana(outputs: Outputs) -> Float[np.ndarray, "*batch"]:
    """(s1 - 0.01)² + (2 s2 - 2 (s1 - 0.1)²)², a curved valley; Figs 3E, F and 4 as coded [lansdell2023neural]."""
    s1, s2 = outputs[..., 0], outputs[..., 1]
    return (s1 - 0.01) ** 2 + (2 * s2 - 2 * (s1 - 0.1) ** 2) ** 2


@dataclass(frozen=True)
class Readout:
    """abs(V · s - target), the cost of a wide network, Fig 5A as coded [lansdell2023neural]."""

    weights: np.ndarray  # V, (neurons,), or (replicas, 1, neurons) for outputs (replicas, windows, neurons)
    target: float = 0.1

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """The cost of outputs (..., neurons)."""
        return np.abs(np.einsum("...n,...n->...", outputs, self.weights) - self.target)


COSTS: dict[str, Cost] = {"quadratic": quadratic, "plain": plain, "banana": banana}


def cost_named(name: str) -> Cost:
    """The cost of that name. Raises Mistake naming those there are."""
    if name not in COSTS:
        raise Mistake(f"cost is {name!r}; it can be {', '.join(COSTS)}")
    return COSTS[name]
