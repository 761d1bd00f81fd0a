"""XOR by the burst-dependent rule, with the feedback to the hidden dendrites in place or cut [P].

Sigmoid units 2-H-1. The dendrite of the output is driven by its own error, a hidden one through fixed random feedback;
bursts above their mean probability of 1/2 strengthen, bursts below it weaken [payeur2021burst].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.multifactor.third_factor import burst

PATTERNS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = np.array([[0.0], [1.0], [1.0], [0.0]])


@dataclass(frozen=True)
class Learned:
    """What became of the networks."""

    losses: Float[np.ndarray, "networks steps"]  # ½(o - t)², mean over the four patterns
    correct: Float[np.ndarray, "networks"]  # share of patterns on the right side of 1/2
    largest_hidden_change: Float[np.ndarray, "networks"]  # of a weight in one step, over training


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, np.ones((*x.shape[:-1], 1))], -1)


def _sigmoid(u: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(u / 2))


def learn(seeds: Sequence[int], steps: int, rate: float = 20.0, connected: bool = True, hidden: int = 3) -> Learned:
    """Train networks side by side on all four patterns a step; ``connected`` false cuts the feedback."""
    streams = [np.random.default_rng([seed, 10]) for seed in seeds]
    lower = np.stack([random.standard_normal((hidden, 3)) for random in streams])
    upper = np.stack([random.standard_normal((1, hidden + 1)) for random in streams])
    feedback = np.stack([random.standard_normal((1, hidden)) for random in streams]) * connected
    x = np.broadcast_to(_with_one(PATTERNS), (len(seeds), 4, 3))
    losses, largest = np.zeros((len(seeds), steps)), np.zeros(len(seeds))
    own, from_above = burst(np.ones((1, 1))), burst(feedback)
    for step in range(steps):
        events = _sigmoid(x @ lower.mT)
        outputs = _sigmoid(_with_one(events) @ upper.mT)
        error = outputs - TARGETS
        losses[:, step] = 0.5 * (error**2).mean((1, 2))
        change = from_above(x, events, error)
        largest = np.maximum(largest, np.abs(change).max((1, 2)))
        upper = upper + rate * own(_with_one(events), outputs, error)
        lower = lower + rate * change
    outputs = _sigmoid(_with_one(_sigmoid(x @ lower.mT)) @ upper.mT)
    return Learned(losses, ((outputs > 0.5) == (TARGETS > 0.5)).mean((1, 2)), largest)
