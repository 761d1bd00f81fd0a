"""Learned feedback weights: the five primitives of Kunin et al. 2020 for any torch network [kunin2020two]."""

from repro.weight_alignment.convert import (
    alignment_angles,
    convert,
    feedback_layers,
    feedback_parameters,
    revert,
    set_rule,
    weights_of,
)
from repro.weight_alignment.options import AlignmentInput
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule

__all__ = [
    "PRIMITIVES",
    "RULES",
    "AlignmentInput",
    "Rule",
    "alignment_angles",
    "convert",
    "feedback_layers",
    "feedback_parameters",
    "revert",
    "set_rule",
    "weights_of",
]
