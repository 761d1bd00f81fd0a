"""What is searched when a rule is tuned: rates and gains instead of raw coefficients, the same ranges for every rule.

The shrink side of a rule (decay, null, sparse) has a total rate, the growth side (amp, self) a total that is ``gain``
times as large; what is left are ratios within each side. Raw log-uniform coefficients would waste most trials on
feedback that vanishes or explodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import optuna

from repro.weight_alignment.learners import Learner
from repro.weight_alignment.rules import PRIMITIVES, Rule

GROWTH = ("amp", "self_weight")
SHRINK = ("decay", "null", "sparse")

RANGES = MappingProxyType(
    {
        "rate": (3e-3, 0.3),  # learning rate of the weights
        "shrink": (1e-3, 2.0),  # total rate of the feedback per step, plain descent
        "adam_rate": (1e-4, 0.1),  # step of the feedback, Adam; the coefficients then add up to 1
        "gain": (0.25, 4.0),  # growth over shrink
        "ratio": (0.1, 10.0),  # of one primitive to the first of its side
    }
)
"""Search ranges, all logarithmic, shared by all rules."""

Parameters = Mapping[str, float | str | bool]


@dataclass(frozen=True)
class Family:
    """A rule whose coefficients are still to be found."""

    name: str
    primitives: tuple[str, ...] = ()
    tied: bool = False  # backpropagation
    follows: bool = False  # Kolen-Pollack: its decay is the weights' own
    frozen: bool = False  # only the last layer learns: the floor

    def __post_init__(self) -> None:
        for name in self.primitives:
            if name not in PRIMITIVES:
                raise ValueError(f"Family: {name!r} is not a primitive; there are {', '.join(PRIMITIVES)}")


FAMILIES = MappingProxyType(
    {
        "BP": Family("BP", tied=True),
        "FA": Family("FA"),
        "WM": Family("WM", ("amp", "decay")),
        "IA": Family("IA", ("amp", "decay", "null")),
        "SA": Family("SA", ("self_weight", "decay")),
        "AA": Family("AA", ("amp", "sparse")),
        "KP": Family("KP", ("decay",), follows=True),
        "frozen": Family("frozen", tied=True, frozen=True),
    }
)
"""The rules of the paper, and frozen features as a floor."""


def suggest(trial: optuna.trial.BaseTrial, family: Family) -> Parameters:
    """A trial's point in the family's search space. Kolen-Pollack is not offered Adam, which the weights don't have."""
    found: dict[str, float | str | bool] = {"rate": _log(trial, "rate", "rate")}
    if not family.primitives:
        return found
    adam = not family.follows and trial.suggest_categorical("optimiser", ["descent", "adam"]) == "adam"
    found["optimiser"] = "adam" if adam else "descent"
    found["feedback_rate"] = _log(trial, "adam_rate", "adam_rate") if adam else _log(trial, "shrink", "shrink")
    growth, shrink = (tuple(name for name in side if name in family.primitives) for side in (GROWTH, SHRINK))
    if growth and shrink:
        found["gain"] = _log(trial, "gain", "gain")
    for side in (growth, shrink):
        for name in side[1:]:
            found[f"ratio_{name}"] = _log(trial, f"ratio_{name}", "ratio")
    if {"amp", "sparse"} & set(family.primitives):
        found["centre"] = trial.suggest_categorical("centre", [False, True])
    return found


def _log(trial: optuna.trial.BaseTrial, name: str, quantity: str) -> float:
    low, high = RANGES[quantity]
    return trial.suggest_float(name, low, high, log=True)


def learner(family: Family, parameters: Parameters, **options: object) -> Learner:
    """The learner at a point of the search space; ``options`` are further fields of ``Learner``."""
    rate = float(parameters["rate"])
    chosen = Learner(Rule(tied=family.tied), rate, frozen_features=family.frozen, **options)  # type: ignore[arg-type]
    if not family.primitives:
        return chosen
    adam = parameters["optimiser"] == "adam"
    total = 1.0 if adam else float(parameters["feedback_rate"])
    sides = [tuple(name for name in side if name in family.primitives) for side in (GROWTH, SHRINK)]
    totals = [total * float(parameters.get("gain", 1.0)), total]
    if adam:
        totals = [amount / (sum(t for t, side in zip(totals, sides, strict=True) if side)) for amount in totals]
    coefficients: dict[str, float] = {}
    for amount, side in zip(totals, sides, strict=True):
        parts = [1.0 if name == side[0] else float(parameters[f"ratio_{name}"]) for name in side]
        coefficients |= {name: amount * part / sum(parts) for name, part in zip(side, parts, strict=True)}
    decay = coefficients.get("decay", 0.0)
    return Learner(
        rule=Rule(**coefficients, follows_weight_gradient=family.follows),  # type: ignore[arg-type]
        rate=rate,
        weight_decay=decay / rate if family.follows else 0.0,
        feedback_rate=float(parameters["feedback_rate"]) if adam else 1.0,
        feedback_adam=adam,
        centre_input=bool(parameters.get("centre", False)),
        **options,  # type: ignore[arg-type]
    )
