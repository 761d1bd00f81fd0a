"""The choices that the voltage rule leaves open, and where each puts the change from depression to potentiation.

What the replication's text, its code and the literature say differently [larisch2019connectivity] is varied one at a
time around the book's own choices, which are the defaults of :class:`repro.spike_triplets.voltage.VoltageRule`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.spike_triplets.protocols import pairs
from repro.spike_triplets.voltage import VoltageRule

STATED = VoltageRule()
VARIANTS: dict[str, VoltageRule] = {
    "as stated": STATED,
    "b = 80.5 pA": VoltageRule(adaptation_jump=80.5),
    "x̄ jumps by 1": VoltageRule(jump=1.0),
    "ū̄ = 80 mV²": VoltageRule(homeostasis=80 / 60),
    "ū̄ = u_ref²": VoltageRule(homeostasis=1.0),
    "peak 29.0 mV": VoltageRule(neuron=replace(STATED.neuron, peak=29.0)),
    "weight last": VoltageRule(weight_first=False),
    "dt 0.1 ms": VoltageRule(dt=0.1),
}
"""Variants of the rule by what they change."""


def change_by_frequency(
    rule: VoltageRule, timing: float, rates: Float[np.ndarray, "rates"]
) -> Float[np.ndarray, "rates"]:
    """Weight change by 60 contiguous pairs ``timing`` ms apart over the rate (Hz)."""
    return rule.weight_changes([pairs(timing, float(rate)) for rate in rates])


def crossing_frequency(
    rule: VoltageRule, timing: float = -10.0, rates: Float[np.ndarray, "rates"] | None = None
) -> float:
    """The lowest rate (Hz) at which depression turns to potentiation, between the points of ``rates`` linearly.

    NaN if the change is not depression at the lowest rate or never turns.
    """
    grid = np.arange(1.0, 81.0) if rates is None else rates
    changes = change_by_frequency(rule, timing, grid)
    if changes[0] >= 0 or not (changes > 0).any():
        return float("nan")
    after = int(np.argmax(changes > 0))
    before = after - 1
    share = -changes[before] / (changes[after] - changes[before])
    return float(grid[before] + share * (grid[after] - grid[before]))


def distance_from(value: float, low: float, high: float) -> float:
    """By how much ``value`` lies outside the range; NaN stays NaN."""
    return value if np.isnan(value) else max(low - value, value - high, 0.0)


def by_choice(variants: dict[str, VoltageRule] | None = None) -> pd.DataFrame:
    """For each variant: ``choice``, ``crossing`` (Hz, at -10 ms), and the change at ±10 ms, 10 and 50 Hz."""
    corners = [(timing, rate) for timing in (10.0, -10.0) for rate in (10.0, 50.0)]
    rows = []
    for name, rule in (VARIANTS if variants is None else variants).items():
        ends = {f"{t:+g} ms, {f:g} Hz": float(change_by_frequency(rule, t, np.array([f]))[0]) for t, f in corners}
        rows.append({"choice": name, "crossing": crossing_frequency(rule), **ends})
    return pd.DataFrame(rows)
