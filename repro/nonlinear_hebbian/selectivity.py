"""The selectivity index: would a neuron with this nonlinearity rather see a long-tailed or a Gaussian projection?

SI = (⟨F(l)⟩ - ⟨F(g)⟩) / (σ_F(l) σ_F(g)) with l Laplacian and g Gaussian, both of mean 0 and variance 1. The denominator
is this book's reading of the paper's definition; the sign, which is what is predicted from, does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from repro.nonlinear_hebbian.nonlinearities import (
    Nonlinearity,
    Which,
    linear_rectifier,
    logistic,
    nonlinearity,
    power,
    quadratic_rectifier,
)

REACH = 45.0  # standard deviations; beyond it a Laplacian has a share of exp(-√2 · 45) = 2e-28
PANEL, NODES = 0.25, 12  # width of a panel and Gauss-Legendre nodes in it

FAMILIES: Mapping[str, Callable[[float], Nonlinearity]] = MappingProxyType(
    {
        "depression": lambda b: quadratic_rectifier(0.0, b),
        "threshold": linear_rectifier,
        "centre": logistic,
        "exponent": power,
    }
)
"""Families of one parameter: u₊(u - b); (u - θ)₊; a logistic function of slope 4 with its centre; sign(u)|u|^p."""


def _nodes(breakpoints: tuple[float, ...]) -> tuple[Float[np.ndarray, "nodes"], Float[np.ndarray, "nodes"]]:
    """Nodes and weights of a quadrature over the real line that has an edge at every breakpoint and at 0."""
    edges = np.unique([*np.arange(-REACH, REACH + PANEL / 2, PANEL), 0.0, *breakpoints])
    x, w = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges)[:, None] / 2
    return ((edges[:-1, None] + half) + half * x).ravel(), (half * w).ravel()


def densities(u: Float[np.ndarray, "points"]) -> dict[str, Float[np.ndarray, "points"]]:
    """The Laplacian and the Gaussian density of variance 1."""
    laplace = np.exp(-np.sqrt(2) * abs(u)) / np.sqrt(2)
    return {"laplace": laplace, "gauss": np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)}


def selectivity_index(which: Which) -> float:
    """The selectivity index of a nonlinearity: above 0 if it prefers long tails, 0 if it cannot tell."""
    chosen = nonlinearity(which)
    u, weight = _nodes(chosen.breakpoints)
    value = np.asarray(chosen.integral(u), dtype=float)
    means, spreads = {}, {}
    for name, density in densities(u).items():
        share = weight * density
        means[name] = share @ value
        spreads[name] = np.sqrt(share @ (value - means[name]) ** 2)
    return float((means["laplace"] - means["gauss"]) / (spreads["laplace"] * spreads["gauss"]))


def gaussian_value(which: Which) -> float:
    """⟨F(u)⟩ for a Gaussian u of variance 1: the value of a pattern that the input does not know."""
    chosen = nonlinearity(which)
    u, weight = _nodes(chosen.breakpoints)
    return float(weight * densities(u)["gauss"] @ np.asarray(chosen.integral(u), dtype=float))


def negated(which: Which) -> Nonlinearity:
    """-f with -F; its curvature shift is not known, so it is for the index only."""
    chosen = nonlinearity(which)
    return Nonlinearity(
        f"minus_{chosen.name}",
        f"minus {chosen.says}",
        lambda u: -chosen.f(u),
        lambda u: -chosen.integral(u),
        chosen.breakpoints,
    )
