"""Random streams of a run: each follows from the seed, its name and a number, so that a run can go on anywhere."""

from __future__ import annotations

import numpy as np

STREAMS = ("weights", "feedback", "order", "augmentation", "step", "choice")


def stream_seed(seed: int, stream: str, number: int = 0) -> int:
    """A seed for torch, the same on every machine; ``number`` is that of an epoch or a step."""
    words = np.random.SeedSequence([seed, STREAMS.index(stream), number]).generate_state(2, np.uint32)
    return int(words[0]) << 31 | int(words[1]) >> 1


def stream(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """A generator of numpy for one stream."""
    return np.random.default_rng([seed, STREAMS.index(name), number])
