"""Sufficient statistics of the windows near the threshold: six sums a neuron and side, for every half-width at once.

They add over windows, replicas and devices, so one simulation serves every half-width and estimator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.errors import Mistake
from repro.spike_discontinuity.network import Record

COUNT, Z, ZZ, COST, COST2, Z_COST = range(6)  # columns of the sums


@dataclass(frozen=True)
class Sums:
    """Sums over the windows below and above the threshold: number, Z, Z², C, C² and ZC."""

    below: Float[np.ndarray, "*batch neurons 6"]
    above: Float[np.ndarray, "*batch neurons 6"]

    def pooled(self) -> Sums:
        """Added over the last axis before the neurons, that of replicas."""
        return Sums(self.below.sum(-3), self.above.sum(-3))

    def in_groups(self, groups: int) -> Sums:
        """Added over equal groups of replicas; what is left over is dropped."""
        return Sums(_grouped(self.below, groups), _grouped(self.above, groups))

    def at(self, index: int) -> Sums:
        """Those of one half-width."""
        return Sums(self.below[index], self.above[index])

    def one_sided(self, everything: Sums) -> Sums:
        """Narrow below, wide above: a neuron need not know by how much it crossed."""
        return Sums(self.below, np.broadcast_to(everything.above, self.below.shape))


def _grouped(sums: np.ndarray, groups: int) -> np.ndarray:
    each = sums.shape[-3] // groups
    kept = sums[..., : groups * each, :, :]
    return kept.reshape(*sums.shape[:-3], groups, each, *sums.shape[-2:]).sum(-3)


def check_windows(half_widths: Numbers) -> Float[np.ndarray, "n"]:
    """Half-widths as an array. Raises Mistake for one that is not above 0."""
    found = np.atleast_1d(np.asarray(half_widths, dtype=float))
    for value in found:
        if not value > 0:
            raise Mistake(f"window is {value:g}; the half-width around the threshold must be above 0")
    return found


def window_sums(record: Record, half_widths: Numbers) -> Sums:
    """Sums over the windows with Z nearer to the threshold than each half-width, replica by replica.

    Parameters
    ----------
    half_widths : any number of them, in any order; infinity takes every window

    Returns
    -------
    Sums of shape (half_widths, replicas, neurons, 6). Windows with Z exactly at the threshold are on neither side.
    """
    widths = check_windows(half_widths)
    order = np.argsort(widths)
    replicas, _, neurons = record.z.shape
    distance = np.abs(record.z)
    inside = np.searchsorted(widths[order], distance, side="right")  # the first half-width that is larger
    above = record.z > 0
    unit = np.arange(replicas)[:, None, None] * neurons + np.arange(neurons)
    kept = (inside < len(widths)) & (distance > 0)
    place = (((inside * 2 + above) * replicas * neurons) + unit)[kept]
    z = record.z[kept]
    cost = np.broadcast_to(record.cost[..., None], record.z.shape)[kept]
    shape = (len(widths), 2, replicas, neurons)
    columns = (None, z, z * z, cost, cost * cost, z * cost)
    summed = [np.bincount(place, column, math.prod(shape)).reshape(shape) for column in columns]
    sums = np.cumsum(np.stack(summed, axis=-1).astype(float), axis=0)
    back = np.argsort(order)
    return Sums(sums[back, 0], sums[back, 1])
