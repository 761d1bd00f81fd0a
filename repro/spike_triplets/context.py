"""Depolarisation as context: the valley rule at clamped, held and silent cells, and over the number of pairings.

The rule asks what the membrane potential is while a presynaptic trace is alive, whoever set it. So the same spikes can
depress or potentiate, no postsynaptic spike is needed, and a synapse whose presynaptic cell is silent is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_triplets.protocols import MS_PER_S, pairs
from repro.spike_triplets.valley import ValleyRule

SMALL = 0.01  # of the largest change: counts as none
LOW, HIGH = -80.0, 0.0  # mV, between which the cell is clamped


def change_when_held(
    rule: ValleyRule, timing: float, holdings: Numbers, rate: float = 1.0, repetitions: int = 60
) -> Float[np.ndarray, "holdings"]:
    """Weight change by ``repetitions`` pairs ``timing`` ms apart while the cell is held up by ``holdings`` (mV)."""
    protocol = [pairs(timing, rate, repetitions)]
    return np.array([rule.weight_changes(protocol, float(up))[0] for up in np.asarray(holdings)])


def change_without_spikes(
    rule: ValleyRule, holdings: Numbers, rates: Numbers, n_spikes: int = 60
) -> Float[np.ndarray, "holdings rates"]:
    """Weight change by ``n_spikes`` presynaptic spikes at ``rates`` (Hz) and no postsynaptic one, by holding (mV)."""
    trains = [np.arange(n_spikes) * MS_PER_S / float(rate) for rate in np.asarray(rates)]
    return np.array([[rule.weight_change(train, [], float(up)) for train in trains] for up in np.asarray(holdings)])


def change_of_silent_synapse(rule: ValleyRule, holdings: Numbers, rates: Numbers) -> float:
    """Largest weight change without presynaptic spikes, over holdings (mV) and rates of 20 postsynaptic spikes (Hz)."""
    trains: list[Numbers] = [[], *(np.arange(20) * MS_PER_S / float(rate) for rate in np.asarray(rates))]
    changes = [abs(rule.weight_change([], train, float(up))) for train in trains for up in np.asarray(holdings)]
    return max(changes)


def wrong_clamp_signs(rule: ValleyRule) -> int:
    """Among none at the lowest potential, minus between the thresholds, plus at the highest: how many are not so."""
    potentials = np.linspace(LOW, HIGH, 401)
    largest = float(np.abs(rule.clamped(potentials)).max())
    low, between, high = (
        float(rule.clamped(v)) for v in (LOW, 0.5 * (rule.theta_minus + rule.theta_plus), HIGH)
    )  # fmt: skip
    return int(abs(low) >= SMALL * largest) + int(between >= 0) + int(high <= 0)


def wrong_window_signs(rule: ValleyRule, timing: float = 10.0) -> int:
    """Among potentiation by pairs at +timing and depression at -timing (ms, 1 Hz): how many are not so."""
    plus, minus = rule.weight_changes([pairs(timing, 1.0), pairs(-timing, 1.0)])
    return int(plus <= 0) + int(minus >= 0)


def wrong_signs_when_held(rule: ValleyRule, holdings: Numbers, timing: float = -10.0) -> int:
    """Among depression by pairs at ``timing`` at rest and potentiation at some of ``holdings``: how many are not so."""
    at_rest = change_when_held(rule, timing, [0.0])[0]
    return int(at_rest >= 0) + int(change_when_held(rule, timing, holdings).max() <= 0)


def shift_of_the_clamp(rule: ValleyRule, measured: pd.DataFrame) -> tuple[float, float, float]:
    """The shift of the voltage (mV) and the factor that bring measured changes under clamp closest to the rule's.

    Returns the shift, the measured change that counts as the rule's largest, and the root mean square of what is left
    (in units of the rule's largest change).
    """
    potentials = np.linspace(LOW - 20, HIGH + 20, 1201)
    curve = np.asarray(rule.clamped(potentials))
    curve = curve / np.abs(curve).max()

    def rest(shift: float) -> tuple[float, float]:
        model = np.interp(measured.potential + shift, potentials, curve)
        factor = float(model @ measured.change / max(model @ model, 1e-12))
        return float(np.sqrt(np.mean((measured.change / factor - model) ** 2))) if factor > 0 else np.inf, factor

    shifts = np.arange(-60.0, 60.5, 0.5).tolist()
    rests = [rest(shift) for shift in shifts]
    least = int(np.argmin([r for r, _ in rests]))
    return float(shifts[least]), rests[least][1], rests[least][0]


def violations_without_spikes(rule: ValleyRule, n_spikes: int = 60, rate: float = 10.0) -> int:
    """Among no change at rest and a change when held between the thresholds, both without any postsynaptic spike.

    Changes are taken relative to that of the same spikes at the highest potential of a clamp.
    """
    between = 0.5 * (rule.theta_minus + rule.theta_plus) - rule.resting_potential
    rest, held = change_without_spikes(rule, [0.0, between], [rate], n_spikes)[:, 0]
    largest = np.abs(rule.clamped(np.linspace(LOW, HIGH, 401), n_spikes)).max()
    return int(abs(rest) >= SMALL * largest) + int(abs(held) <= SMALL * largest)


def change_by_pairings(
    rule: ValleyRule, counts: Sequence[int], thresholds: Sequence[float], timing: float = 10.0, rate: float = 1.0
) -> pd.DataFrame:
    """Weight change over the number of pairs for several thresholds on the change: ``threshold, pairs, change``."""
    rows = []
    for threshold in thresholds:
        shrunk = replace(rule, shrinkage=float(threshold))
        changes = shrunk.weight_changes([pairs(timing, rate, count) for count in counts])
        rows += [(threshold, count, float(change)) for count, change in zip(counts, changes, strict=True)]
    return pd.DataFrame(rows, columns=["threshold", "pairs", "change"])


def wrong_pairings(rule: ValleyRule, changes: pd.DataFrame, timing: float = 10.0, rate: float = 1.0) -> int:
    """Of the counts below half the threshold, those with a change; of those above twice the threshold, those without.

    The threshold of a count is how many pairs it takes without shrinkage to change the weight by as much.
    """
    one = abs(replace(rule, shrinkage=0.0).weight_changes([pairs(timing, rate, 100)])[0]) / 100
    needed = changes.threshold / one
    few, many = changes.pairs < needed / 2, changes.pairs > 2 * needed
    return int((few & (changes.change != 0)).sum() + (many & (changes.change == 0)).sum())
