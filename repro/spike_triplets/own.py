"""A reader's own rule, by the dotted name of a callable or of a family, and a reader's own table."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.arrays import Numbers
from repro.errors import Mistake
from repro.spike_triplets.families import Family
from repro.spike_triplets.rules import Rule

TRIED = ([0.0], [10.0])  # one pair, ms


@dataclass(frozen=True)
class FunctionRule:
    """A rule given as a function of two spike trains (ms) that returns the relative weight change."""

    function: Callable[[np.ndarray, np.ndarray], float]

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """What the function says."""
        return float(self.function(np.asarray(pre, dtype=float), np.asarray(post, dtype=float)))


def own_rule(dotted: str) -> Rule | Family:
    """The rule that a reader names as ``module.name`` or ``package.module:name``.

    It may be a function of (pre, post) in ms that returns the relative weight change, an object with such a method
    ``weight_change``, a class that makes one without arguments, or a :class:`Family`, which is then fitted.

    Raises
    ------
    Mistake
        In one line: the name, and what is missing or what came back for a single pair.
    """
    found = _find(dotted)
    if isinstance(found, Family):
        return found
    try:
        made = found() if isinstance(found, type) else found
        rule = made if hasattr(made, "weight_change") else FunctionRule(made)
        change = rule.weight_change(*TRIED)
        usable = bool(np.isfinite(change))
    except Exception as error:  # whatever a reader's code raises is the reader's to see, in one line
        raise Mistake(f"own_rule {dotted!r} fails on a pair at +10 ms: {type(error).__name__}: {error}") from error
    if not usable:
        raise Mistake(f"own_rule {dotted!r} gives {change} for a pair at +10 ms; it must be a finite number")
    return rule


def _find(dotted: str) -> Any:
    module, _, name = dotted.replace(":", ".").rpartition(".")
    if not module or not name:
        raise Mistake(f"own_rule is {dotted!r}; it must name a callable as module.name, such as my_rules.additive")
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise Mistake(f"own_rule is {dotted!r}: module {module!r} can't be imported ({error})") from error
    except AttributeError as error:
        raise Mistake(f"own_rule is {dotted!r}: module {module!r} has no {name!r}") from error
    if not (callable(found) or isinstance(found, Family) or hasattr(found, "weight_change")):
        raise Mistake(f"own_rule is {dotted!r}, a {type(found).__name__}; it must be a callable, a rule or a Family")
    return found
