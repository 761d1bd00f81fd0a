"""What every simulator keeps while trials are shown one after another: spike counts, and gains that hold the rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repro.convallis.control import ControlState
from repro.convallis.learning import Learning


class Course:
    """Counts and gains of a batch of populations, trial by trial.

    Parameters
    ----------
    learning : whose controller acts after every trial, if it has one
    trials : as ``rasters.checked`` gives them
    dt : ms
    batch, neurons : of which spikes are counted
    held : of them the first, whose rate is held; None for all
    start : gains to go on from
    """

    def __init__(
        self,
        learning: Learning,
        trials: Sequence[np.ndarray],
        dt: float,
        batch: int,
        neurons: int,
        held: int | None = None,
        start: ControlState | None = None,
    ) -> None:
        self.controller, self.held = learning.control, neurons if held is None else held
        self.control = start or ControlState(*(np.zeros((batch, self.held)) for _ in range(3)))
        if start is None and self.controller is not None:
            self.control = self.controller.start(batch, self.held)
        self.counts = np.zeros((batch, len(trials), neurons), np.int64)
        self.log_gains = np.zeros((batch, len(trials), self.held))
        self.steps = [trial.shape[1] for trial in trials]
        self.seconds = np.array(self.steps) * dt / 1000

    def begin(self, trial: int) -> None:
        """Note the gains with which the trial is heard."""
        self.log_gains[:, trial] = self.control.log_gain

    def measured_from(self, trial: int, first: int | None, after: int) -> int:
        """Step from which a trial's potentials are measured: beyond its last in trials before the ``first``, if any."""
        return self.steps[trial] if first is None or trial < first else after

    def end(self, trial: int) -> None:
        """Let the controller see the trial's counts."""
        if self.controller is not None:
            counts = self.counts[:, trial, : self.held]
            self.control = self.controller.update(self.control, counts, float(self.seconds[trial]))
