"""Contestants that take turns in one process: times of each and ratios within the rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pandas as pd


def take_turns(contestants: Mapping[str, Callable[[], object]], rounds: int, reference: str) -> pd.DataFrame:
    """Median seconds of each contestant, and how many times faster than ``reference`` it is: median and quartiles.

    Each runs once unmeasured, so that nothing is compiled or read for the first time in a round.
    """
    for run in contestants.values():
        run()
    seconds = pd.DataFrame([{name: _timed(run) for name, run in contestants.items()} for _ in range(rounds)])
    faster = seconds[[reference]].to_numpy() / seconds
    low, middle, high = (faster.quantile(share) for share in (0.25, 0.5, 0.75))
    table = pd.DataFrame({"seconds": seconds.median(), "times faster": middle, "low": low, "high": high})
    return table.rename_axis("contestant").reset_index().assign(rounds=rounds)


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
