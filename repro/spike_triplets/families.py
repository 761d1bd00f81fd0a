"""Families of rules to fit: what is linear (amplitudes, not negative) and what has to be searched, within which box.

Given the searched parameters, the weight changes of every family here are linear in its amplitudes; ``sums`` gives what
they multiply, for many parameter sets and protocols at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.spike_triplets import valley, voltage
from repro.spike_triplets.events import AMPLITUDES, Events, trace_sums
from repro.spike_triplets.protocols import Protocol
from repro.spike_triplets.rules import BCM, TAU_MINUS, TAU_PLUS, PairSTDP, Rule, Scheme, TripletSTDP, rate_sums

Sums = Callable[[Sequence[Protocol], np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Box:
    """Where a parameter is searched."""

    low: float
    high: float
    log: bool = False
    unit: str = "ms"

    def at(self, share: np.ndarray) -> np.ndarray:
        """The value at a share from 0 to 1 of the box."""
        if self.log:
            return np.exp(np.log(self.low) + share * np.log(self.high / self.low))
        return self.low + share * (self.high - self.low)


@dataclass(frozen=True)
class Family:
    """A kind of rule, with its free parameters."""

    name: str
    kind: str  # bcm, pair, pair-free, triplet, voltage, valley: what figures group by
    says: str  # for the reader, in a few words
    amplitudes: tuple[str, ...]
    boxes: Mapping[str, Box]
    sums: Sums  # (protocols, sets of searched parameters) -> sets x protocols x amplitudes
    build: Callable[[dict[str, float]], Rule]

    @property
    def n_parameters(self) -> int:
        """Free parameters: amplitudes and searched ones."""
        return len(self.amplitudes) + len(self.boxes)

    def values(self, shares: Float[np.ndarray, "sets searched"]) -> Float[np.ndarray, "sets searched"]:
        """Searched parameters at shares of their boxes."""
        columns = [box.at(shares[:, i]) for i, box in enumerate(self.boxes.values())]
        return np.stack(columns, axis=1) if columns else np.zeros((len(shares), 0))


TIME = Box(1.0, 1000.0, log=True)  # ms, of slow traces
WINDOW = Box(1.0, 10_000.0, log=True)  # ms, of a pair rule whose windows are freed


def _trace_family(
    name: str, kind: str, says: str, scheme: Scheme, amplitudes: tuple[str, ...], boxes: dict[str, Box]
) -> Family:
    """A pair or triplet family: some of the triplet rule's amplitudes, some of its time constants searched."""
    columns = [AMPLITUDES.index(a) for a in amplitudes]
    defaults = {"tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS, "tau_x": 100.0, "tau_y": 100.0}

    def sums(protocols: Sequence[Protocol], values: np.ndarray) -> np.ndarray:
        taus = np.tile(list(defaults.values()), (len(values), 1))
        for i, searched in enumerate(boxes):
            taus[:, list(defaults).index(searched)] = values[:, i]
        return trace_sums(Events.of(protocols), taus, scheme == "nearest")[:, :, columns]

    def build(found: dict[str, float]) -> Rule:
        if kind.startswith("pair"):
            taus = {k: v for k, v in found.items() if k in ("tau_plus", "tau_minus")}
            return PairSTDP(found["a2_plus"], found["a2_minus"], scheme=scheme, **taus)
        return TripletSTDP(**(dict.fromkeys(AMPLITUDES, 0.0) | found), scheme=scheme)

    return Family(name, kind, says, amplitudes, boxes, sums, build)


def _kernel_family(
    name: str, kind: str, says: str, base: Rule, amplitudes: tuple[str, ...], columns: tuple[str, ...],
    boxes: dict[str, Box], kernel: Callable[[Sequence[Protocol], np.ndarray], np.ndarray],
) -> Family:  # fmt: skip
    """A family around ``base``, a rule with a row of ``parameters()`` for a kernel."""

    def sums(protocols: Sequence[Protocol], values: np.ndarray) -> np.ndarray:
        rows = np.tile(base.parameters(), (len(values), 1))  # type: ignore[attr-defined]
        for i, searched in enumerate(boxes):
            rows[:, columns.index(searched)] = values[:, i]
        return kernel(protocols, rows)

    fixed = {k: getattr(base, k) for k in base.__dataclass_fields__}  # type: ignore[attr-defined]
    return Family(name, kind, says, amplitudes, boxes, sums, lambda found: type(base)(**(fixed | found)))


def _voltage_kernel(protocols: Sequence[Protocol], rows: np.ndarray) -> np.ndarray:
    return voltage.voltage_sums(protocols, rows, voltage.AdEx(), 1.0)


def _families() -> list[Family]:
    pair, triplet = ("a2_plus", "a2_minus"), ("a2_plus", "a3_plus", "a2_minus")
    found = [
        Family(
            "bcm", "bcm", "BCM, rates alone", ("plus", "minus"), {},
            lambda protocols, values: np.repeat(rate_sums([p.trains() for p in protocols])[None], len(values), 0),
            lambda found: BCM(**found),
        )
    ]  # fmt: skip
    schemes: tuple[tuple[str, Scheme], ...] = (("all", "all-to-all"), ("nearest", "nearest"))
    for short, scheme in schemes:
        free = {"tau_plus": WINDOW, "tau_minus": WINDOW}
        fast, slow = {"tau_y": TIME}, {"tau_x": TIME, "tau_y": TIME}
        found += [
            _trace_family(f"pair-{short}", "pair", f"pair, measured windows, {scheme}", scheme, pair, {}),
            _trace_family(f"pair-free-{short}", "pair-free", f"pair, free windows, {scheme}", scheme, pair, free),
            _trace_family(f"triplet3-{short}", "triplet", f"triplet, A3+ A2- τy, {scheme}", scheme, triplet[1:], fast),
            _trace_family(f"triplet4-{short}", "triplet", f"triplet, and A2+, {scheme}", scheme, triplet, fast),
            _trace_family(f"triplet6-{short}", "triplet", f"triplet, full, {scheme}", scheme, AMPLITUDES, slow),
        ]
    filters = {n: Box(3.0, 50.0, log=True) for n in ("tau_minus", "tau_plus", "tau_x")}
    searched = {"theta_minus": Box(-70.6, -50.0, unit="mV"), **filters}
    after = {
        "theta_minus": Box(-68.0, -48.0, unit="mV"), "after_depolarisation": Box(0.0, 60.0, unit="mV"),
        "tau_after": Box(5.0, 150.0, log=True), "tau_trace": Box(5.0, 50.0, log=True),
    }  # fmt: skip
    clopath, convallis = voltage.VoltageRule(), valley.ValleyRule(1.0, 1.0)
    for name, says, boxes in (("voltage2", "voltage, amplitudes", {}), ("voltage6", "voltage, 6 parameters", searched)):
        parts = (voltage.AMPLITUDES, voltage.COLUMNS, boxes, _voltage_kernel)
        found.append(_kernel_family(name, "voltage", says, clopath, *parts))
    fitted = _kernel_family(
        "valley", "valley", "valley, f(V) x", convallis, valley.AMPLITUDES, valley.COLUMNS, after, valley.valley_sums
    )
    return [*found, fitted]


FAMILIES: dict[str, Family] = {family.name: family for family in _families()}
"""Every family that is fitted, by name."""

DEFAULT = {
    PairSTDP: "pair-all", TripletSTDP: "triplet6-all", BCM: "bcm", voltage.VoltageRule: "voltage6",
    valley.ValleyRule: "valley",
}  # fmt: skip
"""The family meant by a class of rules."""


def family(which: str | type | Family) -> Family:
    """A family by its name, by the class of its rules, or as it is. Raises ValueError naming what is allowed."""
    if isinstance(which, Family):
        return which
    name = DEFAULT.get(which, "") if isinstance(which, type) else which
    if name not in FAMILIES:
        raise ValueError(f"no family of rules {which!r}; there are {', '.join(FAMILIES)}")
    return FAMILIES[name]
