"""Two binary neurons and a reward: what is observed and what is caused, Fig 1C and D [lansdell2023neural].

    R = 1 H1 + 2 H2 + noise,   H2 fires with chance 1/2, H1 with 1/2, or with 0.2 and 0.8 as H2 drives it

The numbers are this chapter's; the article draws without giving them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from repro.errors import Mistake

EFFECT, OTHER, LOW, HIGH = 1.0, 2.0, 0.2, 0.8
WORLDS = ("independent", "driven", "randomised")


def toy_difference(world: str, trials: int, seed: int, runs: int) -> Float[np.ndarray, "runs"]:
    """E[R | H1 = 1] - E[R | H1 = 0] over trials, a value for each run.

    ``world`` is ``independent`` (H1 fires by itself), ``driven`` (H2 drives H1) or ``randomised`` (H2 would drive H1,
    but a coin decides); the causal effect is 1 in all three.
    """
    if world not in WORLDS:
        raise Mistake(f"world is {world!r}; it can be {', '.join(WORLDS)}")
    rng = np.random.default_rng(seed)
    h2 = rng.random((runs, trials)) < 0.5
    chance = np.where(h2, HIGH, LOW) if world == "driven" else 0.5
    h1 = rng.random((runs, trials)) < chance
    reward = EFFECT * h1 + OTHER * h2 + rng.standard_normal((runs, trials))
    return (reward * h1).sum(1) / h1.sum(1) - (reward * ~h1).sum(1) / (~h1).sum(1)


def toy_bias() -> float:
    """What observing adds to the effect when H2 drives H1: 2 (P(H2 | H1 = 1) - P(H2 | H1 = 0))."""
    return OTHER * (HIGH - LOW)
