"""The cell: leaky integrate-and-fire with conductance synapses, and what the plasticity rule sees of its potential.

    C dV/dt = g_L (V_rest - V) + g_e (E_exc - V) + g_i (E_inh - V)        dg/dt = -g/τ

Order within a step, Brian2's own: potential (exponential Euler, conductances held) and conductances advance; a
potential above threshold is a spike; the spikes of this step, the inputs' and the cells', are added to conductances;
spiking cells are reset. A spike therefore acts on potentials one step later.

The rule sees min(V + d, threshold), V before the reset: the spike clipped at threshold, and an after-depolarisation d
that each spike raises from the next step on and that decays. Deviates: all constants are this book's, generic values;
what the paper's rule sees of a spike was not read [yger2013convallis].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.convallis.cell_kernels import V
from repro.errors import Mistake

EXPONENTIAL = (1 / 16, 2.0, *((-1) ** k / math.factorial(k) for k in range(9)))
"""The part of x whose series is taken, the most it may be (exp is then 0 to 1e-13), and the series of exp(-x)."""

AtRest = tuple[np.ndarray, np.ndarray, int, np.ndarray]
"""What the kernels take of cells: (batch, 4, neurons) and steps held, which go on; refractory steps; constants."""


@dataclass(frozen=True)
class Cell:
    """Constants of all cells; set ``after_depolarisation`` to 0 to leave that out."""

    dt: float = 0.5  # ms, the step
    capacitance: float = 200.0  # pF
    leak: float = 10.0  # nS, so that τ_m is 20 ms
    rest: float = -70.0  # mV
    threshold: float = -50.0  # mV
    reset: float = -60.0  # mV
    refractory: float = 3.0  # ms, a whole number of steps; potential held at reset
    reversal_exc: float = 0.0  # mV
    reversal_inh: float = -80.0  # mV
    tau_exc: float = 5.0  # ms
    tau_inh: float = 10.0  # ms
    after_depolarisation: float = 5.0  # mV, added to what the rule sees by each spike
    tau_after: float = 15.0  # ms

    def __post_init__(self) -> None:
        for name in ("dt", "capacitance", "leak", "refractory", "tau_exc", "tau_inh", "tau_after"):
            if not getattr(self, name) > 0:
                raise Mistake(f"{name} is {getattr(self, name)}; it must be above 0")
        if not self.reset < self.threshold or not self.rest < self.threshold:
            raise Mistake(f"threshold is {self.threshold} mV; it must lie above rest and reset")
        if abs(self.refractory / self.dt - round(self.refractory / self.dt)) > 1e-9:
            raise Mistake(f"refractory is {self.refractory} ms; it must be a whole number of steps of {self.dt} ms")

    @property
    def tau_membrane(self) -> float:
        """Of the leak alone, ms."""
        return self.capacitance / self.leak

    @property
    def refractory_steps(self) -> int:
        """From a spike to the first step that integrates again."""
        return round(self.refractory / self.dt)

    def constants(self) -> Float[np.ndarray, "constants"]:
        """For the kernels, in the order of ``cell_kernels``."""
        fades = [math.exp(-self.dt / tau) for tau in (self.tau_exc, self.tau_inh, self.tau_after)]
        membrane = [self.leak, self.dt / self.capacitance, self.rest, self.threshold, self.reset]
        own = [*membrane, self.reversal_exc, self.reversal_inh, *fades, self.after_depolarisation]
        return np.array([*own, *EXPONENTIAL])

    def at_rest(self, batch: int, neurons: int, dtype: np.dtype) -> AtRest:
        """Cells as a trial begins."""
        cells = np.zeros((batch, 4, neurons), dtype)
        cells[:, V] = self.rest
        return cells, np.zeros((batch, neurons), np.int64), self.refractory_steps, self.constants().astype(dtype)
