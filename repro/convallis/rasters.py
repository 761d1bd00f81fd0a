"""Input spikes as the simulators take them: trials of rasters, shared or one for each population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped

from repro.errors import Mistake

Trials = Sequence[np.ndarray] | np.ndarray
"""Each trial (steps, inputs), the same for all populations, or (rasters, steps, inputs); lengths may differ."""


@dataclass(frozen=True)
class Events:
    """Spikes of one trial in order of steps, raster after raster."""

    channels: Int[np.ndarray, "spikes"]
    starts: Int[np.ndarray, "rasters steps_and_one"]  # where each step begins in ``channels``
    raster: Shaped[np.ndarray, "rasters steps inputs"]

    @property
    def steps(self) -> int:
        """Of the trial."""
        return self.starts.shape[1] - 1


def events(raster: Shaped[np.ndarray, "rasters steps inputs"]) -> Events:
    """The spikes of one trial."""
    rasters, steps, _ = raster.shape
    row, channels = np.divmod(np.flatnonzero(raster), raster.shape[2])
    counts = np.bincount(row, minlength=rasters * steps)
    ends = np.concatenate([[0], np.cumsum(counts)])
    starts = np.stack([ends[r * steps : (r + 1) * steps + 1] for r in range(rasters)])
    return Events(channels.astype(np.int64), starts.astype(np.int64), raster)


def checked(
    trials: Trials, inputs: int, batch: int, raster_of: np.ndarray | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Trials as (rasters, steps, inputs) each, and the raster of each population.

    Raises
    ------
    Mistake
        Naming the first trial of another shape, or a population without its raster.
    """
    if len(trials) == 0:
        raise Mistake("inputs holds no trial; at least one is needed")
    shaped = [np.asarray(trial)[None] if np.ndim(trial) == 2 else np.asarray(trial) for trial in trials]
    for at, trial in enumerate(shaped):
        if trial.ndim != 3 or trial.shape[2] != inputs or trial.shape[1] == 0 or len(trial) != len(shaped[0]):
            wanted = f"(steps, {inputs}) or ({len(shaped[0])}, steps, {inputs}), with a step at least"
            raise Mistake(f"trial {at} of the inputs has shape {np.shape(trials[at])}; it must be {wanted}")
    if raster_of is None:
        raster_of = np.zeros(batch, np.int64) if len(shaped[0]) == 1 else np.arange(batch)
    if raster_of.shape != (batch,) or raster_of.min() < 0 or raster_of.max() >= len(shaped[0]):
        wanted = f"one of {len(shaped[0])} rasters for each of {batch} populations"
        raise Mistake(f"raster_of is {raster_of}; it must name {wanted}")
    return shaped, raster_of.astype(np.int64)
