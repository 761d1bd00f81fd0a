"""Rules with an eligibility trace, over one trial: ``(pre, post, third) -> change``, the first axis is time in steps.

A change is the sum over the trial, as large as W (post, pre). Decays are factors per time step: exp(-dt/τ).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from repro.multifactor.two_factor import Rule


def products(
    pre: Float[np.ndarray, "steps pre"], post: Float[np.ndarray, "steps post"]
) -> Float[np.ndarray, "steps post pre"]:
    """The product of both sides at each step."""
    return post[:, :, None] * pre[:, None, :]


def low_pass(series: Float[np.ndarray, "steps *units"], decay: float) -> Float[np.ndarray, "steps *units"]:
    """A leaky sum, y(t) = decay y(t-1) + x(t). Raises ValueError unless 0 <= decay < 1."""
    if not 0 <= decay < 1:
        raise ValueError(f"low_pass: decay is {decay!r}; allowed is 0 or larger, below 1")
    kept = np.zeros_like(series[0])
    found = np.empty_like(series)
    for t, value in enumerate(series):
        kept = decay * kept + value
        found[t] = kept
    return found


def reward_modulated_trace(decay: float) -> Rule:
    """Reward-modulated plasticity, e' = -e/τ + H(pre, post), w' = M e, M = R - b [fremaux2016neuromodulated].

    Grade S for the abstract, K for the equation.

    H is the product of both sides; ``third`` is M at each step. A decay of 0 is the rule without a trace.
    """

    def rule(
        pre: Float[np.ndarray, "steps pre"], post: Float[np.ndarray, "steps post"], third: Float[np.ndarray, "steps"]
    ) -> Float[np.ndarray, "post pre"]:
        return np.einsum("t,tij->ij", third, low_pass(products(pre, post), decay))

    return rule


def miconi(
    pre: Float[np.ndarray, "steps pre"], post: Float[np.ndarray, "steps post"], third: float
) -> Float[np.ndarray, "post pre"]:
    """Miconi's rule, e += (x Δ)³ at each step, Δw = e (R - R̄) at the end [miconi2017biologically].

    Standard form, grade K.

    ``post`` is the unit's fluctuation about its running mean, ``third`` is R - R̄. Deviates: without the factor R̄.
    """
    return third * (products(pre, post) ** 3).sum(0)


def eprop(decay: float) -> Rule:
    """e-prop of leaky integrate-and-fire units, Δw = -sum of L(t) ē(t). Standard form, grade K [bellec2020solution].

    ``pre`` is the spike train filtered by the membrane, ``post`` the pseudo-derivative of the unit; ē is their product
    filtered by the readout's ``decay``; ``third`` is the learning signal L = Bᵀ(y - y*) of each unit.
    """

    def rule(
        pre: Float[np.ndarray, "steps pre"],
        post: Float[np.ndarray, "steps post"],
        third: Float[np.ndarray, "steps post"],
    ) -> Float[np.ndarray, "post pre"]:
        return -np.einsum("ti,tij->ij", third, low_pass(products(pre, post), decay))

    return rule


def rflo(decay: float) -> Rule:
    """Random-feedback local online learning, Δw = -sum of (B ε)_a p_ab, τ p' = -p + φ'(u_a) h_b [murray2019local].

    Standard form, grade K.

    ``pre`` is h, ``post`` is φ'(u), ``third`` is B ε; a ``decay`` of 0 is the rule without a trace.
    """

    def rule(
        pre: Float[np.ndarray, "steps pre"],
        post: Float[np.ndarray, "steps post"],
        third: Float[np.ndarray, "steps post"],
    ) -> Float[np.ndarray, "post pre"]:
        return -(1 - decay) * np.einsum("ti,tij->ij", third, low_pass(products(pre, post), decay))

    return rule
