"""The effective nonlinearity of a cortical cell: its f-I curve times the triplet rule is a quadratic rectifier.

A neuron that fires at g(I) = a (I - θ1)+ and changes its weights as h(y) = y² - b y learns with

    h(g(I)) = a² (I - θ1)(I - θ2)  for I > θ1, else 0,   θ2 = θ1 + b / a                          [brito2016nonlinear]

Here the neuron is a generalised leaky integrate-and-fire model with a spike-triggered current, a moving threshold and
escape noise [mensi2012parameter], and b follows from the triplet rule's constants [pfister2006triplets].

Deviates: form of the neuron as in the article, as far as it is known; all its constants are this book's. Weight changes
are measured at constant current, behind the first 500 ms, with Poisson input that does not drive the neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import least_squares

from repro.spike_triplets.events import Events, trace_sums
from repro.spike_triplets.protocols import MS_PER_S, poisson
from repro.spike_triplets.rules import BCM, TripletSTDP

SETTLE_MS = 500.0  # the neuron has adapted after this time


@dataclass(frozen=True)
class Glif:
    """A generalised leaky integrate-and-fire neuron [mensi2012parameter].

    C dV/dt = I - g (V - rest) - η, dη/dt = -η/τη, dϑ/dt = -ϑ/τϑ, spikes at the rate
    noise_rate exp((V - threshold - ϑ)/noise) per ms; a spike resets V, holds it, and adds to η and ϑ.
    """

    capacitance: float = 0.1  # nF
    leak: float = 0.005  # µS
    rest: float = -70.0  # mV
    reset: float = -65.0  # mV
    refractory: float = 4.0  # ms, in which V stays at reset
    threshold: float = -50.0  # mV, at rest
    noise: float = 1.0  # mV, over which the escape rate grows e-fold
    noise_rate: float = 1.0  # per ms, at the threshold
    current_jump: float = 0.04  # nA, spike-triggered current
    tau_current: float = 100.0  # ms
    threshold_jump: float = 2.0  # mV
    tau_threshold: float = 50.0  # ms
    dt: float = 0.1  # ms, Euler steps


def spike_steps(
    neuron: Glif, currents: Float[np.ndarray, "neurons"], draws: Float[np.ndarray, "steps neurons"]
) -> Bool[np.ndarray, "steps neurons"]:
    """In which steps each neuron, at its constant current (nA), spikes; ``draws`` from 0 to 1 are its chance."""
    constants = np.array([getattr(neuron, name) for name in neuron.__dataclass_fields__])
    return _spike_steps(constants, currents, draws)


@numba.njit(cache=True)
@no_type_check  # the run-time check of annotations in tests would wrap what numba compiles
def _spike_steps(constants, currents, draws):
    c, leak, rest, reset, refractory, threshold, noise, noise_rate, jump, tau, up, tau_up, dt = constants
    hold = round(refractory / dt)
    steps, neurons = draws.shape
    spikes = np.zeros((steps, neurons), dtype=np.bool_)
    for n in range(neurons):
        v, eta, moving, held = rest, 0.0, 0.0, 0
        for t in range(steps):
            if held == 0:
                v += dt * (currents[n] - leak * (v - rest) - eta) / c
            eta -= dt * eta / tau
            moving -= dt * moving / tau_up
            if held > 0:
                held -= 1
            elif draws[t, n] < 1 - np.exp(-dt * noise_rate * np.exp((v - threshold - moving) / noise)):
                spikes[t, n] = True
                v, held = reset, hold
                eta += jump
                moving += up
    return spikes


def brian_spike_steps(
    neuron: Glif, currents: Float[np.ndarray, "neurons"], draws: Float[np.ndarray, "steps neurons"]
) -> Bool[np.ndarray, "steps neurons"]:
    """The same neuron written for Brian2, with the same chance: what :func:`spike_steps` must agree with."""
    import brian2 as b2  # here: it takes seconds, and only this function needs it

    b2.prefs.codegen.target = "numpy"
    ms, names = b2.ms, {k: getattr(neuron, k) for k in neuron.__dataclass_fields__ if k != "dt"}
    step = neuron.dt * ms
    names |= {"chance": b2.TimedArray(draws, dt=step), "hold": round(neuron.refractory / neuron.dt)}
    equations = """
    dv/dt = int(held == 0)*(current - leak*(v - rest) - eta)/capacitance/ms : 1
    deta/dt = -eta/(tau_current*ms) : 1
    dmoving/dt = -moving/(tau_threshold*ms) : 1
    hazard = noise_rate/ms*exp((v - threshold - moving)/noise) : Hz
    current : 1
    held : integer
    """
    group = b2.NeuronGroup(
        len(currents), equations, method="euler", dt=step, namespace=names,
        threshold="held == 0 and chance(t, i) < 1 - exp(-dt*hazard)",
        reset="v = reset; eta += current_jump; moving += threshold_jump; held = hold + 1",
    )  # fmt: skip
    group.v, group.current = neuron.rest, currents
    group.run_regularly("held = held - int(held > 0)", dt=step, when="end")
    monitor = b2.SpikeMonitor(group)
    b2.Network(group, monitor).run(len(draws) * step, namespace={})
    spikes = np.zeros(draws.shape, dtype=bool)
    spikes[np.round(np.asarray(monitor.t / step)).astype(int), np.asarray(monitor.i)] = True
    return spikes


def f_i_curve(
    neuron: Glif, currents: Float[np.ndarray, "currents"], trials: int, seed: int, brian: bool = False
) -> Float[np.ndarray, "currents"]:
    """Mean rate (Hz) in 500 ms current steps from rest, over ``trials``; by Brian2 if asked for, else by its twin."""
    draws = np.random.default_rng(seed).random((round(500 / neuron.dt), len(currents) * trials))
    simulate = brian_spike_steps if brian else spike_steps
    spikes = simulate(neuron, np.repeat(currents, trials), draws)
    return spikes.sum(axis=0).reshape(len(currents), trials).mean(axis=1) / 0.5


@dataclass(frozen=True)
class ThresholdLinear:
    """rate = slope (I - threshold)+, and how well it describes what was measured."""

    slope: float  # Hz/nA, a
    threshold: float  # nA, θ1
    r2: float

    def rate(self, current: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Hz at these currents (nA)."""
        return self.slope * np.maximum(current - self.threshold, 0)


def fit_threshold_linear(
    currents: Float[np.ndarray, "currents"], rates: Float[np.ndarray, "currents"]
) -> ThresholdLinear:
    """The threshold-linear curve closest to the rates by least squares. Raises ValueError if no neuron fired."""
    if not rates.max() > 0:
        raise ValueError("the neuron fires at none of the currents: raise them")
    top = np.polyfit(currents[rates > rates.max() / 4], rates[rates > rates.max() / 4], 1)
    best = least_squares(lambda p: p[0] * np.maximum(currents - p[1], 0) - rates, [top[0], -top[1] / top[0]])
    r2 = 1 - float((best.fun**2).sum() / ((rates - rates.mean()) ** 2).sum())
    return ThresholdLinear(float(best.x[0]), float(best.x[1]), r2)


def rate_threshold(rule: TripletSTDP) -> float:
    """b (Hz) of h(y) = y² - b y for Poisson spikes: A2- τ- / (A3+ τ+ τy), less A2+ τ+ from its numerator."""
    return BCM.of_triplet(rule).threshold


def regular_threshold(rule: TripletSTDP) -> float:
    """The rate (Hz) at which a regular train changes nothing, of a rule without A2+ and A3-.

    The slow trace before a spike of a train of period T is 1/(exp(T/τy) - 1); A3+ τ+ times it must be A2- τ-.
    """
    _refuse_pairs(rule)
    ratio = rule.a3_plus * rule.tau_plus / (rule.a2_minus * rule.tau_minus)
    return MS_PER_S / (rule.tau_y * float(np.log1p(ratio)))


def _refuse_pairs(rule: TripletSTDP) -> None:
    if rule.a2_plus != 0 or rule.a3_minus != 0:
        raise ValueError("only a minimal triplet rule, with a2_plus = a3_minus = 0, crosses zero there")


def drift(
    rule: TripletSTDP, trains: Sequence[Float[np.ndarray, "_"]], seconds: float, seed: int, inputs: int = 10,
    input_rate: float = 20.0, settle: float = SETTLE_MS,
) -> Float[np.ndarray, "trains"]:  # fmt: skip
    """Weight change (per second and Hz of input) that output trains cause on independent Poisson inputs.

    Exact sums between spikes, by ``repro.spike_triplets``.

    Parameters
    ----------
    trains : output spikes, ms, over ``settle`` and ``seconds`` more
    inputs : Poisson trains that each output train meets; their mean is taken
    settle : ms at the start in which the neuron spikes without changing weights; its traces grow, the inputs are silent
    """
    rng = np.random.default_rng(seed)
    pairs = [(settle + poisson(input_rate, MS_PER_S * seconds, rng), train) for train in trains for _ in range(inputs)]
    taus = np.array([[rule.tau_plus, rule.tau_minus, rule.tau_x, rule.tau_y]])
    sums = trace_sums(Events.of_trains(pairs), taus, rule.scheme == "nearest")[0] @ rule.amplitudes
    return sums.reshape(len(trains), inputs).mean(axis=1) / seconds / input_rate


def poisson_drift(
    rule: TripletSTDP, rates: Float[np.ndarray, "rates"], seconds: float, seed: int, inputs: int = 10
) -> Float[np.ndarray, "rates"]:
    """:func:`drift` by Poisson output of these rates (Hz)."""
    rng = np.random.default_rng([seed, 1])
    trains = [poisson(rate, SETTLE_MS + MS_PER_S * seconds, rng) for rate in rates]
    return drift(rule, trains, seconds, seed, inputs)


def steady_spikes(
    neuron: Glif, current: float, seconds: float, rng: np.random.Generator
) -> Float[np.ndarray, "spikes"]:
    """Spikes (ms) at a constant current (nA) over ``SETTLE_MS`` and ``seconds`` more."""
    draws = rng.random((round((SETTLE_MS + MS_PER_S * seconds) / neuron.dt), 1))
    return np.flatnonzero(spike_steps(neuron, np.array([current]), draws)[:, 0]) * neuron.dt


@dataclass(frozen=True, eq=False)
class Effective:
    """What a neuron and a rule do together, measured at some currents."""

    curve: ThresholdLinear  # from 500 ms steps
    currents: Float[np.ndarray, "currents"]  # nA, constant
    rates: Float[np.ndarray, "currents"]  # Hz
    changes: Float[np.ndarray, "currents"]  # weight change, per second and Hz of input
    theta2: float  # nA, where they turn to potentiation
    expected: float  # nA, θ1 + b/a
    irregularity: float  # coefficient of variation of the intervals at the current closest to theta2

    @property
    def rate_at_theta2(self) -> float:
        """Hz, at which the neuron fires where changes turn to potentiation."""
        return float(np.interp(self.theta2, self.currents, self.rates))

    @property
    def deviation(self) -> float:
        """(θ2 - θ1) / (b/a) - 1, θ2 as measured."""
        return (self.theta2 - self.curve.threshold) / (self.expected - self.curve.threshold) - 1


def measure_effective(
    rule: TripletSTDP, neuron: Glif, curve: ThresholdLinear, currents: Float[np.ndarray, "currents"], seconds: float,
    seed: int, inputs: int = 10,
) -> Effective:  # fmt: skip
    """Weight changes that the neuron's own spikes cause at constant currents, and where they cross zero."""
    rng = np.random.default_rng([seed, 2])
    trains = [steady_spikes(neuron, float(current), seconds, rng) for current in currents]
    changes = drift(rule, trains, seconds, seed, inputs)
    late = [train[train > SETTLE_MS] for train in trains]
    theta2 = zero_crossing(currents, changes)
    gaps = np.diff(late[int(np.argmin(np.abs(currents - theta2)))])
    return Effective(
        curve, currents, np.array([len(train) for train in late]) / seconds, changes, theta2,
        curve.threshold + rate_threshold(rule) / curve.slope, float(gaps.std() / gaps.mean()),
    )  # fmt: skip


def fit_parabola(rates: Float[np.ndarray, "rates"], changes: Float[np.ndarray, "rates"]) -> tuple[float, float, float]:
    """p, b and R² of ``changes = p (y² - b y)`` by least squares; b is where it crosses zero."""
    powers = np.stack([rates**2, rates], axis=1)
    (p, q), *_ = np.linalg.lstsq(powers, changes, rcond=None)
    rest = changes - powers @ np.array([p, q])
    return float(p), float(-q / p), 1 - float((rest**2).sum() / ((changes - changes.mean()) ** 2).sum())


def zero_crossing(x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> float:
    """Where ``y`` turns from negative to positive for the last time, between two points of ``x`` on a straight line.

    Raises ValueError if it does not.
    """
    turns = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
    if not len(turns):
        raise ValueError(f"no change from negative to positive between {x[0]:g} and {x[-1]:g}")
    k = turns[-1]
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def quadratic_rectifier(
    current: Float[np.ndarray, "..."], low: float, high: float, scale: float = 1.0
) -> Float[np.ndarray, "..."]:
    """scale (I - θ1)(I - θ2) above θ1, else 0."""
    return scale * np.maximum(current - low, 0) * (current - high)
