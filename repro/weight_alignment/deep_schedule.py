"""Learning rates over a run, as a share of the base rate."""

from __future__ import annotations

import math

SCHEDULES = ("official", "cosine", "constant")
OFFICIAL_EPOCHS = 90
OFFICIAL_WARMUP = 5  # epochs over which the rate rises linearly
OFFICIAL_DROPS = (30, 60, 80)  # epochs after which it is a tenth of what it was


def rate_share(schedule: str, step: int, steps: int) -> float:
    """Share of the base rate in step number ``step`` (from 0) of ``steps``.

    "official" is the authors' schedule for 90 epochs [kunin2020two], stretched to the run: linear warm-up over 5/90 of
    it, a tenth after 30/90, 60/90 and 80/90. "cosine" has the same warm-up and falls to 0.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"rate_share: no schedule is called {schedule!r}; there are {', '.join(SCHEDULES)}")
    if schedule == "constant":
        return 1.0
    epoch = OFFICIAL_EPOCHS * step / steps
    warming = min(1.0, OFFICIAL_EPOCHS * (step + 1) / (steps * OFFICIAL_WARMUP))
    if schedule == "cosine":
        return warming * 0.5 * (1.0 + math.cos(math.pi * step / steps))
    return warming * 0.1 ** sum(epoch >= drop for drop in OFFICIAL_DROPS)
