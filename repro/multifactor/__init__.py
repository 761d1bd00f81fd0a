"""Two-factor and multifactor rules, and the map of the note "multifactor synaptic learning rules" (m8ta.com)."""

from repro.multifactor.measures import cosine, descent_share, sign_agreement, unit_step_gain
from repro.multifactor.perturbation import law, law_of_compartments
from repro.multifactor.rules import RULES
from repro.multifactor.sheet import exact_residue, index_map, n_columns
from repro.multifactor.third_factor import (
    backpropagation,
    burst,
    direct_feedback_alignment,
    feedback_alignment,
    node_perturbation,
    reinforce,
    sign_symmetry,
)
from repro.multifactor.traces import eprop, miconi, reward_modulated_trace, rflo
from repro.multifactor.training import Schedule, Trainee, train
from repro.multifactor.two_factor import covariance, hebb, oja, polynomial, sanger

__all__ = [
    "RULES",
    "Schedule",
    "Trainee",
    "backpropagation",
    "burst",
    "cosine",
    "covariance",
    "descent_share",
    "direct_feedback_alignment",
    "eprop",
    "exact_residue",
    "feedback_alignment",
    "hebb",
    "index_map",
    "law",
    "law_of_compartments",
    "miconi",
    "n_columns",
    "node_perturbation",
    "oja",
    "polynomial",
    "reinforce",
    "reward_modulated_trace",
    "rflo",
    "sanger",
    "sign_agreement",
    "sign_symmetry",
    "train",
    "unit_step_gain",
]
