"""Spikes of the input cells: inhomogeneous Poisson trains from cochleograms, one trial a clip.

>>> import numpy as np
>>> rates = np.full((2, 80, 100), 10.0)  # Hz: two clips of 80 bins, 100 input cells
>>> poisson_trains(rates, np.random.default_rng(0), bin_ms=5.0, dt_ms=0.5, gap_ms=100.0).shape
(2, 1000, 100)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from repro.errors import Mistake


def poisson_trains(
    rates: Float[np.ndarray, "trials bins cells"],
    rng: np.random.Generator,
    *,
    bin_ms: float = 5.0,
    dt_ms: float = 0.5,
    gap_ms: float = 0.0,
) -> Bool[np.ndarray, "trials steps cells"]:
    """Which cells spike in which step; each step is drawn by itself, with probability rate times dt.

    The mean count is exact: the sum of the probabilities p. Its variance is the sum of p (1 - p), which a Poisson
    process has in the limit of short steps.

    Parameters
    ----------
    rates : in Hz, constant within a bin
    bin_ms : length of a bin, a whole number of steps
    dt_ms : length of a step
    gap_ms : silence after each trial, a whole number of steps

    Raises Mistake if steps do not fit, or a rate is negative, not finite, or more than one spike a step.
    """
    steps, gap = _whole("bin_ms", bin_ms, dt_ms), _whole("gap_ms", gap_ms, dt_ms) if gap_ms else 0
    probability = np.asarray(rates, dtype=np.float32) * np.float32(dt_ms / 1000)
    highest = float(probability.max(initial=0))
    if not (np.isfinite(highest) and highest <= 1 and probability.min(initial=0) >= 0):
        raise Mistake(
            f"rates run from {np.min(rates):g} to {np.max(rates):g} Hz; allowed are 0 to {1000 / dt_ms:g} Hz at steps "
            f"of {dt_ms:g} ms"
        )
    trials, bins, cells = probability.shape
    spikes = np.zeros((trials, bins * steps + gap, cells), dtype=bool)
    for trial, chances in zip(spikes, probability, strict=True):
        drawn = rng.random((bins, steps, cells), dtype=np.float32)
        trial[: bins * steps] = (drawn < chances[:, None]).reshape(bins * steps, cells)
    return spikes


def repetitions(
    rates: Float[np.ndarray, "trials bins cells"],
    times: int,
    rng: np.random.Generator,
    *,
    frozen: bool = False,
    bin_ms: float = 5.0,
    dt_ms: float = 0.5,
    gap_ms: float = 0.0,
) -> Iterator[Bool[np.ndarray, "trials steps cells"]]:
    """The trials so many times over: with new spikes each time or, ``frozen``, with those of the first time.

    Raises what :func:`poisson_trains` raises.
    """
    spikes = None
    for _ in range(times):
        if spikes is None or not frozen:
            spikes = poisson_trains(rates, rng, bin_ms=bin_ms, dt_ms=dt_ms, gap_ms=gap_ms)
        yield spikes


def _whole(name: str, length_ms: float, dt_ms: float) -> int:
    """How many steps make up a length, if a whole number does."""
    steps = round(length_ms / dt_ms) if dt_ms > 0 else 0
    if steps < 1 or abs(steps * dt_ms - length_ms) > 1e-9 * length_ms:
        raise Mistake(f"{name} is {length_ms:g} and dt_ms is {dt_ms:g}; {name} must be a whole number of steps")
    return steps
