"""Two estimates of the effect of a neuron's spike on the cost: observed dependence and spiking discontinuity.

    observed dependence   E[C | H = 1] - E[C | H = 0]                     biased by shared input
    spiking discontinuity lim E[C | Z = z], z from above minus from below the threshold

An empty side gives NaN, with a warning that names neuron and side; nothing is filled in [lansdell2023neural].
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.errors import Mistake
from repro.spike_discontinuity.network import Record
from repro.spike_discontinuity.statistics import COST, COUNT, Z_COST, ZZ, Sums, Z, check_windows, window_sums

MODELS = ("constant", "linear", "asymmetric", "asymmetric-linear")
LEAST_LINEAR = 3  # windows a side for a line


class EmptySide(UserWarning):
    """A side of the threshold has too few windows for an estimate, which is NaN."""


def means(sums: Float[np.ndarray, "*batch 6"]) -> Float[np.ndarray, "*batch"]:
    """Mean cost of one side; NaN where there is no window."""
    return sums[..., COST] / np.where(sums[..., COUNT] > 0, sums[..., COUNT], np.nan)


def intercepts(sums: Float[np.ndarray, "*batch 6"]) -> Float[np.ndarray, "*batch"]:
    """Least-squares line of the cost on Z, at Z = threshold; NaN where there are fewer than three windows."""
    enough = np.where(sums[..., COUNT] >= LEAST_LINEAR, sums[..., COUNT], np.nan)
    mean_z, mean_c = sums[..., Z] / enough, sums[..., COST] / enough
    spread = sums[..., ZZ] / enough - mean_z**2
    return mean_c - mean_z * (sums[..., Z_COST] / enough - mean_z * mean_c) / np.where(spread > 0, spread, np.nan)


def jump(sums: Sums, linear: bool = False) -> Float[np.ndarray, "*batch neurons"]:
    """Above minus below the threshold, from sums; NaN where a side is empty."""
    side = intercepts if linear else means
    return side(sums.above) - side(sums.below)


def sweep(
    record: Record, half_widths: Numbers, model: str = "constant"
) -> Float[np.ndarray, "half_widths replicas neurons"]:
    """The spiking discontinuity for many half-widths, replica by replica, from one pass; NaN where a side is empty.

    Raises Mistake for a half-width that is not above 0, or an unknown model.
    """
    if model not in MODELS:
        raise Mistake(f"model is {model!r}; it can be {', '.join(MODELS)}")
    widths = check_windows(half_widths)
    sums = window_sums(record, [*widths, np.inf])
    near = Sums(sums.below[:-1], sums.above[:-1])
    if model.startswith("asymmetric"):
        near = near.one_sided(Sums(sums.below[-1:], sums.above[-1:]))
    return jump(near, linear=model.endswith("linear"))


def spiking_discontinuity(record: Record, window: float, model: str = "constant") -> Float[np.ndarray, "neurons"]:
    """The jump of the mean cost where a neuron's drive reaches its threshold, all replicas together.

    Parameters
    ----------
    record : of one or more replicas
    window : half-width around the threshold, strict on both sides; infinity takes every window
    model : ``constant`` (difference of means), ``linear`` (of two least-squares lines, at the threshold),
        ``asymmetric`` and ``asymmetric-linear`` (the same with every window above the threshold)

    Returns
    -------
    One value a neuron. NaN, with the warning EmptySide, where a side has too few windows.

    Raises
    ------
    Mistake
        For a window that is not above 0, or an unknown model.

    >>> record = simulate_pair((12, 9), 0.5, seconds=100, seed=0)
    >>> 4 < spiking_discontinuity(record, window=0.1)[0] < 7
    True
    """
    if model not in MODELS:
        raise Mistake(f"model is {model!r}; it can be {', '.join(MODELS)}")
    check_windows(window)
    pooled = window_sums(record, [window, np.inf]).pooled()
    sums = pooled.at(0).one_sided(pooled.at(1)) if model.startswith("asymmetric") else pooled.at(0)
    linear = model.endswith("linear")
    _warn_of_empty_sides(sums, LEAST_LINEAR if linear else 1)
    return jump(sums, linear)


def observed_dependence(record: Record, within: float = 1.0) -> Float[np.ndarray, "neurons"]:
    """Mean cost where the neuron's drive crossed the threshold minus where it did not, all replicas together.

    Parameters
    ----------
    within : windows with Z farther from the threshold are left out: 1 in Figs 3 and 5 (article and code), infinity in
        Fig 4 (code)

    Returns
    -------
    One value a neuron. NaN, with the warning EmptySide, where a neuron never or always crossed.
    """
    return spiking_discontinuity(record, within)


def _warn_of_empty_sides(sums: Sums, least: int) -> None:
    for side in ("below", "above"):
        for neuron, n in enumerate(getattr(sums, side)[:, COUNT]):
            if n < least:
                told = f"neuron {neuron} has {n:.0f} windows {side} the threshold, needed are {least}: NaN"
                warnings.warn(told, EmptySide, stacklevel=3)
