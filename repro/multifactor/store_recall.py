"""Store and recall: a cue is shown, a gap follows, and only at the recall signal does an error arrive [P].

Networks of leaky rate units learn by RFLO [murray2019local], with its trace or with the product of the present step
alone. Deviates: changes are made at the end of a trial; units are tanh; input weights learn too. Weights stand still
within a trial, so that the sum over steps of error times trace is taken from the end: the error is filtered backwards
in time, and one product with what each synapse sees gives the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

TARGETS = np.array([-1.0, 1.0])
TAU = 10  # steps of the membrane time constant
CUE = 10  # steps that cue and recall last
LINES = 4  # inputs: either cue, the recall signal, a constant one
BLOCK = 100  # trials whose kinds are drawn at once


@dataclass(frozen=True)
class Condition:
    """What one network is given."""

    delay: float  # membrane time constants between cue and recall
    trace: bool
    rate: float
    seed: int


@dataclass
class Rate:
    """Weights of networks side by side; the last columns are those of the inputs."""

    weights: Float[np.ndarray, "networks units seen"]
    readout: Float[np.ndarray, "networks units"]
    feedback: Float[np.ndarray, "networks units"]  # B, random


def trial_inputs(delay: float, longest: float) -> Float[np.ndarray, "kinds steps 4"]:
    """Input lines of both kinds; the trial is as long as the longest one, a shorter gap begins later."""
    steps, gap = 2 * CUE + round(longest * TAU), round(delay * TAU)
    start = steps - 2 * CUE - gap
    inputs = np.zeros((2, steps, LINES))
    for kind in range(2):
        inputs[kind, start : start + CUE, kind] = 1
    inputs[:, -CUE:, 2] = 1
    inputs[:, :, 3] = 1
    return inputs


def initial(seeds: Sequence[int], units: int, dtype: type = np.float32) -> Rate:
    """Networks before training, one a seed; recurrent, input and readout weights have variance 1/(their number)."""
    drawn = []
    for seed in seeds:
        random = np.random.default_rng([seed, 7])
        parts = [random.standard_normal((units, count)) / count**0.5 for count in (units, LINES)]
        drawn.append(
            (np.concatenate(parts, 1), random.standard_normal(units) / units**0.5, random.standard_normal(units))
        )
    return Rate(*(np.stack(same).astype(dtype) for same in zip(*drawn, strict=True)))


def run_trial(
    net: Rate, inputs: Float[np.ndarray, "networks steps lines"]
) -> tuple[
    Float[np.ndarray, "networks steps seen"],
    Float[np.ndarray, "networks steps units"],
    Float[np.ndarray, "networks steps units"],
]:
    """What synapses see, slopes and activities over one trial from rest.

    u = W (h, inputs), h' = h + (tanh(u) - h)/τ.
    """
    networks, steps, lines = inputs.shape
    units = net.readout.shape[1]
    seen = np.empty((networks, steps, units + lines), dtype=net.weights.dtype)
    seen[:, :, units:] = inputs
    slopes, activities = (np.empty((networks, steps, units), dtype=net.weights.dtype) for _ in range(2))
    h = np.zeros_like(net.readout)
    for step in range(steps):
        seen[:, step, :units] = h
        value = np.tanh(np.matmul(net.weights, seen[:, step, :, None])[:, :, 0])
        h = h + (value - h) / TAU
        slopes[:, step] = 1 - value * value
        activities[:, step] = h
    return seen, slopes, activities


def changes(
    net: Rate,
    trial: tuple[np.ndarray, np.ndarray, np.ndarray],
    errors: Float[np.ndarray, "networks window"],
    decay: Float[np.ndarray, "networks"],
) -> tuple[Float[np.ndarray, "networks units seen"], Float[np.ndarray, "networks units"]]:
    """RFLO's change of the weights and the delta rule's of the readout; ``errors`` is y - y* in the last steps."""
    seen, slopes, activities = trial
    later, backwards = np.zeros_like(decay), np.empty(seen.shape[:2], dtype=seen.dtype)
    for step in range(seen.shape[1]):  # from the end: sum over t >= s of decay^(t-s) (1 - decay) ε(t)
        error = errors[:, -1 - step] if step < errors.shape[1] else 0.0
        later = decay * later + (1 - decay) * error
        backwards[:, -1 - step] = later
    signal = backwards[:, :, None] * net.feedback[:, None]
    aim = -(errors[:, :, None] * activities[:, -errors.shape[1] :]).sum(1)
    return -(np.ascontiguousarray((signal * slopes).mT) @ seen), aim


def learn(conditions: Sequence[Condition], trials: int, units: int = 32) -> Float[np.ndarray, "networks trials"]:
    """Whether each recall was right, 1 or 0. Networks of one seed start alike and see the same kinds of trials."""
    seeds = sorted({condition.seed for condition in conditions})
    whose = np.array([seeds.index(condition.seed) for condition in conditions])
    every = initial(seeds, units)
    net = Rate(every.weights[whose], every.readout[whose], every.feedback[whose])
    streams = [np.random.default_rng([seed, 9]) for seed in seeds]
    longest = max(condition.delay for condition in conditions)
    inputs = np.stack([trial_inputs(c.delay, longest) for c in conditions]).astype(np.float32)
    decay = np.array([1 - 1 / TAU if condition.trace else 0.0 for condition in conditions], dtype=np.float32)
    rate = np.array([condition.rate / CUE for condition in conditions], dtype=np.float32)
    targets, here = TARGETS.astype(np.float32), np.arange(len(conditions))
    right = np.zeros((len(conditions), trials))
    for trial in range(trials):
        if trial % BLOCK == 0:
            kinds = np.stack([random.integers(0, 2, BLOCK) for random in streams])
        kind = kinds[whose, trial % BLOCK]
        done = run_trial(net, inputs[here, kind])
        outputs = (done[2][:, -CUE:] * net.readout[:, None]).sum(2)
        move, aim = changes(net, done, outputs - targets[kind, None], decay)
        right[:, trial] = outputs.mean(1) * targets[kind] > 0
        net.weights += rate[:, None, None] * move
        net.readout += rate[:, None] * aim
    return right


def late_accuracy(right: Float[np.ndarray, "networks trials"]) -> Float[np.ndarray, "networks"]:
    """Share of right recalls in the last fifth of training; a network that diverged is never right."""
    return right[:, -(right.shape[1] // 5) :].mean(1)


def sweep(
    delays: Sequence[float],
    rates: Sequence[float],
    trials: int,
    tuning: Sequence[int],
    seeds: Sequence[int],
    units: int = 32,
) -> pd.DataFrame:
    """Late accuracy with and without the trace, the rate chosen on the tuning seeds; one row a network.

    Columns: delay, trace, rate, seed, accuracy.
    """
    pairs = [(delay, trace) for delay in delays for trace in (True, False)]
    tried = [Condition(*pair, rate, seed) for pair in pairs for rate in rates for seed in tuning]
    scores = late_accuracy(learn(tried, trials, units)).reshape(len(pairs), len(rates), len(tuning)).mean(2)
    chosen = [rates[int(best)] for best in scores.argmax(1)]
    final = [Condition(*pair, rate, seed) for pair, rate in zip(pairs, chosen, strict=True) for seed in seeds]
    frame = pd.DataFrame([vars(condition) for condition in final])
    return frame.assign(accuracy=late_accuracy(learn(final, trials, units)))
