"""The valley rule at one synapse: one function of the membrane potential times one presynaptic trace.

    dw/dt = f(V) x        f(V) = a σ+(V) - b σ-(V) (1 - σ+(V))        σ±(V) = ½ [1 + tanh((V - θ±)/k±)]

This is the rule of Convallis [yger2013convallis] in a form for in-vitro protocols: V is a resting potential with an
EPSP for each presynaptic spike and, for each postsynaptic one, a brief spike and an exponential after-depolarisation.

Deviates: the constants are not the paper's, whose values were not read; they are fitted to data or stated here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.spike_triplets.protocols import Protocol, check_train
from repro.spike_triplets.steady import FADED, Layout, layout
from repro.spike_triplets.valley_kernels import integrate, step

AMPLITUDES = ("a", "b")
COLUMNS = (
    "theta_minus", "theta_plus", "k_minus", "k_plus", "after_depolarisation", "tau_after", "tau_trace",
    "epsp", "spike_height", "spike_width", "resting_potential", "holding",
)  # fmt: skip
"""The parameters that the kernels take, in order; the last is the depolarisation by which the cell is held, mV."""


def detector(potential: Any, theta: Any, width: Any, tanh: Callable[[Any], Any] = np.tanh) -> Any:
    """½ [1 + tanh((V - θ)/k)], of arrays (mV), or of tensors with torch's ``tanh``."""
    return 0.5 * (1 + tanh((potential - theta) / width))


@dataclass(frozen=True)
class ValleyRule:
    """f(V) x with a spike after-depolarisation; see the module's docstring for the equation."""

    a: float  # potentiation, per ms
    b: float  # depression, per ms
    theta_minus: float = -60.0  # mV, where depression sets in
    after_depolarisation: float = 20.0  # mV, added by each postsynaptic spike
    tau_after: float = 30.0  # ms, decay of the after-depolarisation
    tau_trace: float = 20.0  # ms, decay of presynaptic trace and EPSP
    theta_plus: float = -20.0  # mV, where potentiation takes over
    k_minus: float = 5.0  # mV, width of the lower threshold
    k_plus: float = 5.0  # mV, width of the upper threshold
    epsp: float = 1.0  # mV
    spike_height: float = 100.0  # mV above what it stands on
    spike_width: float = 1.0  # ms
    resting_potential: float = -70.0  # mV
    shrinkage: float = 0.0  # change below which a protocol as a whole leaves the weight alone

    def __post_init__(self) -> None:
        if not self.theta_minus < self.theta_plus:
            raise ValueError(f"theta_minus is {self.theta_minus}; it must lie below theta_plus, {self.theta_plus} mV")
        for name in ("tau_after", "tau_trace", "k_minus", "k_plus", "spike_width"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.shrinkage < 0:
            raise ValueError(f"shrinkage is {self.shrinkage}; it must not be negative")

    def potentiation(self, membrane_potential: Numbers) -> np.ndarray | float:
        """σ+(V), the share of the upper detector."""
        return detector(np.asarray(membrane_potential), self.theta_plus, self.k_plus)

    def drive(self, membrane_potential: Numbers) -> np.ndarray | float:
        """f(V), per ms, at potentials in mV."""
        upper = self.potentiation(membrane_potential)
        lower = detector(np.asarray(membrane_potential), self.theta_minus, self.k_minus)
        return self.a * upper - self.b * lower * (1 - upper)

    def clamped(self, membrane_potential: Numbers, spikes: int = 1) -> np.ndarray | float:
        """Weight change by ``spikes`` presynaptic spikes while V is clamped: f(V) times the area of the trace."""
        return self.drive(membrane_potential) * self.tau_trace * spikes

    def weight_change(self, pre: Numbers, post: Numbers, holding: float = 0.0) -> float:
        """Relative weight change after both spike trains (ms), the cell held ``holding`` mV above rest.

        Raises ValueError naming the first unsorted spike.
        """
        pattern = Protocol(tuple(check_train(pre, "pre").tolist()), tuple(check_train(post, "post").tolist()), 1.0, 1)
        return float(self.weight_changes([pattern], holding)[0])

    def weight_changes(self, protocols: Sequence[Protocol], holding: float = 0.0) -> Float[np.ndarray, "protocols"]:
        """Relative weight change after each protocol, the cell held ``holding`` mV above rest."""
        total = valley_sums(protocols, self.parameters(holding)[None])[0] @ [self.a, self.b]
        return np.sign(total) * np.maximum(np.abs(total) - self.shrinkage, 0.0)

    def parameters(self, holding: float = 0.0) -> Float[np.ndarray, "columns"]:
        """The row of :data:`COLUMNS` for the kernels."""
        return np.array([holding if name == "holding" else getattr(self, name) for name in COLUMNS])

    def stepped(self, pre: Numbers, post: Numbers, dt: float, holding: float = 0.0) -> float:
        """The weight change by forward Euler in steps of ``dt`` ms, spikes rounded to steps.

        Order in a step: weight from the old potential and trace; decay; then the spikes of this step.
        """
        first, second = check_train(pre, "pre"), check_train(post, "post")
        end = max([*first, *second], default=0.0) + FADED * max(self.tau_trace, self.tau_after)
        steps = [np.rint(train / dt).astype(np.int64) for train in (first, second)]
        sums = step(*steps, int(np.ceil(end / dt)), dt, self.parameters(holding))
        return float(sums @ [self.a, self.b])


def valley_sums(
    protocols: Sequence[Protocol], parameters: Float[np.ndarray, "sets columns"]
) -> Float[np.ndarray, "sets protocols 2"]:
    """∫ σ+(V) x dt and -∫ σ-(V) (1 - σ+(V)) x dt, ms, which ``a`` and ``b`` multiply.

    Integrated piecewise between spikes, so that no step size enters; ``parameters`` holds :data:`COLUMNS`.
    """
    slowest = parameters[:, [COLUMNS.index("tau_after"), COLUMNS.index("tau_trace")]].max()
    events: Layout = layout(tuple(protocols), FADED * float(slowest))
    return integrate(events.times, events.kinds, events.starts, events.left_out, np.ascontiguousarray(parameters))
