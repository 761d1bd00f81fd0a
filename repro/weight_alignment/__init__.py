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
from repro.weight_alignment.fixed_points import classify, expected_feedback, fixed_point
from repro.weight_alignment.operators import Convolution
from repro.weight_alignment.options import AlignmentInput, Turn, add_update_noise, turn
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule

__all__ = [
    "PRIMITIVES",
    "RULES",
    "AlignmentInput",
    "Convolution",
    "Rule",
    "Turn",
    "add_update_noise",
    "alignment_angles",
    "classify",
    "convert",
    "expected_feedback",
    "feedback_layers",
    "feedback_parameters",
    "fixed_point",
    "revert",
    "set_rule",
    "turn",
    "weights_of",
]
