"""Competition by additive pair STDP: a thousand Poisson inputs to one cell, weights that change at every spike.

The network of Song, Miller and Abbott (2000), by which simulators are often compared. Deviates: the article was not
read; model and constants are those of Brian2's example of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from repro.convallis.cell import Cell
from repro.convallis.song_abbott_kernels import follow
from repro.errors import Mistake


@dataclass(frozen=True)
class SongAbbott:
    """Constants; amplitudes are fractions of the largest weight."""

    cell: Cell = field(
        default_factory=lambda: Cell(
            dt=0.1, capacitance=100.0, leak=10.0, rest=-74.0, threshold=-54.0, reset=-60.0, refractory=0.1,
            after_depolarisation=0.0,
        )
    )  # fmt: skip
    largest: float = 0.1  # nS, a hundredth of the leak
    a_plus: float = 0.01
    a_minus: float = 0.0105
    tau_plus: float = 20.0  # ms
    tau_minus: float = 20.0  # ms


Spikes = tuple[Int[np.ndarray, "spikes"], Int[np.ndarray, "spikes"]]
"""Step and channel of each spike, in order, no channel twice in a step."""


def poisson(seconds: float, inputs: int, hz: float, dt: float, rng: np.random.Generator) -> Spikes:
    """Independent Poisson trains, two spikes of a channel in one step taken for one."""
    steps = round(1000 * seconds / dt)
    number = rng.poisson(steps * dt / 1000 * hz * inputs)
    flat = np.unique(rng.integers(steps * inputs, size=number))
    return flat // inputs, flat % inputs


def learn(
    spikes: Spikes, steps: int, weights: Float[np.ndarray, "inputs"], model: SongAbbott | None = None
) -> tuple[Float[np.ndarray, "inputs"], Bool[np.ndarray, "steps"]]:
    """Weights (nS) after ``steps`` of the input, and the steps in which the cell fired.

    >>> rng = np.random.default_rng(0)
    >>> weights, fired = learn(poisson(1.0, 1000, 15.0, 0.1, rng), 10_000, rng.uniform(0, 0.1, 1000))
    >>> weights.shape, bool(fired.any())
    ((1000,), True)
    """
    model = model or SongAbbott()
    if weights.min() < 0 or weights.max() > model.largest:
        raise Mistake(
            f"weights reach from {weights.min():g} to {weights.max():g}; allowed is 0 to {model.largest:g} nS"
        )
    found, fired = np.array(weights), np.zeros(steps, np.bool_)
    amplitudes = model.a_plus * model.largest, model.a_minus * model.largest
    paces = model.cell.dt / model.tau_plus, model.cell.dt / model.tau_minus
    follow(*spikes, steps, found, model.largest, *amplitudes, *paces, model.cell.constants(), fired)
    return found, fired
