"""The flip: two targets with opposite gradients, and what each rule makes of them [E].

With E = ½‖o - t‖² and t' = 2o - t, o - t' = -(o - t): the gradient changes its sign in every weight while all
activities stay. A two-factor change is then the same for both targets, so its cosines to downhill are opposite numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from repro.multifactor import two_factor
from repro.multifactor.measures import cosine
from repro.multifactor.network_rules import changes
from repro.multifactor.networks import Networks, forward, initial, losses

SIZES = (12, 9, 7, 5)
SAMPLES = 16
OF_THE_ERROR: dict[str, Callable[[Tensor], Tensor]] = {"E": lambda e: e, "exp(−E)": lambda e: torch.exp(-e)}
"""Scalar functions of the error by which a two-factor term is multiplied, sample by sample."""


def _two_factor_rules(seed: int) -> dict[str, Callable[[Tensor], two_factor.Rule]]:
    """Two-factor rules by name, each made from the weights it may read; polynomials g with random coefficients."""
    random = np.random.default_rng([seed, 3])
    found: dict[str, Callable[[Tensor], two_factor.Rule]] = {
        "Hebb": lambda w: two_factor.hebb,
        "covariance": lambda w: two_factor.covariance,
        "Oja": two_factor.oja,
        "Sanger": two_factor.sanger,
    }
    for number in (1, 2, 3):
        g = two_factor.polynomial(random.standard_normal((4, 4)))
        found[f"random g, {number}"] = lambda w, g=g: g  # type: ignore[misc]
    return found


def cosines(seeds: tuple[int, ...], sigma: float = 1e-4) -> pd.DataFrame:
    """Cosine of every rule's change to downhill for both targets, one row a rule, layer (from 0) and network.

    Two-factor rules change all layers; a clamped output concerns the last one, a third factor the hidden ones.

    Columns: rule, kind (``two-factor``, ``two-factor × f(E)``, ``clamped``, ``third factor``), layer, seed, t, flipped.
    """
    rows = []
    for seed in seeds:
        networks = initial(SIZES, [seed], dtype=torch.float64)
        random = torch.Generator().manual_seed(seed % 2**31)
        x = torch.randn((1, SAMPLES, SIZES[0]), generator=random, dtype=torch.float64)
        activities = forward(networks, x)
        targets = torch.randn((1, SAMPLES, SIZES[-1]), generator=random, dtype=torch.float64)
        noise = [torch.randn((1, SAMPLES, n), generator=random, dtype=torch.float64) for n in SIZES[1:-1]]
        both = [_by_rule(networks, activities, t, noise, sigma, seed) for t in (targets, 2 * activities[-1] - targets)]
        for key, values in both[0].items():
            first = len(SIZES) - 2 if key[1] == "clamped" else 0
            for layer, (a, b) in enumerate(zip(values, both[1][key], strict=True), first):
                rows.append((*key, layer, seed, a, b))
    frame = pd.DataFrame(rows, columns=["rule", "kind", "layer", "seed", "t", "flipped"])
    return frame.dropna(ignore_index=True)


def _by_rule(
    networks: Networks, activities: list[Tensor], targets: Tensor, noise: list[Tensor], sigma: float, seed: int
) -> dict[tuple[str, str], list[float]]:
    """Cosines of one target, a list over layers for each rule and kind."""
    downhill = changes("BP", networks, activities, targets)
    error = losses(activities[-1], targets)[..., None]
    clamped = [*activities[:-1], targets]
    found: dict[tuple[str, str], list[Tensor]] = {}
    for name, make in _two_factor_rules(seed).items():

        def every_layer(
            acts: list[Tensor], factor: Tensor | float = 1.0, make: Callable[[Tensor], two_factor.Rule] = make
        ) -> list[Tensor]:
            pairs = zip(networks.weights, acts, acts[1:], strict=False)
            return [make(w[:, :, :-1])(pre, factor * post, None) for w, pre, post in pairs]

        found[name, "two-factor"] = every_layer(activities)
        for says, function in OF_THE_ERROR.items():
            found[f"{name} × {says}", "two-factor × f(E)"] = every_layer(activities, function(error))
        found[f"{name}, clamped", "clamped"] = every_layer(clamped)[-1:]
    for name in ("NP", "DFA", "FA", "BP"):
        moved = changes(name, networks, activities, targets, noise, sigma)
        found[name, "third factor"] = [change[:, :, :-1] for change in moved[:-1]]
    cut = [down[:, :, :-1] for down in downhill]
    return {
        key: [float(cosine(a, b)[0]) for a, b in zip(each, cut[-1:] if key[1] == "clamped" else cut, strict=False)]
        for key, each in found.items()
    }


def broken_by(frame: pd.DataFrame) -> dict[str, float]:
    """By how much each rule breaks the identity: the largest abs(cos_t + cos_t') over layers and networks."""
    gap = (frame.t + frame.flipped).abs()
    return {str(rule): float(worst) for rule, worst in gap.groupby(frame.rule, sort=False).max().items()}


def deviation(frame: pd.DataFrame) -> float:
    """Claim M-8: the largest break among two-factor rules, plus 1 for each of FA and BP that does not break it."""
    broken = broken_by(frame)
    two = broken_by(frame[frame.kind.str.startswith("two-factor")])
    return max(two.values()) + sum(broken[name] < 1e-3 for name in ("FA", "BP"))
