"""Units that inhibit each other: nonlinear Hebbian feedforward weights, anti-Hebbian lateral ones.

The form is that of the authors' course sheet: u̇ = -u + W x - V (u)₊, y = (u)₊; Δw_i ∝ f(u_i) x with rows of norm 1;
ΔV_ij = rate (y_i - φ_i) y_j with V >= 0 and no self-inhibition, φ_i the running mean of y_i, which drives correlations
to 0. Deviates: every unit's step of w has the same length, so that one rate serves all f; minibatches of patches.
Within a step the activity settles first, then W learns, then V, then the running mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from repro.errors import Mistake
from repro.nonlinear_hebbian.learners import initial_weights
from repro.nonlinear_hebbian.nonlinearities import Which, nonlinearity


@dataclass(frozen=True)
class Options:
    """How the network runs and learns."""

    batches: int = 1500
    batch: int = 200  # patches
    settling_steps: int = 15  # Euler steps of u
    settling_dt: float = 0.2  # membrane time constants; 15 steps reach 96 % of the steady state
    rate: float = 0.1  # length of a step of w at the start; it falls to a tenth, as 1/t
    lateral_rate: float = 0.1
    memory: float = 0.99  # of the running mean φ, per batch
    inhibition: bool = True


@dataclass(frozen=True, eq=False)
class Network:
    """What was learned."""

    weights: Float32[np.ndarray, "units k"]  # norm 1
    lateral: Float32[np.ndarray, "units units"]  # row: whom it inhibits; column: by whom
    correlation: float  # mean |correlation| of two units' activities over the last tenth of the batches


def settle(drive: torch.Tensor, lateral: torch.Tensor, steps: int, dt: float) -> torch.Tensor:
    """Membrane potentials (batch, units) after so many Euler steps from rest under a constant drive."""
    u = torch.zeros_like(drive)
    for _ in range(steps):
        u = u + dt * (drive - u - u.clip(min=0) @ lateral.T)
    return u


def learn_network(
    components: Float32[np.ndarray, "patches k"], which: Which, n_units: int, seed: int, options: Options = Options()
) -> Network:
    """Fields of units that learn together, with or without inhibition.

    Parameters
    ----------
    components : white patches
    which : the nonlinearity f, applied to the membrane potential
    seed : of the initial weights and the order of the patches

    Raises Mistake for fewer than two units.
    """
    if n_units < 2:
        raise Mistake(f"network: n_units is {n_units}; at least 2 are needed")
    f, x = nonlinearity(which).f, torch.from_numpy(components)
    w = torch.from_numpy(initial_weights(n_units, x.shape[1], seed))
    order = torch.Generator().manual_seed(seed)
    lateral, mean = torch.zeros(n_units, n_units), torch.zeros(n_units)
    late: list[torch.Tensor] = []
    for index in range(options.batches):
        patches = x[torch.randint(len(x), (options.batch,), generator=order)]
        u = settle(patches @ w.T, lateral, options.settling_steps if options.inhibition else 0, options.settling_dt)
        if not options.inhibition:
            u = patches @ w.T
        w = w + _rate(options, index) * torch.nn.functional.normalize(f(u).T @ patches, dim=1)
        w = torch.nn.functional.normalize(w, dim=1)
        y = u.clip(min=0)
        if options.inhibition:
            lateral = lateral + options.lateral_rate * (y - mean).T @ y / len(y)
            lateral = lateral.clip(min=0).fill_diagonal_(0)
        mean = options.memory * mean + (1 - options.memory) * y.mean(dim=0)
        if index >= 0.9 * options.batches:
            late.append(y)
    return Network(w.numpy(), lateral.numpy(), _mean_correlation(torch.cat(late)))


def _rate(options: Options, index: int) -> float:
    return options.rate / (1 + 9 * index / max(options.batches - 1, 1))


def _mean_correlation(activity: torch.Tensor) -> float:
    """Mean absolute correlation of two different units; units that stay silent don't count."""
    alive = activity.std(dim=0) > 0
    correlations = torch.corrcoef(activity[:, alive].T).abs()
    n = int(alive.sum())
    return float((correlations.sum() - n) / (n * (n - 1))) if n > 1 else 0.0
