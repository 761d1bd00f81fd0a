"""What pair and triplet rules see of spike trains: sums of traces, exact between events.

With r1, r2 set by presynaptic and o1, o2 by postsynaptic spikes, the weight change of the triplet rule is linear in its
amplitudes [pfister2006triplets]:

    dw = A2+ Σ_post r1 + A3+ Σ_post r1 o2 - A2- Σ_pre o1 - A3- Σ_pre o1 r2

These four sums are computed for many protocols and many sets of time constants at once. All traces are read first and
updated afterwards where spikes coincide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float

from repro.spike_triplets.protocols import Protocol, check_train

AMPLITUDES = ("a2_plus", "a3_plus", "a2_minus", "a3_minus")
COINCIDENT_MS = 1e-9


@dataclass(frozen=True)
class Events:
    """The spikes of several protocols in order of time, end to end."""

    times: np.ndarray  # ms; coincident spikes are one event
    pre: np.ndarray  # bool: a presynaptic spike
    post: np.ndarray  # bool: a postsynaptic spike
    starts: np.ndarray  # first event of each protocol, and the end

    @classmethod
    def of_trains(cls, trains: Sequence[tuple[np.ndarray, np.ndarray]]) -> Events:
        """Events of (pre, post) trains. Raises ValueError naming the train and the spike that is out of order."""
        merged = [_merge(check_train(pre, "pre"), check_train(post, "post")) for pre, post in trains]
        starts = np.cumsum([0] + [len(times) for times, _, _ in merged])
        times, pre, post = (np.concatenate(column) for column in zip(*merged, strict=True))
        return cls(times, pre, post, starts)

    @classmethod
    def of(cls, protocols: Sequence[Protocol]) -> Events:
        """Events of whole protocols, laid out once for each."""
        return _laid_out(tuple(protocols))


@lru_cache(maxsize=512)
def _laid_out(protocols: tuple[Protocol, ...]) -> Events:
    return Events.of_trains([protocol.trains() for protocol in protocols])


def _merge(pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times = np.concatenate([pre, post])
    is_post = np.repeat([False, True], [len(pre), len(post)])
    order = np.argsort(times, kind="stable")
    times, is_post = times[order], is_post[order]
    first = np.ones(len(times), dtype=bool)
    first[1:] = np.diff(times) > COINCIDENT_MS
    index = np.cumsum(first) - 1
    has_pre, has_post = (np.bincount(index, weights=kind, minlength=first.sum()) > 0 for kind in (~is_post, is_post))
    return times[first], has_pre, has_post


def trace_sums(
    events: Events, time_constants: Float[np.ndarray, "sets 4"], nearest: bool
) -> Float[np.ndarray, "sets protocols 4"]:
    """The signed sums that the amplitudes ``a2_plus, a3_plus, a2_minus, a3_minus`` multiply.

    Parameters
    ----------
    time_constants : tau_plus, tau_minus, tau_x, tau_y of each set, ms
    nearest : traces are set to 1 by a spike instead of growing by 1
    """
    return _trace_sums(events.times, events.pre, events.post, events.starts, time_constants, nearest)


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _trace_sums(times, pre, post, starts, time_constants, nearest):
    protocols = len(starts) - 1
    sums = np.zeros((len(time_constants), protocols, 4))
    for s in range(len(time_constants)):
        tau_plus, tau_minus, tau_x, tau_y = time_constants[s]
        for p in range(protocols):
            r1 = r2 = o1 = o2 = 0.0
            last = 0.0
            for e in range(starts[p], starts[p + 1]):
                if e > starts[p]:
                    passed = times[e] - last
                    r1 *= np.exp(-passed / tau_plus)
                    o1 *= np.exp(-passed / tau_minus)
                    r2 *= np.exp(-passed / tau_x)
                    o2 *= np.exp(-passed / tau_y)
                last = times[e]
                if post[e]:
                    sums[s, p, 0] += r1
                    sums[s, p, 1] += r1 * o2
                if pre[e]:
                    sums[s, p, 2] -= o1
                    sums[s, p, 3] -= o1 * r2
                if pre[e]:
                    r1 = 1.0 if nearest else r1 + 1.0
                    r2 = 1.0 if nearest else r2 + 1.0
                if post[e]:
                    o1 = 1.0 if nearest else o1 + 1.0
                    o2 = 1.0 if nearest else o2 + 1.0
    return sums
