"""Neurons with shared noise, and the record of what they did in each window [lansdell2023neural].

    dv/dt = -v/τ + w (x + ξ),   ξ_i = σ (√c η_0 + √(1-c) η_i) / √τ

Deviates: time before the first window is simulated and left out. As in the authors' code, the noise is drawn anew
every step of 1 ms and not scaled with the step, so the step is part of the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, Shaped

from repro.arrays import Numbers
from repro.errors import Mistake
from repro.spike_discontinuity import network_kernels as kernels
from repro.spike_discontinuity.costs import Cost, cost_named, quadratic

STEP_S = 0.001


@dataclass(frozen=True)
class Neurons:
    """Constants of all neurons; defaults are those of the authors' code for Fig 3A."""

    window_ms: int = 20  # ΔT, one draw of (Z, H, C)
    tau_s: float = 0.04  # s, of the output filter; twice the 0.02 s of the code, whose table has steps of half a ms
    sigma: float = 10.0  # of the noise
    tau: float = 1.0  # s, of the membrane
    input: float = 0.0  # x
    threshold: float = 1.0
    reset: float = 0.0  # also the floor of both potentials
    refractory_ms: int = 3  # at reset, the spike's step included
    own_leak: bool = False  # drive with its own leak (article) instead of the potential's increment (code)
    threshold_jump: float = 0.0  # by which each spike raises the threshold
    threshold_tau: float = 0.2  # s, of its return

    def __post_init__(self) -> None:
        for name in ("window_ms", "tau_s", "sigma", "tau", "refractory_ms", "threshold_tau"):
            if not getattr(self, name) > 0:
                raise Mistake(f"{name} is {getattr(self, name)}; it must be above 0")

    @property
    def decay(self) -> float:
        """Of the output in one step."""
        return math.exp(-STEP_S / self.tau_s)

    @property
    def predicted_step(self) -> float:
        """Δs = (1 - exp(-T/τ_s))/T, spikes a ms: what one spike at a random step of a window adds at its end."""
        return (1 - self.decay**self.window_ms) / self.window_ms

    def constants(self) -> Float[np.ndarray, "constants"]:
        """For the kernel, in its order."""
        scale = self.sigma / math.sqrt(self.tau) * STEP_S
        fade = math.exp(-STEP_S / self.threshold_tau)
        leak = STEP_S / self.tau
        return np.array(
            [
                leak,
                scale,
                self.input * STEP_S,
                self.decay,
                self.threshold,
                self.reset,
                self.threshold_jump,
                fade,
            ]
        )


@dataclass(frozen=True)
class Record:
    """What each replica did in each window; seconds and traces are gone, what estimators need is here."""

    z: Float[np.ndarray, "replicas windows neurons"]  # largest drive, minus the threshold: 0 is the discontinuity
    first: Int[np.ndarray, "replicas windows neurons"]  # step of the first spike in the window, -1 for none
    outputs: Float[np.ndarray, "replicas windows_and_one neurons"]  # before the first window and at each end, per ms
    cost: Float[np.ndarray, "replicas windows"]  # at the window's last step
    moments: Float[np.ndarray, "replicas neurons moments"]  # see network_kernels
    weights: Float[np.ndarray, "replicas neurons"]
    correlations: Float[np.ndarray, "replicas"]
    neurons: Neurons
    cost_function: Cost

    @property
    def h(self) -> Shaped[np.ndarray, "replicas windows neurons"]:
        """Whether the neuron spiked in the window."""
        return self.first >= 0

    @property
    def s(self) -> Float[np.ndarray, "replicas windows neurons"]:
        """Outputs at the end of each window, spikes a ms."""
        return self.outputs[:, 1:]

    @property
    def s_before(self) -> Float[np.ndarray, "replicas windows neurons"]:
        """Outputs just before each window, spikes a ms."""
        return self.outputs[:, :-1]

    @property
    def seconds(self) -> float:
        """Of each replica."""
        return self.z.shape[1] * self.neurons.window_ms * STEP_S

    @property
    def rates(self) -> Float[np.ndarray, "replicas neurons"]:
        """Spikes a second (Hz)."""
        return self.moments[..., kernels.SPIKES] / self.seconds

    @property
    def output_cv(self) -> Float[np.ndarray, "replicas neurons"]:
        """Coefficient of variation of the output over steps; NaN of a silent neuron."""
        steps = self.z.shape[1] * self.neurons.window_ms
        return _cv(steps, self.moments[..., kernels.SUM_S], self.moments[..., kernels.SUM_SS])

    @property
    def gap_cv(self) -> Float[np.ndarray, "replicas neurons"]:
        """Coefficient of variation of the intervals between spikes; NaN where there are fewer than two."""
        return _cv(*np.moveaxis(self.moments[..., kernels.GAPS :], -1, 0))

    def with_cost(self, cost: Cost | str) -> Record:
        """The same windows under another cost."""
        function = cost_named(cost) if isinstance(cost, str) else cost
        return replace(self, cost=function(self.s), cost_function=function)

    def of(self, replicas: slice | np.ndarray) -> Record:
        """Some of the replicas."""
        parts = ("z", "first", "outputs", "cost", "moments", "weights", "correlations")
        return replace(self, **{name: getattr(self, name)[replicas] for name in parts})


def _cv(n: np.ndarray | int, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Standard deviation over mean from sums; NaN where the mean is 0 or nothing was counted."""
    n = np.where(np.asarray(n) > 0, n, np.nan)
    mean = np.where(total > 0, total, np.nan) / n
    return np.sqrt(np.maximum(squares / n - mean**2, 0.0)) / mean


def check_correlations(correlation: Numbers) -> Float[np.ndarray, "n"]:
    """Correlations as an array. Raises Mistake for one outside [0, 1)."""
    found = np.atleast_1d(np.asarray(correlation, dtype=float))
    for value in found:
        if not 0 <= value < 1:
            raise Mistake(f"correlation is {value:g}; it must be at least 0 and below 1")
    return found


def seeds_of(seed: int, replicas: int) -> Shaped[np.ndarray, "replicas"]:
    """A seed (64 bits) for each replica, from one."""
    return np.random.SeedSequence(seed).generate_state(replicas, np.uint64)


def simulate(
    weights: Float[np.ndarray, "replicas neurons"],
    correlation: Numbers,
    seconds: float,
    seed: int,
    neurons: Neurons | None = None,
    cost: Cost | str = quadratic,
    idle_seconds: float = 1.0,
) -> Record:
    """Networks of neurons that share noise, a replica for each row of weights.

    Parameters
    ----------
    correlation : share of the noise in common, of all replicas or one each, in [0, 1)
    seconds : simulated time of each replica
    seed : from which the seeds of the replicas follow
    neurons : constants
    cost : a function of the outputs, or the name of one
    idle_seconds : simulated before the first window and left out

    Raises
    ------
    Mistake
        For a correlation outside [0, 1) or a time shorter than a window.
    """
    neurons = neurons or Neurons()
    correlations = np.broadcast_to(check_correlations(correlation), len(weights)).copy()
    windows = round(seconds / STEP_S) // neurons.window_ms
    if windows < 1:
        raise Mistake(f"seconds is {seconds:g}; it must be at least one window of {neurons.window_ms} ms")
    function = cost_named(cost) if isinstance(cost, str) else cost
    shape = (len(weights), windows, weights.shape[1])
    z, first = np.empty(shape), np.empty(shape, np.int32)
    outputs, moments = np.empty((shape[0], windows + 1, shape[2])), np.zeros((shape[0], shape[2], 6))
    weights = np.ascontiguousarray(weights, dtype=float)
    idle = math.ceil(idle_seconds / STEP_S / neurons.window_ms)
    fixed = (neurons.window_ms, idle, neurons.refractory_ms, neurons.own_leak, neurons.constants())
    kernels.networks(weights, correlations, seeds_of(seed, len(weights)), *fixed, z, first, outputs, moments)
    return Record(z, first, outputs, function(outputs[:, 1:]), moments, weights, correlations, neurons, function)


def simulate_pair(
    weights: Numbers,
    correlation: float,
    seconds: float,
    seed: int,
    tau_s: float = 0.04,
    cost: Cost | str = quadratic,
    window_ms: int = 20,
    replicas: int = 1,
) -> Record:
    """Two neurons with shared noise: the experiment of Fig 3 [lansdell2023neural].

    Parameters
    ----------
    weights : noise gain of each neuron, such as (12, 9)
    correlation : share of the noise in common, in [0, 1)
    seconds, seed : simulated time of each replica, and from what its noise follows
    tau_s : s, time constant of the output filter
    cost : a function of the outputs, or ``quadratic``, ``plain`` or ``banana``
    window_ms : length of a window
    replicas : how many pairs, alike but for their noise

    >>> record = simulate_pair((12, 9), 0.5, seconds=50, seed=0)
    >>> record.z.shape
    (1, 2500, 2)
    """
    pair = np.asarray(weights, dtype=float)
    if pair.shape != (2,):
        raise Mistake(f"weights is {weights!r}; a pair needs two numbers")
    neurons = Neurons(window_ms=window_ms, tau_s=tau_s)
    return simulate(np.tile(pair, (replicas, 1)), correlation, seconds, seed, neurons, cost)


def each_replica(record: Record, estimator: Callable[[Record], np.ndarray]) -> Float[np.ndarray, "replicas neurons"]:
    """An estimator for each replica alone."""
    return np.array([estimator(record.of(slice(r, r + 1))) for r in range(len(record.z))])
