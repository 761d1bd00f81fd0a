"""Effective Hebbian nonlinearities f, with the integral F that learning climbs (Δw ∝ x f(wᵀx), under |w| = 1).

Input is white, so that u = wᵀx has unit variance and every threshold is in standard deviations of u. All functions take
numpy arrays and torch tensors alike. Names and forms follow [brito2016nonlinear]; constants are this book's, since the
paper's were not read, but for the quadratic rectifier's (1, 2), which the authors' course sheet states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from repro.errors import Mistake

Elementwise = Callable[[Any], Any]
"""A function of an array or tensor, element by element."""


@dataclass(frozen=True)
class Nonlinearity:
    """An effective nonlinearity and what learning needs to know of it."""

    name: str
    says: str  # the formula and the model it stands for, in one line
    f: Elementwise = field(repr=False)
    integral: Elementwise = field(repr=False)  # F with F' = f; its constant does not matter
    breakpoints: tuple[float, ...] = ()  # kinks and jumps of f, for quadrature
    curvature_shift: float = 0.0  # c >= -min f': with it normalise(⟨x f⟩ + c w) climbs for certain


Which = str | Nonlinearity | tuple[Elementwise, Elementwise]
"""How a caller may name a nonlinearity: by name, itself, or as a pair of callables (f, F)."""


def _xp(u: Any) -> Any:
    """The library that computes on ``u``: the functions used here have the same names in both."""
    return torch if isinstance(u, torch.Tensor) else np


def _above(u: Any, threshold: float) -> Any:
    """(u - threshold) where that is positive, else 0."""
    return (u - threshold).clip(min=0)


def _log_cosh(u: Any) -> Any:
    """log cosh u without overflow."""
    size = abs(u)
    return size + _xp(u).log1p(_xp(u).exp(-2 * size)) - float(np.log(2))


def quadratic_rectifier(low: float = 1.0, high: float = 2.0) -> Nonlinearity:
    """(u - low)(u - high) above ``low``, else 0: a threshold-linear neuron with triplet plasticity (θ1, θ2)."""
    gap = high - low
    return Nonlinearity(
        "quadratic_rectifier",
        f"(u − {low:g})(u − {high:g}) for u > {low:g}: triplet plasticity, BCM",
        lambda u: _above(u, low) * (u - high),
        lambda u: _above(u, low) ** 2 * (_above(u, low) / 3 - gap / 2),
        (low,),
        max(gap, 0.0),
    )


def linear_rectifier(threshold: float = 3.0) -> Nonlinearity:
    """u - threshold above the threshold, else 0: sparse coding with an L1 prior."""
    return Nonlinearity(
        "linear_rectifier",
        f"(u − {threshold:g})₊: L1 sparse coding, linear plasticity",
        lambda u: _above(u, threshold),
        lambda u: _above(u, threshold) ** 2 / 2,
        (threshold,),
    )


def _cauchy_response(u: Any, weight: float) -> Any:
    """The y with y + 2 weight y / (1 + y²) = u, by Cardano's formula and one step of Newton's."""
    xp, linear = _xp(u), 1 + 2 * weight
    p, q = linear - u * u / 3, u * ((2 * weight - 2) / 3 - 2 * u * u / 27)
    root = xp.sqrt((q * q / 4 + p * p * p / 27).clip(min=0))
    large = (abs(q) / 2 + root) ** (1 / 3)
    y = xp.where(q > 0, -1.0, 1.0) * (large - p / (3 * large)) + u / 3
    return y - (((y - u) * y + linear) * y - u) / ((3 * y - 2 * u) * y + linear)


def cauchy(weight: float = 3.0) -> Nonlinearity:
    """T⁻¹(u) with T(y) = y + 2 weight y / (1 + y²): sparse coding with the prior log(1 + y²).

    Raises Mistake unless 1 < weight < 4: T has no inverse above 4, and below 1 nothing of a threshold is left.
    """
    if not 1 < weight < 4:
        raise Mistake(f"cauchy: weight is {weight}; it must lie between 1 and 4, above which T has no inverse")

    def integral(u: Any) -> Any:
        y = _cauchy_response(u, weight)
        return u * y - y * y / 2 - weight * _xp(u).log1p(y * y)

    says = f"T⁻¹(u), T(y) = y + {2 * weight:g}y/(1 + y²): sparse coding, Cauchy prior"
    return Nonlinearity("cauchy", says, lambda u: _cauchy_response(u, weight), integral)


def l0(threshold: float = 3.0) -> Nonlinearity:
    """u where abs(u) is above the threshold, else 0: sparse coding with a hard threshold."""

    def f(u: Any) -> Any:
        return u * (abs(u) > threshold)

    return Nonlinearity(
        "l0",
        f"u for |u| > {threshold:g}: hard-threshold sparse coding",
        f,
        lambda u: (u * u - threshold**2).clip(min=0) / 2,
        (-threshold, threshold),
    )


def negative_sigmoid() -> Nonlinearity:
    """-tanh u: independent component analysis."""
    says = "−tanh u: independent component analysis"
    return Nonlinearity("negative_sigmoid", says, lambda u: -_xp(u).tanh(u), lambda u: -_log_cosh(u), (), 1.0)


def logistic(centre: float, slope: float = 4.0) -> Nonlinearity:
    """1 / (1 + exp(-slope (u - centre))): a saturating neuron with a threshold."""

    def f(u: Any) -> Any:
        return 0.5 + 0.5 * _xp(u).tanh(slope / 2 * (u - centre))

    def integral(u: Any) -> Any:
        return (u - centre) / 2 + _log_cosh(slope / 2 * (u - centre)) / slope

    return Nonlinearity("logistic", f"logistic, slope {slope:g}, centre {centre:g}", f, integral)


def power(exponent: float) -> Nonlinearity:
    """sign(u) abs(u)^exponent. Raises Mistake unless the exponent is above 0."""
    if not exponent > 0:
        raise Mistake(f"power: exponent is {exponent}; it must be above 0")
    return Nonlinearity(
        "power",
        f"sign(u)|u|^{exponent:g}",
        lambda u: _xp(u).sign(u) * abs(u) ** exponent,
        lambda u: abs(u) ** (exponent + 1) / (exponent + 1),
        (0.0,),
    )


FIVE: tuple[str, ...] = ("quadratic_rectifier", "linear_rectifier", "cauchy", "l0", "negative_sigmoid")
"""The five that the ledger's claims speak of."""

_CONTROLS = (
    Nonlinearity("linear", "u: a linear neuron", lambda u: 1.0 * u, lambda u: u * u / 2),
    Nonlinearity("sigmoid", "tanh u: a saturating neuron", lambda u: _xp(u).tanh(u), _log_cosh),
    Nonlinearity("cubic", "u³: kurtosis", lambda u: u * u * u, lambda u: (u * u) ** 2 / 4),
    Nonlinearity("sine", "−sin u", lambda u: -_xp(u).sin(u), lambda u: _xp(u).cos(u), (), 1.0),
    Nonlinearity("absolute", "−|u|: follows skewness", lambda u: -abs(u), lambda u: -u * abs(u) / 2, (0.0,), 1.0),
    Nonlinearity("cosine", "−cos u", lambda u: -_xp(u).cos(u), lambda u: -_xp(u).sin(u), (), 1.0),
)

NONLINEARITIES: Mapping[str, Nonlinearity] = MappingProxyType(
    {
        each.name: each
        for each in (quadratic_rectifier(), linear_rectifier(), cauchy(), l0(), negative_sigmoid(), *_CONTROLS)
    }
)
"""All nonlinearities of the chapter by name: the five, and controls."""


def nonlinearity(which: Which) -> Nonlinearity:
    """The nonlinearity meant by a name, a :class:`Nonlinearity`, or a pair (f, F), checked before any learning.

    The curvature shift of a pair is taken from its slopes on a fine grid over six standard deviations.

    Raises Mistake for an unknown name, or where F is not the integral of f.
    """
    if isinstance(which, str):
        if which not in NONLINEARITIES:
            raise Mistake(f"nonlinearity {which!r} is unknown; there are {', '.join(NONLINEARITIES)}")
        return NONLINEARITIES[which]
    if isinstance(which, Nonlinearity):
        _check_integral(which)
        return which
    own = Nonlinearity("own", "given as a pair of callables", *which)
    _check_integral(own)
    grid = np.linspace(-6, 6, 4801)
    steepest = float(-(np.diff(own.f(grid)) / np.diff(grid)).min())
    return Nonlinearity(own.name, own.says, own.f, own.integral, (), max(steepest, 0.0))


def _check_integral(given: Nonlinearity) -> None:
    """Raises Mistake unless F' = f on a grid over six standard deviations, away from jumps."""
    u, step = np.linspace(-6.0, 6.0, 1201) + 1e-3 * np.sqrt(2), 1e-4
    slope = (np.asarray(given.integral(u + step)) - np.asarray(given.integral(u - step))) / (2 * step)
    wrong = ~(abs(slope - np.asarray(given.f(u))) <= 1e-3 * (1 + abs(slope)))
    if wrong.mean() > 0.01:  # a jump of f spoils the points beside it and no others
        at = float(u[np.argmax(wrong)])
        raise Mistake(
            f"nonlinearity {given.name!r}: the integral does not match f: at u = {at:.2f} its slope is "
            f"{slope[np.argmax(wrong)]:.4g}, but f is {np.asarray(given.f(u))[np.argmax(wrong)]:.4g}"
        )
