"""Pairing protocols: a pattern of pre- and postsynaptic spikes, repeated at a rate.

Times are in ms, rates in Hz. A timing is t_post - t_pre: positive means pre first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers

MS_PER_S = 1000.0


def check_train(times: Numbers, what: str) -> Float[np.ndarray, "spikes"]:
    """A spike train as an array, ms. Raises ValueError naming the first spike that is not finite or not in order."""
    train = np.asarray(times, dtype=float)
    if train.ndim != 1:
        raise ValueError(f"{what}: a spike train is a list of times in ms; this has {train.ndim} dimensions")
    for index in np.flatnonzero(~np.isfinite(train))[:1]:
        raise ValueError(f"{what}: spike {index} is at {train[index]}; times must be finite")
    for index in np.flatnonzero(np.diff(train) <= 0)[:1]:
        late, early = train[index + 1], train[index]
        raise ValueError(f"{what}: spike {index + 1} at {late:g} ms is not after spike {index} at {early:g} ms")
    return train


@dataclass(frozen=True)
class Protocol:
    """A pattern of spikes that is repeated at a fixed rate."""

    pre: tuple[float, ...]  # ms within the pattern, in order
    post: tuple[float, ...]  # ms within the pattern, in order
    rate: float  # repetitions per second
    repetitions: int

    def __post_init__(self) -> None:
        if not self.rate > 0 or not np.isfinite(self.rate):
            raise ValueError(f"rate is {self.rate}; it must be a positive number of Hz")
        if self.repetitions < 1:
            raise ValueError(f"repetitions is {self.repetitions}; at least 1 is needed")
        for what, times in (("pre", self.pre), ("post", self.post)):
            train = check_train(times, what)
            if len(train) and train[-1] - train[0] >= self.period and self.repetitions > 1:
                raise ValueError(
                    f"{what}: the pattern lasts {np.ptp(train):g} ms, a repetition only {self.period:g} ms"
                )

    @property
    def period(self) -> float:
        """Time from one repetition to the next, ms."""
        return MS_PER_S / self.rate

    @property
    def timing(self) -> float:
        """First postsynaptic minus first presynaptic spike of the pattern, ms."""
        return self.post[0] - self.pre[0]

    def trains(self) -> tuple[Float[np.ndarray, "pre"], Float[np.ndarray, "post"]]:
        """Pre- and postsynaptic spike times of the whole protocol, ms."""
        starts = np.arange(self.repetitions)[:, None] * self.period
        pre, post = (starts + np.asarray(times, dtype=float)[None] for times in (self.pre, self.post))
        return pre.ravel(), post.ravel()

    def repeated(self, repetitions: int) -> Protocol:
        """The same pattern, another number of times."""
        return replace(self, repetitions=repetitions)


def pairs(timing: float, rate: float, repetitions: int = 60) -> Protocol:
    """Pairs ``timing`` ms apart, contiguous at ``rate``: pre at k/rate, post at k/rate + timing."""
    return Protocol((0.0,), (float(timing),), rate, repetitions)


def bursts(timing: float, rate: float, in_burst: int = 5, repetitions: int = 12, burst_rate: float = 0.1) -> Protocol:
    """Bursts of ``in_burst`` pairs at ``rate``, ``repetitions`` of them at ``burst_rate``."""
    starts = np.arange(in_burst) * MS_PER_S / rate
    return Protocol(tuple(starts.tolist()), tuple((starts + timing).tolist()), burst_rate, repetitions)


def pre_post_pre(first: float, second: float, rate: float = 1.0, repetitions: int = 60) -> Protocol:
    """Pre, post, pre; ``first`` > 0 and ``second`` < 0 are the timings of the two neighbouring pairs, ms."""
    if first <= 0 or second >= 0:
        raise ValueError(f"pre-post-pre needs timings (+, -); given ({first:g}, {second:g})")
    return Protocol((0.0, float(first - second)), (float(first),), rate, repetitions)


def post_pre_post(first: float, second: float, rate: float = 1.0, repetitions: int = 60) -> Protocol:
    """Post, pre, post; ``first`` < 0 and ``second`` > 0 are the timings of the two neighbouring pairs, ms."""
    if first >= 0 or second <= 0:
        raise ValueError(f"post-pre-post needs timings (-, +); given ({first:g}, {second:g})")
    return Protocol((float(-first),), (0.0, float(second - first)), rate, repetitions)


def quadruplet(gap: float, apart: float = 5.0, rate: float = 1.0, repetitions: int = 60) -> Protocol:
    """Two pairs, each ``apart`` ms: post-pre-pre-post for ``gap`` > 0, pre-post-post-pre for ``gap`` < 0.

    ``gap`` (ms) in magnitude is the time between the two middle spikes.
    """
    if gap == 0 or apart <= 0:
        raise ValueError(f"a quadruplet needs a gap other than 0 and pairs apart > 0 ms; given {gap:g} and {apart:g}")
    outer, inner = (0.0, 2 * apart + abs(gap)), (apart, apart + abs(gap))
    pre, post = (inner, outer) if gap > 0 else (outer, inner)
    return Protocol(pre, post, rate, repetitions)


def in_bursts(protocol: Protocol, in_burst: int = 5, repetitions: int = 12, burst_rate: float = 0.1) -> Protocol:
    """Contiguous pairs rearranged into bursts; pairs no faster than the bursts themselves stay as they are."""
    if protocol.rate <= burst_rate:
        return protocol
    return bursts(protocol.timing, protocol.rate, in_burst, repetitions, burst_rate)


def poisson(rate: float, duration: float, seed: int | np.random.Generator) -> Float[np.ndarray, "spikes"]:
    """A Poisson train of ``rate`` Hz over ``duration`` ms."""
    generator = np.random.default_rng(seed)
    return np.sort(generator.uniform(0.0, duration, generator.poisson(rate * duration / MS_PER_S)))
