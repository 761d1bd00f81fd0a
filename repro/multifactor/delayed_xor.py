"""Delayed XOR with one reward at the end of a trial: Miconi's rule in a small recurrent network [P].

Two cues of either kind follow each other with a gap; in the end the output unit should be +1 if they differ, -1 if
not. Deviates from Miconi 2017 [miconi2017biologically], whose text was not read: a smaller network, steps of 10 ms,
stages of 100 ms, no factor of the mean reward. Weights stand still within a trial, so that the trace of a trial, the
sum over steps of (r_j Δ_i)³, is one product of Δ³ and r³.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

KINDS = ((0, 0), (0, 1), (1, 0), (1, 1))
TARGETS = np.array([-1.0, 1.0, 1.0, -1.0])
BLOCK = 50  # trials whose random numbers are drawn at once


@dataclass(frozen=True)
class Setting:
    """Network, trial and rule."""

    units: int = 64
    gain: float = 1.5  # standard deviation of the weights, times the root of the number of units
    stage: int = 10  # steps of 10 ms; cue, gap, cue, gap, answer are one stage each
    leak: float = 1 / 3  # step over the membrane time constant of 30 ms
    kicks_per_step: float = 0.03  # chance that a unit is kicked in a step, 3 Hz
    kick: float = 1.5  # largest kick
    forget: float = 0.05  # share of the old value in the running mean of a unit's activity
    memory: float = 0.75  # share of the old value in the running mean of the error of a kind of trial
    limit: float = 3e-3  # largest change of a weight in a trial


@dataclass(frozen=True)
class Condition:
    """What one network is given; without ``trace`` eligibility is that of the trial's last step alone."""

    trace: bool
    rate: float
    seed: int


@dataclass(frozen=True)
class Learned:
    """What became of the networks."""

    errors: Float[np.ndarray, "networks trials"]  # mean distance of the output from its target, in the answer stage
    answers: Float[np.ndarray, "networks kinds"]  # mean output without kicks, after training

    @property
    def correct(self) -> Float[np.ndarray, "networks"]:
        """Share of kinds of trials with the right sign."""
        return (self.answers * TARGETS > 0).mean(1)


@dataclass
class Recurrent:
    """Weights of networks side by side."""

    weights: Float[np.ndarray, "networks post pre"]
    w_in: Float[np.ndarray, "networks post lines"]
    bias: Float[np.ndarray, "networks post"]


def trial_inputs(stage: int) -> Float[np.ndarray, "kinds steps 2"]:
    """The two input lines over each kind of trial."""
    inputs = np.zeros((len(KINDS), 5 * stage, 2))
    for kind, (first, second) in enumerate(KINDS):
        inputs[kind, :stage, first] = 1
        inputs[kind, 2 * stage : 3 * stage, second] = 1
    return inputs


def initial(setting: Setting, seeds: Sequence[int], dtype: type = np.float32) -> Recurrent:
    """Networks before training, one a seed; unit 0 is the output, units 1 to 3 are always driven."""
    drawn = []
    for seed in seeds:
        random, n = np.random.default_rng([seed, 6]), setting.units
        weights = setting.gain / n**0.5 * random.standard_normal((n, n))
        bias = np.zeros(n)
        bias[1:4] = 1.0
        drawn.append((weights, random.uniform(-1, 1, (n, 2)), bias))
    return Recurrent(*(np.stack(same).astype(dtype) for same in zip(*drawn, strict=True)))


def run_trial(
    net: Recurrent,
    inputs: Float[np.ndarray, "networks steps lines"],
    kicks: Float[np.ndarray, "networks steps post"],
    setting: Setting,
) -> tuple[Float[np.ndarray, "networks steps post"], Float[np.ndarray, "networks steps post"]]:
    """Activities r and fluctuations Δ of one trial from rest.

    x' = x + leak (-x + W r + W_in u + bias) + kick, r = tanh(x); Δ is x minus its running mean.
    """
    x, mean, r = (np.zeros_like(net.bias) for _ in range(3))
    drive = inputs @ net.w_in.mT + net.bias[:, None]
    rates, swings = np.empty_like(drive), np.empty_like(drive)
    keep = 1 - setting.leak
    for step in range(inputs.shape[1]):
        recurrent = np.matmul(net.weights, r[:, :, None])[:, :, 0]
        x = keep * x + setting.leak * (recurrent + drive[:, step]) + kicks[:, step]
        swings[:, step] = x - mean
        mean = setting.forget * mean + (1 - setting.forget) * x
        r = np.tanh(x)
        rates[:, step] = r
    return rates, swings


def trace_of_trial(
    rates: Float[np.ndarray, "networks steps units"],
    swings: Float[np.ndarray, "networks steps units"],
    whole: Bool[np.ndarray, "networks"],
) -> Float[np.ndarray, "networks units units"]:
    """The sum over steps of (r_j before the step, times Δ_i)³, or its last term where ``whole`` is false."""
    before = np.concatenate([np.zeros_like(rates[:, :1]), rates[:, :-1]], 1)
    before = before * before * before  # powers are slow
    cubed = swings * swings * swings
    cubed[~whole, :-1] = 0
    return np.ascontiguousarray(cubed.mT) @ before


def learn(setting: Setting, conditions: Sequence[Condition], trials: int) -> Learned:
    """Train networks side by side; those of one seed start alike and see the same trials and kicks."""
    seeds = sorted({condition.seed for condition in conditions})
    whose = np.array([seeds.index(condition.seed) for condition in conditions])
    every = initial(setting, seeds)
    net = Recurrent(every.weights[whose], every.w_in[whose], every.bias[whose])
    streams = [np.random.default_rng([seed, 8]) for seed in seeds]
    rate = np.array([condition.rate for condition in conditions], dtype=np.float32)
    whole = np.array([condition.trace for condition in conditions])
    inputs, targets = trial_inputs(setting.stage).astype(np.float32), TARGETS.astype(np.float32)
    expected = np.full((len(conditions), len(KINDS)), np.nan, dtype=np.float32)
    errors, here = np.zeros((len(conditions), trials)), np.arange(len(conditions))
    for trial in range(trials):
        if trial % BLOCK == 0:
            kinds, kicks = _draw(streams, setting, inputs.shape[1])
        kind = kinds[whose, trial % BLOCK]
        rates, swings = run_trial(net, inputs[kind], kicks[whose, trial % BLOCK], setting)
        error = np.abs(rates[:, -setting.stage :, 0] - targets[kind, None]).mean(1)
        mean = expected[here, kind]
        surprise = np.nan_to_num(mean - error)  # reward is minus the error; no change in the first trial of a kind
        change = (rate * surprise)[:, None, None] * trace_of_trial(rates, swings, whole)
        net.weights += np.clip(change, -setting.limit, setting.limit)
        expected[here, kind] = np.where(np.isnan(mean), error, setting.memory * mean + (1 - setting.memory) * error)
        errors[:, trial] = error
    return Learned(errors, _answers(net, inputs, setting))


def _draw(streams: Sequence[np.random.Generator], setting: Setting, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Kinds of trials and kicks of a block, by seed."""
    kinds, kicks = [], []
    for random in streams:
        kinds.append(random.integers(0, len(KINDS), BLOCK))
        uniform = random.random((BLOCK, steps, setting.units), dtype=np.float32) / setting.kicks_per_step
        kicks.append(np.where(uniform < 1, setting.kick * (2 * uniform - 1), np.float32(0)).astype(np.float32))
    return np.stack(kinds), np.stack(kicks)


def _answers(net: Recurrent, inputs: np.ndarray, setting: Setting) -> np.ndarray:
    """Mean output of every network without kicks, for each kind of trial."""
    found = []
    for line in inputs:
        still = np.zeros((len(net.bias), len(line), setting.units), dtype=np.float32)
        every = np.broadcast_to(line, (len(net.bias), *line.shape))
        rates, _ = run_trial(net, every, still, setting)
        found.append(rates[:, -setting.stage :, 0].mean(1))
    return np.stack(found, 1).astype(float)


def tuned(
    setting: Setting, rates: Sequence[float], trials: int, tuning: Sequence[int], seeds: Sequence[int]
) -> tuple[dict[bool, float], dict[bool, Learned]]:
    """With and without trace: the rate with the smallest late error on the tuning seeds, and its fresh networks."""
    tried = [Condition(trace, rate, seed) for trace in (True, False) for rate in rates for seed in tuning]
    late = learn(setting, tried, trials).errors[:, -(trials // 5) :].mean(1)
    order = late.reshape(2, len(rates), len(tuning)).mean(2).argmin(1)
    best = {trace: rates[int(place)] for trace, place in zip((True, False), order, strict=True)}
    final = learn(setting, [Condition(trace, rate, seed) for trace, rate in best.items() for seed in seeds], trials)
    count = len(seeds)
    parts = {True: slice(0, count), False: slice(count, None)}
    return best, {trace: Learned(final.errors[part], final.answers[part]) for trace, part in parts.items()}


def stretches(errors: Float[np.ndarray, "networks trials"], bins: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Middle trial of each stretch, and the mean error of each network in it."""
    parts = np.array_split(np.arange(errors.shape[1]), bins)
    return np.array([part.mean() for part in parts]), np.stack([errors[:, part].mean(1) for part in parts], 1)
