"""Toy inputs: groups of cells whose rates rise and fall together. In none of the sources on the rule: this book's own.

Time is cut into episodes. In each, all cells of a group have the same rate, drawn anew: a gamma variable whose
mean is the same for all groups and whose variance makes the spike counts of two cells of the group correlate by a
given amount in an episode. All inputs have one mean rate; only who goes with whom can tell groups apart.

>>> groups = Groups(sizes=(20, 20, 60), correlations=(0.4, 0.2, 0.0))
>>> rasters(groups, trials=5, episodes=10, rng=np.random.default_rng(0)).shape
(5, 1000, 100)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from repro.errors import Mistake


@dataclass(frozen=True)
class Groups:
    """Which inputs go together, how much, and on which scale of time."""

    sizes: tuple[int, ...] = (25, 25, 25, 25)  # inputs in each group, one group after the other
    correlations: tuple[float, ...] = (0.3, 0.0, 0.0, 0.0)  # of two cells' counts in an episode, within each group
    rate_hz: float = 20.0  # mean of every input
    episode_ms: float = 50.0
    dt_ms: float = 0.5

    def __post_init__(self) -> None:
        """Raises Mistake naming what is not allowed."""
        if len(self.sizes) != len(self.correlations) or not self.sizes or min(self.sizes) < 1:
            raise Mistake(
                f"groups: sizes {self.sizes} and correlations {self.correlations}; each group needs one of both, and "
                "an input at least"
            )
        if not all(0 <= c < 1 for c in self.correlations):
            raise Mistake(f"groups: correlations {self.correlations}; allowed are 0 <= correlation < 1")
        if not 0 < self.rate_hz * self.dt_ms / 1000 <= 0.1:
            raise Mistake(
                f"groups: {self.rate_hz:g} Hz at steps of {self.dt_ms:g} ms; a step must hold at most 0.1 spikes"
            )
        if self.steps < 1 or abs(self.steps * self.dt_ms - self.episode_ms) > 1e-9 * self.episode_ms:
            raise Mistake(
                f"groups: episode_ms {self.episode_ms:g} must be a whole number of steps of {self.dt_ms:g} ms"
            )

    @property
    def steps(self) -> int:
        """Of an episode."""
        return round(self.episode_ms / self.dt_ms)

    @property
    def group_of(self) -> Int[np.ndarray, "inputs"]:
        """The number of each input's group."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def variances(self) -> Float[np.ndarray, "groups"]:
        """Of the rate over its mean, so that counts in an episode correlate as they should.

        Of n steps with probability p M, M of mean 1 and variance v, two cells' counts have covariance (n p)² v and
        variance n p - n p² (1 + v) + (n p)² v; their ratio is solved for v.
        """
        n, c = self.steps, np.array(self.correlations)
        mean = n * self.rate_hz * self.dt_ms / 1000
        return c * (1 - mean / n) / (mean * (1 - c + c / n))


def rasters(
    groups: Groups, trials: int, episodes: int, rng: np.random.Generator
) -> Bool[np.ndarray, "trials steps inputs"]:
    """Spikes of all inputs: so many trials of so many episodes.

    Raises Mistake if rates vary so much that a step would hold more than one spike; then steps must be shorter.
    """
    shape = (trials, episodes, len(groups.sizes))
    variances = groups.variances
    spread = np.where(variances > 0, variances, 1.0)
    strength = np.where(variances > 0, rng.gamma(1 / spread, spread, shape), 1.0)
    chance = (groups.rate_hz * groups.dt_ms / 1000 * strength)[..., groups.group_of]
    if chance.max(initial=0) > 1:
        raise Mistake(
            f"groups: a rate of {chance.max() * 1000 / groups.dt_ms:.0f} Hz was drawn, more than a spike in a step of "
            f"{groups.dt_ms:g} ms; take shorter steps, longer episodes or a smaller correlation"
        )
    drawn = rng.random((trials, episodes, groups.steps, len(groups.group_of)), dtype=np.float32)
    return (drawn < chance[:, :, None].astype(np.float32)).reshape(trials, episodes * groups.steps, -1)


def group_weights(
    weights: Real[np.ndarray, "*batch inputs cells"], group_of: Int[np.ndarray, "inputs"]
) -> Float[np.ndarray, "*batch groups cells"]:
    """Mean weight of each group onto each cell."""
    each = np.unique(group_of)
    return np.stack([weights[..., group_of == group, :].mean(axis=-2) for group in each], axis=-2)


def preference(
    weights: Real[np.ndarray, "*batch inputs cells"], group_of: Int[np.ndarray, "inputs"], group: int
) -> Float[np.ndarray, "*batch cells"]:
    """How much a cell prefers a group: its mean weight minus that of all other inputs, over their sum; -1 to 1.

    0 for a cell without weights. Raises Mistake for a group that holds no input, or all.
    """
    inside = group_of == group
    if not inside.any() or inside.all():
        raise Mistake(
            f"preference: group {group} holds {inside.sum()} of {len(group_of)} inputs; it needs some, not all"
        )
    mean, rest = weights[..., inside, :].mean(axis=-2), weights[..., ~inside, :].mean(axis=-2)
    total = mean + rest
    return np.divide(mean - rest, total, out=np.zeros_like(total), where=total > 0)
