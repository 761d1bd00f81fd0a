"""The feedback phase: units estimate, from their own spikes, the weights by which they act on the layer above.

A spike of lower unit i moves the potential q_j that returns from upper unit j by an amount proportional to w_ji. The
unit compares windows in which its drive came close to threshold and crossed it with windows in which it did not: the
jump of q at threshold is its causal effect, whatever else drives both layers [guerguiev2020spike].

Deviates: the order of events inside a step is this book's (see ``feedback_kernels``), a window counts spikes of its
first to its 30th step and q of the step behind each, and there are closed forms besides the descent as coded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from repro.errors import Mistake
from repro.spike_discontinuity import feedback_kernels


@dataclass(frozen=True)
class PhaseModel:
    """Constants of the feedback phase, as in the authors' code; time in steps of 1 ms."""

    leak: float = 100.0  # per s, conductance over capacitance
    coupling: float = 600.0  # per s, of the soma to its basal dendrite
    threshold: float = 1.0  # no unit
    reset: float = -1.0  # no unit
    refractory_ms: int = 3  # the step of the spike and the next two
    tau_slow_ms: float = 10.0  # of the double exponential that a spike leaves
    tau_fast_ms: float = 3.0
    memory_ms: int = 30  # after which a spike is forgotten
    drive_hz: float = 200.0  # of the Poisson spikes that drive an active unit
    drive_gain: float = 4.0  # basal potential per trace of those spikes
    active: float = 0.2  # share of the driven layer that is active
    redraw_ms: int = 100  # after which other units are
    half_width: float = 0.1  # of the drive around threshold, within which a window opens
    window_ms: int = 30  # how long it lasts
    factor: float = 0.2  # weights are scaled to a standard deviation of factor times fan-in
    rate: float = 1e-3  # of the descent, a step a window

    def __post_init__(self) -> None:
        if not (math.isfinite(self.half_width) and self.half_width > 0) or self.window_ms < 1:
            raise Mistake(
                f"PhaseModel: a window of half-width {self.half_width} and {self.window_ms} ms; allowed are a "
                "half-width above 0 and 1 ms or more"
            )
        if not 0 < self.active <= 1:
            raise Mistake(f"PhaseModel: active is {self.active}; allowed is a share above 0, up to 1")
        if self.factor < 0:
            raise Mistake(f"PhaseModel: factor is {self.factor}; allowed is 0 or larger")


@dataclass(frozen=True)
class Statistics:
    """What closed forms need of the windows of each lower unit; side 0: without a spike, side 1: with one."""

    windows: Float[np.ndarray, "lower 2"]
    of_drive: Float[np.ndarray, "lower 2 2"]  # sums of z and z²
    of_effect: Float[np.ndarray, "lower 2 2 upper"]  # sums of y and z y

    def __add__(self, other: Statistics) -> Statistics:
        """Those of both sets of windows together."""
        return Statistics(
            self.windows + other.windows, self.of_drive + other.of_drive, self.of_effect + other.of_effect
        )


@dataclass(frozen=True)
class Phase:
    """What a feedback phase leaves, at each mark."""

    seconds: Float[np.ndarray, "marks"]  # counted in each replica
    statistics: Sequence[Statistics]  # of all replicas together
    descent: Sequence[Float[np.ndarray, "lower 2 2 upper"]]  # slopes and offsets as coded; empty where not asked for
    lower_hz: float  # mean rate of the driven layer
    upper_hz: float  # of the layer above


def run_phase(
    weight: Float[np.ndarray, "upper lower"],
    seconds: float,
    seed: int,
    model: PhaseModel = PhaseModel(),
    *,
    replicas: int = 1,
    marks: Sequence[float] = (),
    descent: Float[np.ndarray, "lower 2 2 upper"] | None = None,
    settle_ms: int = 100,
    threads: int = 1,
) -> Phase:
    """Drive the lower layer and keep, in windows around threshold, what comes back from the upper one.

    Parameters
    ----------
    weight : of the layer, in any unit
    seconds : counted in each replica
    replicas : independent ones, whose statistics are added; the descent as coded needs one long sequence
    marks : seconds after which statistics are kept; the end always is
    descent : coefficients to go on from; zeros start it, None leaves it out
    settle_ms : not counted, at the start of each replica
    threads : that share the replicas; a matter of time, not of results

    Raises
    ------
    Mistake
        If the weight has no spread, a time is not positive, or a descent is asked of several replicas.
    """
    times = tuple(sorted({*marks, seconds}))
    if not (math.isfinite(seconds) and times[0] > 0 and times[-1] == seconds) or replicas < 1 or seed < 0:
        raise Mistake(
            f"run_phase: {seconds} s with marks {tuple(marks)}, {replicas} replicas, seed {seed}; allowed are times "
            "above 0, marks up to the end, 1 replica or more, seeds from 0"
        )
    if descent is not None and replicas > 1:
        raise Mistake(f"run_phase: the descent goes through one sequence of windows, not {replicas} replicas")
    if not (np.isfinite(weight).all() and weight.std() > 0):
        raise Mistake("run_phase: the weight has no spread or is not finite, so its scale can't be set")
    scaled = np.ascontiguousarray((model.factor * weight.shape[1] * weight / weight.std()).T, dtype=np.float64)
    steps = np.array([settle_ms + round(1000 * time) for time in times])
    rate, learned = (0.0, np.zeros((1, 1, 1, 1))) if descent is None else (model.rate, descent.astype(float))
    constants = _constants(model, weight.shape[1])

    def one(start: np.uint64) -> tuple[np.ndarray, ...]:
        return feedback_kernels.phase(scaled, steps[-1], settle_ms, start, *constants, steps, rate, learned)

    with ThreadPoolExecutor(threads) as pool:  # the kernel lets other threads run; sums are taken in the seeds' order
        done = list(pool.map(one, np.random.SeedSequence(seed).generate_state(replicas, np.uint64)))
    counts, of_z, of_y, spikes = (np.sum([each[part] for each in done], axis=0) for part in (0, 1, 2, 4))
    per_unit = spikes / (replicas * times[-1]) / np.array(weight.shape[::-1])
    return Phase(
        np.array(times),
        [Statistics(counts[k], of_z[k], of_y[k]) for k in range(len(times))],
        [] if descent is None else list(done[0][3]),
        float(per_unit[0]),
        float(per_unit[1]),
    )


def _constants(model: PhaseModel, lower: int) -> tuple[np.ndarray, ...]:
    """Constants of the kernel: traces, soma, drive, window."""
    taus, step_s = np.array([model.tau_slow_ms, model.tau_fast_ms]), 1e-3
    decay, past = np.exp(-1 / taus), np.exp(-(model.memory_ms + 1) / taus)
    kernel = np.array([*decay, *past, 1 / (model.tau_slow_ms - model.tau_fast_ms)])
    soma = np.array(
        [model.leak * step_s, model.coupling * step_s, model.threshold, model.reset, model.refractory_ms - 1]
    )
    active = max(1, round(model.active * lower))
    drive = np.array([model.drive_hz * step_s, model.drive_gain, active, model.redraw_ms])
    return kernel, soma, drive, np.array([model.half_width, model.window_ms, model.memory_ms])


def no_descent(weight: Float[np.ndarray, "upper lower"]) -> Float[np.ndarray, "lower 2 2 upper"]:
    """Coefficients from which the descent starts: zeros."""
    upper, lower = weight.shape
    return np.zeros((lower, 2, 2, upper))
