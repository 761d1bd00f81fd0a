"""The ladder: every rule with its third factor, its source and how well that source is known here.

Grades: N the note, E exact, I interpretation, S read in an abstract or in code, K the standard form (not the source's
own text), P proposal of this book.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from repro.multifactor import third_factor, traces, two_factor


@dataclass(frozen=True)
class Card:
    """A rule as the chapter's table shows it."""

    function: Callable[..., Any]  # the rule itself, or what makes it from the weights or constants it reads
    change: str  # its equation
    third: str  # what the third factor is
    source: str
    grade: str


RULES = MappingProxyType(
    {
        "Hebb": Card(two_factor.hebb, "y x", "none", "textbook", "K"),
        "covariance": Card(two_factor.covariance, "(y − ⟨y⟩)(x − ⟨x⟩)", "none", "textbook", "K"),
        "Oja": Card(two_factor.oja, "y (x − y w)", "none", "Oja 1982", "K"),
        "Sanger": Card(two_factor.sanger, "yᵢ (x − Σₖ≤ᵢ yₖ wₖ)", "none", "Sanger 1989", "K"),
        "reward-modulated trace": Card(
            traces.reward_modulated_trace,
            "M e, τ e' = −e + H",
            "scalar, broadcast",
            "Frémaux & Gerstner 2016",
            "S, equation K",
        ),
        "REINFORCE": Card(third_factor.reinforce, "(R − b)(s − p) x", "scalar × own noise", "Williams 1992", "K"),
        "node perturbation": Card(
            third_factor.node_perturbation,
            "−(L(ξ) − L(0)) ξ x/σ²",
            "scalar × own noise",
            "Werfel, Xie & Seung 2005",
            "S",
        ),
        "Miconi": Card(traces.miconi, "(R − R̄) Σₜ (x Δ)³", "scalar × own noise × trace", "Miconi 2017", "K"),
        "FA": Card(third_factor.feedback_alignment, "−(Bᵀδ) φ' x", "vector, random", "Lillicrap et al. 2016", "K"),
        "DFA": Card(third_factor.direct_feedback_alignment, "−(Bᵀe) φ' x", "vector of outputs", "Nøkland 2016", "S"),
        "sign symmetry": Card(
            third_factor.sign_symmetry,
            "−(sign(W)ᵀδ) φ' x",
            "vector, aligned",
            "Guerguiev et al. 2020 for learned B",
            "K",
        ),
        "burst": Card(third_factor.burst, "(P − P̄) E Ẽ", "vector, multiplexed", "Payeur et al. 2021", "K"),
        "e-prop": Card(traces.eprop, "−Σₜ L ē", "vector × trace", "Bellec et al. 2020", "K"),
        "RFLO": Card(traces.rflo, "−Σₜ (Bε) p", "vector × trace", "Murray 2019", "K"),
        "BP": Card(third_factor.backpropagation, "−(Wᵀδ) φ' x", "vector, exact", "the note, item 3", "N"),
    }
)
"""All rules by name, from no third factor to the exact vector."""
