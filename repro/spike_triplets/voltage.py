"""The voltage rule at one synapse, of an adaptive exponential neuron whose spikes are given [clopath2010connectivity].

    dw/dt = -A_LTD (ū̄/u_ref²) X (ū- - θ-)+ + A_LTP x̄ (u - θ+)+ (ū+ - θ-)+

X is a presynaptic spike, x̄ its trace, ū± the membrane potential u filtered with τ±, and ū̄ a slow mean square of the
depolarisation, held fixed here. As in the replication that was read [larisch2019connectivity], a spike is a sequence of
fixed potentials (29.4, then 32.862, then -49.5 mV) and presynaptic spikes do not move u.

Deviates: postsynaptic spikes come at given times, so the current that elicits them is missing; all filters start at the
resting potential. Equations and constants are those of the replication, not read in the article.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_triplets.protocols import Protocol, check_train
from repro.spike_triplets.steady import FADED, layout
from repro.spike_triplets.voltage_kernels import integrate, potential, record

AMPLITUDES = ("a_ltp", "a_ltd")
COLUMNS = (
    "theta_minus", "theta_plus", "tau_minus", "tau_plus", "tau_x", "jump", "homeostasis", "adaptation_jump",
    "weight_first",
)  # fmt: skip


@dataclass(frozen=True)
class AdEx:
    """The neuron's constants, as in the replication."""

    capacitance: float = 281.0  # pF
    leak: float = 30.0  # nS
    resting_potential: float = -70.6  # mV
    threshold_rest: float = -50.4  # mV
    threshold_max: float = -30.4  # mV, right after a spike
    tau_threshold: float = 50.0  # ms
    slope: float = 2.0  # mV
    tau_adaptation: float = 144.0  # ms
    adaptation: float = 4.0  # nS
    after_current: float = 400.0  # pA, depolarises after a spike
    tau_after: float = 40.0  # ms
    peak: float = 29.4  # mV, of a spike: 29.4 in the replication's text, 29.0 in its code


@dataclass(frozen=True)
class VoltageRule:
    """The voltage rule; defaults are the visual-cortex set of the replication and the choices of this book."""

    a_ltp: float = 8e-5  # per ms and mV²
    a_ltd: float = 14e-5  # per mV, at each presynaptic spike
    theta_minus: float = -70.6  # mV
    theta_plus: float = -45.3  # mV
    tau_minus: float = 10.0  # ms
    tau_plus: float = 7.0  # ms
    tau_x: float = 15.0  # ms
    jump: float = 1 / 15.0  # of x̄ at a presynaptic spike: 1/tau_x in the replication's code, 1 in its text
    homeostasis: float = 2.0  # ū̄/u_ref²: 120 mV² over 60 mV²
    adaptation_jump: float = 0.805  # pA at each spike, as in the replication; the AdEx literature has 80.5
    weight_first: bool = True  # within a step the weight is moved before the potential and its filters
    neuron: AdEx = AdEx()
    dt: float = 1.0  # ms

    def __post_init__(self) -> None:
        if not 0 < self.dt <= 1 or abs(round(1 / self.dt) * self.dt - 1) > 1e-9:
            raise ValueError(f"dt is {self.dt}; it must divide 1 ms, for which a spike's potential is held")

    def weight_change(self, pre: Numbers, post: Numbers) -> float:
        """Relative weight change after both spike trains (ms). Raises ValueError naming the first unsorted spike."""
        pattern = Protocol(tuple(check_train(pre, "pre").tolist()), tuple(check_train(post, "post").tolist()), 1.0, 1)
        return float(self.weight_changes([pattern])[0])

    def weight_changes(self, protocols: Sequence[Protocol]) -> Float[np.ndarray, "protocols"]:
        """Relative weight change after each protocol; spike times are rounded to steps."""
        sums = voltage_sums(protocols, self.parameters()[None], self.neuron, self.dt)
        return sums[0] @ [self.a_ltp, self.a_ltd]

    def parameters(self) -> Float[np.ndarray, "columns"]:
        """The row of :data:`COLUMNS` for the kernel."""
        return np.array([float(getattr(self, name)) for name in COLUMNS])

    def membrane_potential(self, post: Numbers, duration: float) -> Float[np.ndarray, "steps"]:
        """The membrane potential (mV) in each step of ``duration`` ms for given postsynaptic spikes (ms)."""
        spikes = np.zeros(round(duration / self.dt), dtype=bool)
        spikes[np.rint(check_train(post, "post") / self.dt).astype(int)] = True
        return potential(spikes, self.neuron_row(), self.adaptation_jump, self.dt)

    def neuron_row(self) -> Float[np.ndarray, "constants"]:
        """The neuron's constants for the kernel."""
        return neuron_row(self.neuron)


def neuron_row(neuron: AdEx) -> Float[np.ndarray, "constants"]:
    """The constants of a neuron in the order of its fields."""
    return np.array([getattr(neuron, name) for name in AdEx.__dataclass_fields__])


def voltage_sums(
    protocols: Sequence[Protocol], parameters: Float[np.ndarray, "sets columns"], neuron: AdEx, dt: float
) -> Float[np.ndarray, "sets protocols 2"]:
    """What ``a_ltp`` and ``a_ltd`` multiply, for each parameter set (:data:`COLUMNS`) and protocol."""
    taus = parameters[:, [COLUMNS.index(name) for name in ("tau_minus", "tau_plus", "tau_x")]]
    memory = FADED * max(float(taus.max()), neuron.tau_adaptation)
    jumps = parameters[:, COLUMNS.index("adaptation_jump")]
    out = np.zeros((len(parameters), len(protocols), 2))
    for b in np.unique(jumps):
        sets = np.flatnonzero(jumps == b)
        for place, protocol in enumerate(protocols):
            if protocol.pre or protocol.post:
                at, kinds, left_out, *recorded = _recorded(protocol, memory, neuron, float(b), dt)
                args = parameters[sets], neuron.resting_potential, dt, *recorded
                out[sets, place] = integrate(at, kinds, left_out, *args)
    return out


@lru_cache(maxsize=256)
def _recorded(protocol: Protocol, memory: float, neuron: AdEx, b: float, dt: float) -> tuple:
    """Events of a protocol in steps, repetitions left out, and the neuron's potential along them, simulated once."""
    events = layout((protocol,), memory)
    at = np.rint(events.times / dt).astype(np.int64)
    recorded = record(at, events.kinds, neuron_row(neuron), b, round(memory / dt), dt)
    return at, events.kinds, float(events.left_out[0]), *recorded
