"""Three ways to climb ⟨F(wᵀx)⟩ under |w| = 1: batched fixed point, FastICA's Newton step, online steps.

The fixed point W ← normalise(⟨x f(wᵀx)⟩ + c w) climbs for certain if c is at least -min f'; it needs no learning rate.
FastICA's step is faster where F is concave, but blind to the sign of f: it can end at a minimum of ⟨F⟩. Online steps
are the plasticity rule itself. In all three, units of all nonlinearities and seeds share one product with the patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float32

from repro.errors import Mistake
from repro.nonlinear_hebbian.nonlinearities import Nonlinearity, Which, nonlinearity
from repro.nonlinear_hebbian.patches import whiten

Method = Literal["fixed-point", "newton", "online"]
METHODS: tuple[Method, ...] = get_args(Method)

BLOCK = 2048  # patches at a time, so that the units' responses stay in the processor's cache
SLOPE_STEP = 0.01  # standard deviations; f' is taken as a difference over it, so that a jump of f counts too
BOLDER, CAUTIOUS, SMALLEST_STEP = 0.7, 4.0, 1e-3  # of the fixed point: factors of c + ⟨u f⟩ after a rise and a fall
SHARPEST_BOLD_TURN = 0.7  # cosine; a larger turn is only made with the shift that climbs for certain

Components = Float32[np.ndarray, "patches k"]
Weights = Float32[np.ndarray, "units k"]
AllWeights = Float32[np.ndarray, "nonlinearities units k"]


def initial_weights(units: int, k: int, seed: int) -> Weights:
    """Random directions, uniform on the sphere."""
    weights = np.random.default_rng(seed).standard_normal((units, k)).astype(np.float32)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def fixed_point(
    components: Components,
    nonlinearities: Sequence[Nonlinearity],
    weights0: Weights,
    iterations: int = 40,
    *,
    warm_up: int = 0,
    tolerance: float = 1e-7,
    device: str = "cpu",
) -> AllWeights:
    """Fields of all nonlinearities from the same initial weights, by steps that climb.

    The first step has the shift c that climbs for certain. Then c falls with every step that climbed, and is raised
    again by one that did not, which is taken back: about a third of the passes that a fixed c needs.

    Parameters
    ----------
    components : white patches
    nonlinearities : each gets its own copy of the units
    weights0 : initial weights of the units, of norm 1
    iterations : at most this many passes over the patches
    warm_up : passes over the first eighth of the patches before; saves time where that many patches do not overfit
    tolerance : a unit rests when a pass turns it by less, as 1 - cos of the angle

    Returns the weights by nonlinearity, of norm 1.
    """
    x = torch.from_numpy(components).to(device)
    weights = torch.from_numpy(weights0).to(device).repeat(len(nonlinearities), 1, 1)
    if warm_up:
        weights = _climb(x[: max(len(x) // 8, 1)], nonlinearities, weights, warm_up, tolerance)
    return _climb(x, nonlinearities, weights, iterations, tolerance).cpu().numpy()


def _climb(
    x: torch.Tensor, nonlinearities: Sequence[Nonlinearity], weights: torch.Tensor, iterations: int, tolerance: float
) -> torch.Tensor:
    """Steps w ← normalise(⟨x f⟩ + c w), with c + ⟨u f⟩ adapted unit by unit."""
    shift = torch.tensor([each.curvature_shift for each in nonlinearities], device=x.device)[:, None, None]
    moving = torch.ones(weights.shape[:2], dtype=torch.bool, device=x.device)
    gradient = _mean_products(x, nonlinearities, list(weights)).view_as(weights)
    along = (gradient * weights).sum(2, keepdim=True)  # ⟨u f(u)⟩
    step = (shift + along).clip(min=SMALLEST_STEP)
    for _ in range(iterations):
        certain = (shift + along).clip(min=SMALLEST_STEP)
        step = step.minimum(certain)
        tried = torch.nn.functional.normalize(gradient + (step - along) * weights, dim=2)
        turn = (tried * weights).sum(2, keepdim=True)
        moving &= turn[:, :, 0] < 1 - tolerance
        if not moving.any():
            break
        found = gradient.clone()
        groups = [each[which] for each, which in zip(tried, moving, strict=True)]
        found[moving] = _mean_products(x, nonlinearities, groups)
        # the mean slope at both ends says whether ⟨F⟩ rose, if the turn is not large; rounding may not count as a fall
        rise = ((gradient + found) * (tried - weights)).sum(2, keepdim=True)
        trusted = (turn > SHARPEST_BOLD_TURN) & (rise >= -1e-7 * along.abs()) | (step >= certain)
        rose = moving[:, :, None] & trusted
        weights, gradient = torch.where(rose, tried, weights), torch.where(rose, found, gradient)
        along = (gradient * weights).sum(2, keepdim=True)
        step = torch.where(rose, BOLDER * step, CAUTIOUS * step)
    return weights


def _mean_products(
    x: torch.Tensor, nonlinearities: Sequence[Nonlinearity], groups: Sequence[torch.Tensor]
) -> torch.Tensor:
    """⟨x f(wᵀx)⟩ for units in groups, each group with its own f."""
    joined = torch.cat(list(groups))
    total = torch.zeros_like(joined)
    for block in x.split(BLOCK):
        responses = (joined @ block.T).split([len(group) for group in groups])
        total += torch.cat([each.f(u) for each, u in zip(nonlinearities, responses, strict=True)]) @ block
    return total / len(x)


def newton(
    components: Components,
    nonlinearities: Sequence[Nonlinearity],
    weights0: Weights,
    iterations: int = 20,
    *,
    warm_up: int = 0,
    decorrelate: bool = False,
) -> AllWeights:
    """FastICA's step w ← ⟨x f(u)⟩ - ⟨f'(u)⟩ w [hyvarinen1999fast].

    Blind to the sign of f, and able to end at a minimum: compare ``patterns.value`` before and after.

    Parameters
    ----------
    iterations : passes over the patches
    warm_up : passes over the first eighth of the patches before
    decorrelate : keep the units of a nonlinearity orthogonal (symmetrically), so that no two learn the same
    """
    x = torch.from_numpy(components)
    weights = torch.from_numpy(weights0).repeat(len(nonlinearities), 1, 1)
    passes = [x[: max(len(x) // 8, 1)]] * warm_up + [x] * iterations
    for patches in passes:
        gradient, slope = torch.zeros_like(weights), torch.zeros(weights.shape[:2])
        for block in patches.split(BLOCK):
            for index, each in enumerate(nonlinearities):
                above, below = (each.f(weights[index] @ block.T + step) for step in (SLOPE_STEP, -SLOPE_STEP))
                gradient[index] += (above + below) @ block / 2
                slope[index] += (above - below).sum(1) / (2 * SLOPE_STEP)
        weights = torch.nn.functional.normalize((gradient - slope[:, :, None] * weights) / len(patches), dim=2)
        if decorrelate:
            u, _, v = torch.linalg.svd(weights, full_matrices=False)
            weights = u @ v
    return weights.numpy()


def online(
    components: Components,
    nonlinearities: Sequence[Nonlinearity],
    weights0: Weights,
    steps: int,
    rate: float = 0.001,
    seed: int = 0,
    batch: int = 1,
) -> AllWeights:
    """The plasticity rule itself: w += rate x f(wᵀx), norm 1 after each step, patches drawn at random.

    Parameters
    ----------
    steps : number of updates, each from ``batch`` patches that all units see
    rate : size of a step; the responses to natural images are long-tailed, so keep it small for an f that grows
    seed : of the order of the patches
    """
    rng = np.random.default_rng(seed)
    weights = np.repeat(weights0[None], len(nonlinearities), axis=0)
    for chosen in np.array_split(rng.integers(len(components), size=steps * batch), steps):
        x = components[chosen]
        u = weights @ x.T
        for index, each in enumerate(nonlinearities):
            weights[index] += rate / batch * (np.asarray(each.f(u[index]), dtype=np.float32) @ x)
        weights /= np.linalg.norm(weights, axis=2, keepdims=True)
    return weights


def learn(
    patches: Float[np.ndarray, "patches pixels"],
    which: Which,
    n_units: int,
    seed: int = 0,
    method: Method = "fixed-point",
    iterations: int | None = None,
    keep: int = 100,
    contrast: float = 0.3,
    device: str = "cpu",
) -> Float32[np.ndarray, "n_units pixels"]:
    """Receptive fields that single units learn from raw patches, each from its own initial weights.

    Parameters
    ----------
    patches : raw patches, one a row; see ``patches.sample_patches``
    which : name of a nonlinearity, a Nonlinearity, or a pair of callables (f, F)
    n_units : number of units; they don't see each other (for that see ``network``)
    seed : of the initial weights and, online, of the order of the patches
    method : ``fixed-point``, ``newton`` or ``online``
    iterations : passes over the patches, online single steps; None for 40, 20 or 150,000
    keep, contrast : of the whitening
    device : a torch device, for the fixed point

    Returns fields of norm 1 (E w, the ZCA form). Raises Mistake before any learning for patches that are not finite or
    all alike, an unknown nonlinearity or method, and an integral that does not match.
    """
    chosen = nonlinearity(which)
    if method not in METHODS:
        raise Mistake(f"method is {method!r}; allowed are {', '.join(METHODS)}")
    if n_units < 1:
        raise Mistake(f"n_units is {n_units}; at least 1 is needed")
    white = whiten(patches, keep, contrast=contrast)
    start = initial_weights(n_units, keep, seed)
    if method == "online":
        weights = online(white.components, [chosen], start, iterations or 150_000, seed=seed)
    elif method == "newton":
        weights = newton(white.components, [chosen], start, iterations or 20)
    else:
        weights = fixed_point(white.components, [chosen], start, iterations or 40, device=device)
    return white.to_pixels(weights[0])
