"""Rules that see spike times only: pair STDP, triplet STDP, and BCM for rates.

Every rule has ``weight_change(pre, post)`` for any two spike trains and ``weight_changes(protocols)`` for many
protocols at once. Weight changes are fractions of the initial weight, additive and without bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args, runtime_checkable
from typing import Protocol as Interface

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_triplets.events import Events, trace_sums
from repro.spike_triplets.protocols import MS_PER_S, Protocol, check_train

Scheme = Literal["all-to-all", "nearest"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

TAU_PLUS, TAU_MINUS = 16.8, 33.7  # ms, the measured windows that the published triplet parameters build on


@runtime_checkable
class Rule(Interface):
    """What everything here asks of a rule; a reader's own needs no more than this."""

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """Relative weight change after both spike trains (ms, in order)."""


@dataclass(frozen=True)
class NoChange:
    """The null model: no spike train changes anything."""

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """0 for any two spike trains."""
        return 0.0


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise ValueError(f"scheme is {scheme!r}; allowed are {', '.join(SCHEMES)}")


def _check_time_constants(rule: object, *names: str) -> None:
    for name in names:
        if not getattr(rule, name) > 0:
            raise ValueError(f"{type(rule).__name__}: {name} is {getattr(rule, name)}; it must be above 0 ms")


@dataclass(frozen=True)
class TripletSTDP:
    """Triplet spike-timing-dependent plasticity [pfister2006triplets].

    On a presynaptic spike the weight falls by o1 (A2- + A3- r2), on a postsynaptic spike it grows by r1 (A2+ + A3+ o2);
    traces are read before the spike's own update, and all are read before any is updated where spikes coincide.

    Deviates: the article was not read; equations and the treatment of traces are those of public implementations.
    """

    a2_plus: float  # potentiation by a pair
    a3_plus: float  # potentiation by a triplet post-pre-post
    a2_minus: float  # depression by a pair
    a3_minus: float  # depression by a triplet pre-post-pre
    tau_x: float = 100.0  # ms, slow presynaptic trace r2
    tau_y: float = 100.0  # ms, slow postsynaptic trace o2
    scheme: str = "all-to-all"  # or "nearest"
    tau_plus: float = TAU_PLUS  # ms, fast presynaptic trace r1
    tau_minus: float = TAU_MINUS  # ms, fast postsynaptic trace o1

    def __post_init__(self) -> None:
        _check_scheme(self.scheme)
        _check_time_constants(self, "tau_x", "tau_y", "tau_plus", "tau_minus")

    @property
    def amplitudes(self) -> Float[np.ndarray, "4"]:
        """A2+, A3+, A2-, A3-."""
        return np.array([self.a2_plus, self.a3_plus, self.a2_minus, self.a3_minus])

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """Relative weight change after both spike trains (ms). Raises ValueError naming the first unsorted spike."""
        trains = [(np.asarray(pre, dtype=float), np.asarray(post, dtype=float))]
        return float(self._changes(Events.of_trains(trains))[0])

    def weight_changes(self, protocols: Sequence[Protocol]) -> Float[np.ndarray, "protocols"]:
        """Relative weight change after each protocol."""
        return self._changes(Events.of(protocols))

    def _changes(self, events: Events) -> np.ndarray:
        time_constants = np.array([[self.tau_plus, self.tau_minus, self.tau_x, self.tau_y]])
        return trace_sums(events, time_constants, self.scheme == "nearest")[0] @ self.amplitudes


@dataclass(frozen=True)
class PairSTDP:
    """Pair spike-timing-dependent plasticity: the triplet rule without its triplet terms."""

    a_plus: float  # potentiation by a pair
    a_minus: float  # depression by a pair
    tau_plus: float = TAU_PLUS  # ms, presynaptic trace
    tau_minus: float = TAU_MINUS  # ms, postsynaptic trace
    scheme: str = "all-to-all"  # or "nearest"

    def __post_init__(self) -> None:
        _check_scheme(self.scheme)
        _check_time_constants(self, "tau_plus", "tau_minus")

    @property
    def as_triplet(self) -> TripletSTDP:
        """The same rule with triplet amplitudes of 0."""
        taus = {"tau_plus": self.tau_plus, "tau_minus": self.tau_minus}
        return TripletSTDP(self.a_plus, 0.0, self.a_minus, 0.0, scheme=self.scheme, **taus)

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """Relative weight change after both spike trains (ms). Raises ValueError naming the first unsorted spike."""
        return self.as_triplet.weight_change(pre, post)

    def weight_changes(self, protocols: Sequence[Protocol]) -> Float[np.ndarray, "protocols"]:
        """Relative weight change after each protocol."""
        return self.as_triplet.weight_changes(protocols)


@dataclass(frozen=True)
class BCM:
    """A rule of rates alone, quadratic in the postsynaptic rate: dw/dt = pre post (plus post - minus).

    The change turns from depression to potentiation at ``threshold`` [bienenstock1982theory]; here the threshold does
    not slide. Of spike trains it sees the mean rates between the first and the last spike of both.
    """

    plus: float  # per second and Hz³
    minus: float  # per second and Hz²

    @property
    def threshold(self) -> float:
        """Postsynaptic rate at which nothing changes, Hz."""
        return self.minus / self.plus

    @classmethod
    def of_triplet(cls, rule: TripletSTDP) -> BCM:
        """What all-to-all triplet STDP does on average to independent Poisson trains.

        The mean drift is pre post (A2+ tau+ - A2- tau- + A3+ tau+ tau_y post - A3- tau- tau_x pre), in units of ms;
        only without A3- is it a BCM rule [pfister2006triplets].
        """
        if rule.scheme != "all-to-all" or rule.a3_minus != 0:
            raise ValueError("only an all-to-all triplet rule with a3_minus = 0 drifts as a BCM rule")
        plus = rule.a3_plus * rule.tau_plus * rule.tau_y / MS_PER_S**2
        return cls(plus, (rule.a2_minus * rule.tau_minus - rule.a2_plus * rule.tau_plus) / MS_PER_S)

    def drift(self, pre_rate: Numbers, post_rate: Numbers) -> np.ndarray | float:
        """Relative weight change per second at these rates (Hz)."""
        pre, post = np.asarray(pre_rate, dtype=float), np.asarray(post_rate, dtype=float)
        return pre * post * (self.plus * post - self.minus)

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """Relative weight change after both spike trains (ms). Raises ValueError if they span no time."""
        return float(rate_sums([(check_train(pre, "pre"), check_train(post, "post"))])[0] @ [self.plus, self.minus])

    def weight_changes(self, protocols: Sequence[Protocol]) -> Float[np.ndarray, "protocols"]:
        """Relative weight change after each protocol."""
        return rate_sums([protocol.trains() for protocol in protocols]) @ [self.plus, self.minus]


def rate_sums(trains: Sequence[tuple[np.ndarray, np.ndarray]]) -> Float[np.ndarray, "trains 2"]:
    """What the two amplitudes of :class:`BCM` multiply for each (pre, post). Raises ValueError if no time passes."""
    sums = []
    for pre, post in trains:
        if not (len(pre) and len(post)):  # one of the two rates is 0, and so is their product
            sums.append(np.zeros(2))
            continue
        seconds = (max(pre[-1], post[-1]) - min(pre[0], post[0])) / MS_PER_S
        if seconds == 0:
            raise ValueError("rates need spikes at two times at least")
        pre_rate, post_rate = len(pre) / seconds, len(post) / seconds
        sums.append(seconds * pre_rate * post_rate * np.array([post_rate, -1.0]))
    return np.array(sums)


def weight_changes(rule: Rule, protocols: Sequence[Protocol]) -> Float[np.ndarray, "protocols"]:
    """The weight changes that any rule predicts, by its own batch method where it has one."""
    batch = getattr(rule, "weight_changes", None)
    if batch is not None:
        return np.asarray(batch(protocols), dtype=float)
    return np.array([float(rule.weight_change(*protocol.trains())) for protocol in protocols])
