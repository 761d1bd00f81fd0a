"""The Convallis rule and its comparators, each as two factors of the postsynaptic cell.

    dw_ij = Σ_t x_j(t) F_i(t) + Σ_t s_j(t) D_i(t)        x_j = ε * s_j, spikes of earlier steps only

x belongs to the presynaptic cell, F and D to the postsynaptic one. For the valley rule F = f(V) dt and D = 0, and the
sum is the gradient of ∫ F(V) dt when V is linear in the weights [yger2013convallis]. For pair STDP F is the
postsynaptic spikes and D minus their trace. Spikes of the same step do not see each other.

Over a block with weights held, both sums are matrix products, XᵀF and SᵀD. Better, the filter moves to the other side:
dw_ij = Σ_t s_j(t) Y_i(t), where Y is F filtered by ε backward in time, plus D: the *credit* of an input spike at t.
Spikes are few, so that this costs no more than their transmission.

Deviates: every constant is this book's; what the paper chose for thresholds, kernel, K and λ was not read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from repro.arrays import Numbers
from repro.convallis import trace_kernels
from repro.errors import Mistake
from repro.spike_triplets.valley import detector

Amount = float | np.ndarray | list | tuple
"""A number for all populations, or one for each."""

IN_CACHE = 65_536
"""Numbers of an array that a core's cache holds several times."""

State = tuple[Any, ...]
Factors = tuple[Any, Any, State]
Exponential = tuple[float, float]
"""Amplitude and time constant (ms) of a term of the kernel ε(n) = Σ amplitude · exp(-n dt/τ), n ≥ 1."""


@dataclass(frozen=True)
class Backend:
    """Where a rule's arithmetic is done: numpy, or torch on a device."""

    tanh: Callable[[Any], Any]
    traced: Callable[[Any, float, float, Any], tuple[Any, Any]]  # spikes, τ, dt, trace: see ``traced``
    number: Callable[[Amount, int], Any]  # see ``per_population``
    like: Callable[[Any, Any], Any]  # the first in the precision of the second


@runtime_checkable
class Rule(Protocol):
    """What the simulators ask of a rule."""

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """ε, as a sum of exponentials."""

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """Postsynaptic traces before the first trial, each (batch, neurons)."""

    def at_rest(self, state: State) -> State:
        """The same at the beginning of a trial."""

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F and D, each (batch, steps, neurons) or None for 0, of the potential seen (mV) and spikes; and the state."""


def per_population(amount: Amount, ndim: int = 3) -> Any:
    """A number as it is; one for each population shaped to multiply arrays (batch, …)."""
    values = np.asarray(amount, dtype=float)
    return float(values) if values.ndim == 0 else values.reshape(-1, *[1] * (ndim - 1))


def psp(tau_membrane: float, tau_synapse: float, dt: float) -> tuple[Exponential, ...]:
    """The PSP of a linear membrane as simulated in steps of dt: difference of two exponentials, its peak 1.

    >>> (slow, _), (fast, _) = psp(20.0, 5.0, 0.5)
    >>> round(slow + fast, 12)
    0.0
    """
    if tau_membrane == tau_synapse:
        raise Mistake(f"tau_membrane and tau_synapse are both {tau_synapse} ms; they must differ")
    steps = np.arange(1, math.ceil(20 * max(tau_membrane, tau_synapse) / dt))
    shape = np.exp(-steps * dt / tau_membrane) - np.exp(-steps * dt / tau_synapse)
    peak = shape[np.argmax(np.abs(shape))]
    return (float(1 / peak), tau_membrane), (float(-1 / peak), tau_synapse)


@dataclass(frozen=True)
class Valley:
    """Two coincidence detectors of the postsynaptic potential, f(V) = a σ+(V) - b σ-(V) (1 - σ+(V)).

    f is the slope of a valley F: potentials near rest and near threshold are preferred to those between.
    Every number may be one for each population.
    """

    a: Amount = 1.0  # potentiation, per ms
    b: Amount = 1.0  # depression, per ms
    theta_minus: Amount = -60.0  # mV, where depression sets in
    theta_plus: Amount = -53.0  # mV, where potentiation takes over
    k_minus: Amount = 2.0  # mV, widths
    k_plus: Amount = 1.5
    tau_membrane: float = 20.0  # ms, of the PSP that is the eligibility
    tau_synapse: float = 5.0

    def __post_init__(self) -> None:
        if not np.all(np.asarray(self.theta_minus, float) < np.asarray(self.theta_plus, float)):
            raise Mistake(f"theta_minus is {self.theta_minus}; it must lie below theta_plus, {self.theta_plus} mV")
        for name in ("k_minus", "k_plus", "tau_membrane", "tau_synapse"):
            if not np.all(np.asarray(getattr(self, name), float) > 0):
                raise Mistake(f"{name} is {getattr(self, name)}; it must be above 0")

    def derivative(self, potential: Any, on: Backend | None = None) -> Any:
        """f(V), per ms, at potentials in mV; a number for each population multiplies arrays (batch, …)."""
        on = on or NUMPY
        upper, lower = self.detectors(potential, on)
        a, b = (on.number(amount, np.ndim(potential)) for amount in (self.a, self.b))
        return a * upper - b * lower * (1 - upper)

    def detectors(self, potential: Any, on: Backend | None = None) -> tuple[Any, Any]:
        """σ+ and σ- at potentials in mV."""
        on = on or NUMPY
        names = ("theta_plus", "k_plus", "theta_minus", "k_minus")
        plus, k_plus, minus, k_minus = (on.number(getattr(self, name), np.ndim(potential)) for name in names)
        return detector(potential, plus, k_plus, on.tanh), detector(potential, minus, k_minus, on.tanh)

    def objective(self, potential: Numbers, rest: float = -70.0) -> Any:
        """F(V) = ∫ f from ``rest`` to V, by Gauss-Legendre panels narrower than the detectors; needs plain numbers."""
        values = np.asarray(potential, dtype=float)
        width = float(np.min([self.k_minus, self.k_plus]))
        panels = max(1, math.ceil(float(np.max(np.abs(values - rest), initial=0.0)) / width))
        nodes, weights = np.polynomial.legendre.leggauss(16)
        at = (np.arange(panels)[:, None] + 0.5 * (1 + nodes)).ravel() / panels
        span = values[..., None] - rest
        return (self.derivative(rest + span * at) * span * np.tile(weights, panels) / (2 * panels)).sum(axis=-1)

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """The PSP."""
        return psp(self.tau_membrane, self.tau_synapse, dt)

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """Nothing."""
        return ()

    def at_rest(self, state: State) -> State:
        """Nothing."""
        return state

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F = f(V) dt."""
        if on is not None:
            return on.like(dt * self.derivative(seen, on), seen), None, state
        out = np.empty_like(seen)
        length = max(1, IN_CACHE // (seen.shape[0] * seen.shape[2]))
        for at in range(0, seen.shape[1], length):  # pieces that stay in the cache take half the time
            out[:, at : at + length] = dt * self.derivative(seen[:, at : at + length])
        return out, None, state


@dataclass(frozen=True)
class PairSTDP:
    """Pair spike-timing-dependent plasticity, additive, all pairs; alone or, as rcSTDP, with the rate constraint."""

    a_plus: Amount = 1.0  # per pair
    a_minus: Amount = 1.05
    tau_plus: float = 20.0  # ms
    tau_minus: float = 20.0

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """The presynaptic trace."""
        return ((1.0, self.tau_plus),)

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """The postsynaptic trace."""
        return (np.zeros((batch, neurons), dtype),)

    def at_rest(self, state: State) -> State:
        """The trace gone."""
        return (0 * state[0],)

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F = A+ s, D = -A- o."""
        on = on or NUMPY
        trace, end = on.traced(spikes, self.tau_minus, dt, state[0])
        plus, minus = on.number(self.a_plus, 3), on.number(self.a_minus, 3)
        return on.like(plus * spikes, seen), on.like(-minus * trace, seen), (end,)


@dataclass(frozen=True)
class TripletSTDP:
    """Triplet STDP without the triplet of depression [pfister2006triplets]; defaults: visual cortex, minimal model."""

    a2_plus: Amount = 0.0  # pair potentiation
    a3_plus: Amount = 1.0  # triplet potentiation
    a2_minus: Amount = 1.0  # pair depression
    tau_plus: float = 16.8  # ms, presynaptic trace
    tau_minus: float = 33.7  # ms, fast postsynaptic trace
    tau_y: float = 114.0  # ms, slow postsynaptic trace

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """The presynaptic trace."""
        return ((1.0, self.tau_plus),)

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """Both postsynaptic traces."""
        return np.zeros((batch, neurons), dtype), np.zeros((batch, neurons), dtype)

    def at_rest(self, state: State) -> State:
        """Both gone."""
        return 0 * state[0], 0 * state[1]

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F = s (A2+ + A3+ o2), D = -A2- o1, traces read before a spike's own update."""
        on = on or NUMPY
        fast, fast_end = on.traced(spikes, self.tau_minus, dt, state[0])
        slow, slow_end = on.traced(spikes, self.tau_y, dt, state[1])
        pair, triplet, minus = (on.number(a, 3) for a in (self.a2_plus, self.a3_plus, self.a2_minus))
        factor = on.like(spikes * (pair + triplet * slow), seen)
        return factor, on.like(-minus * fast, seen), (fast_end, slow_end)


@dataclass(frozen=True)
class BCM:
    """dw/dt = amplitude y (y - θ) x, y the rate trace in units of ``target``, θ = ⟨y²⟩ [bienenstock1982theory]."""

    amplitude: Amount = 1.0  # per ms
    target: float = 5.0  # Hz, where θ settles
    tau_rate: float = 50.0  # ms, of y
    tau_threshold: float = 20_000.0  # ms, of the mean; it goes on from trial to trial
    tau_plus: float = 20.0  # ms, presynaptic trace

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """The presynaptic trace."""
        return ((1.0, self.tau_plus),)

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """The rate's trace, and the threshold as if the rate were at target."""
        return np.zeros((batch, neurons), dtype), np.ones((batch, neurons), dtype)

    def at_rest(self, state: State) -> State:
        """The trace gone, the threshold kept."""
        return 0 * state[0], state[1]

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F = y (y - θ) dt."""
        on = on or NUMPY
        trace, end = on.traced(spikes, self.tau_rate, dt, state[0])
        y = trace * (1000.0 / (self.tau_rate * self.target))
        share = -math.expm1(-dt / self.tau_threshold)  # the forward trace takes it up times its fade
        fade = math.exp(-dt / self.tau_threshold)
        threshold, last = on.traced(share / fade * y * y, self.tau_threshold, dt, state[1])
        factor = (dt * on.number(self.amplitude, 3)) * y * (y - threshold)
        return on.like(factor, seen), None, (end, last)


@dataclass(frozen=True)
class NoLearning:
    """Weights stay; with the rate constraint this is the comparator *rate constraint alone*."""

    def kernel(self, dt: float) -> tuple[Exponential, ...]:
        """None."""
        return ()

    def start(self, batch: int, neurons: int, dtype: type) -> State:
        """Nothing."""
        return ()

    def at_rest(self, state: State) -> State:
        """Nothing."""
        return state

    def factors(self, seen: Any, spikes: Any, state: State, dt: float, on: Backend | None = None) -> Factors:
        """F = D = 0."""
        return None, None, state


def traced(spikes: np.ndarray, tau: float, dt: float, trace: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The trace before each step of (batch, steps, neurons), and what goes into the next block."""
    out, end = np.empty(spikes.shape, trace.dtype), trace.copy()
    trace_kernels.forward(spikes, math.exp(-dt / tau), end, out)
    return out, end


NUMPY = Backend(np.tanh, traced, per_population, lambda array, other: np.asarray(array, dtype=other.dtype))

Credit = tuple[np.ndarray, list[tuple[float, np.ndarray]]]


def credit(rule: Rule, factor: np.ndarray | None, direct: np.ndarray | None, dt: float) -> Credit | None:
    """What a presynaptic spike at each step adds to the weight by the block's end, and what traces from before it add.

    Returns
    -------
    (batch, steps, neurons), and for each term of the kernel its time constant and what a trace of 1 adds,
    (batch, neurons)
    """
    if factor is None and direct is None:
        return None
    out = np.zeros_like(factor) if direct is None else direct.copy()
    carried = []
    if factor is not None:
        for amplitude, tau in rule.kernel(dt):
            number = factor.dtype.type
            part = trace_kernels.backward(factor, number(math.exp(-dt / tau)), number(amplitude), out)
            carried.append((tau, part))
    return out, carried


def eligibility(spikes: np.ndarray, rule: Rule, dt: float) -> Float[np.ndarray, "steps inputs"]:
    """x = ε * s of spikes (steps, inputs), from rest: for plots and for the plain form XᵀF."""
    found = np.zeros(spikes.shape)
    for amplitude, tau in rule.kernel(dt):
        found += amplitude * traced(spikes[None], tau, dt, np.zeros((1, spikes.shape[1])))[0][0]
    return found


def shrink(c: np.ndarray, lambda_: Amount) -> np.ndarray:
    """S_λ(c) = sign(c) max(|c| - λ, 0): isolated coincidences change nothing, repeated ones do.

    >>> shrink(np.array([-3.0, 0.5, 2.0]), 1.0).tolist()
    [-2.0, 0.0, 1.0]
    """
    if np.all(np.asarray(lambda_) == 0):
        return c
    return np.sign(c) * np.maximum(np.abs(c) - per_population(lambda_, c.ndim), 0)
