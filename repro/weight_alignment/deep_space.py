"""What is searched when a rule is tuned on a deep network, and the training run at a point of that space.

All rules share the range of the learning rate, all rules with a feedback that learns by primitives that of its rate.
The gain is growth over shrink. It has no unit for symmetric and activation alignment, whose fixed point is gain times
the weight, and one range; for the weight mirror and information alignment it is measured against the second moment of
a layer's input, summed over positions, hundreds to thousands here, and has another. Under Adam only ratios of
coefficients matter, so the shrink side is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import optuna
import tyro

from repro.errors import Mistake
from repro.weight_alignment.deep_options import Options

Point = Mapping[str, float]
Range = tuple[float, float]

RATE: Range = (0.01, 0.5)
FEEDBACK_RATE: Range = (1e-4, 1e-2)
GAIN: Range = (0.25, 4.0)
MOMENT_GAIN: Range = (1e-4, 1.0)  # over a second moment
DECAY: Range = (1e-4, 1e-2)  # of Kolen-Pollack: of weights and feedback alike
PLAIN_RATE: Range = (1e-3, 1.0)  # total shrink per step, plain descent


@dataclass(frozen=True)
class DeepFamily:
    """A rule and what of it is searched, all on a logarithmic scale."""

    rule: str
    ranges: Mapping[str, Range]
    optimiser: str = "auto"  # of the feedback


_WITH_ADAM = {"rate": RATE, "feedback_rate": FEEDBACK_RATE}
_PLAIN = {"rate": RATE, "feedback_rate": PLAIN_RATE}

DEEP_FAMILIES = MappingProxyType(
    {
        "BP": DeepFamily("BP", {"rate": RATE}),
        "FA": DeepFamily("FA", {"rate": RATE}),
        "WM": DeepFamily("WM", _WITH_ADAM | {"gain": MOMENT_GAIN}, "adam"),
        "IA": DeepFamily("IA", _WITH_ADAM | {"gain": MOMENT_GAIN, "null": MOMENT_GAIN}, "adam"),
        "SA": DeepFamily("SA", _WITH_ADAM | {"gain": GAIN}, "adam"),
        "AA": DeepFamily("AA", _WITH_ADAM | {"gain": GAIN}, "adam"),
        "KP": DeepFamily("KP", {"rate": RATE, "weight_decay": DECAY}),
        "WM-plain": DeepFamily("WM", _PLAIN | {"gain": MOMENT_GAIN}, "sgd"),
        "IA-plain": DeepFamily("IA", _PLAIN | {"gain": MOMENT_GAIN, "null": MOMENT_GAIN}, "sgd"),
    }
)
"""The rules of the paper; the feedback of the last two learns by plain descent instead of Adam."""

SIDES = MappingProxyType(
    {"WM": ("amp", "decay"), "IA": ("amp", "decay"), "SA": ("self_weight", "decay"), "AA": ("amp", "sparse")}
)
"""Growth and the first of the shrink side, by rule."""


def suggest(trial: optuna.trial.BaseTrial, family: DeepFamily) -> dict[str, float]:
    """A trial's point in the family's space."""
    return {name: trial.suggest_float(name, *span, log=True) for name, span in family.ranges.items()}


def settings(family: DeepFamily, point: Point) -> dict[str, Any]:
    """The options of a training run, by their names, that a point of the space stands for.

    Raises Mistake if the point is not one of this space.
    """
    if set(point) != set(family.ranges):
        raise Mistake(f"rule {family.rule} is searched over {', '.join(family.ranges)}; given are {', '.join(point)}")
    found: dict[str, Any] = {"rule": family.rule, "rate": point["rate"]}
    if "weight_decay" in point:
        found["weight_decay"] = point["weight_decay"]
    if family.rule in SIDES:
        growth, shrink = SIDES[family.rule]
        found |= {"feedback_optimiser": family.optimiser, "feedback_rate": point["feedback_rate"]}
        found |= {growth: point["gain"], shrink: 1.0}
        found |= {"null": point["null"]} if "null" in point else {}
    return found


def flags(values: Mapping[str, Any]) -> list[str]:
    """Options as the training program's command line has them."""
    words = []
    for name, value in values.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", f"{value:.6g}" if isinstance(value, float) else str(value)]
    return words


def training(out: Path, values: Mapping[str, Any]) -> Options:
    """The training run that the program's command line would make of these options."""
    words = [*flags(values), "--out", str(out)]
    return tyro.cli(Options, args=words, config=(tyro.conf.OmitArgPrefixes,))
