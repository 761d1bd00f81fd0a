"""A reward that comes late: two cues, one Bernoulli unit, and a trace that has to bridge the delay [P].

At the start of a trial one of two cues is on and the unit answers 1 with probability σ(w); right is 1 for the second
cue. Until the trial ends other cues flash at random, the unit answers them too, and nobody counts it. Reward 1 or 0
comes ``delay`` after the first answer. Weights follow the reward-modulated rule e' = -e/τ + (s - p) x,
Δw = η (R - b) e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from repro.multifactor.third_factor import reinforce

STEP_S = 0.1
TRIAL_S = 3.0
FLASHES_HZ = 1.0
BASELINE_RATE = 0.05  # share of the newest reward in the running mean b


@dataclass(frozen=True)
class Condition:
    """What one learner is given."""

    delay: float  # s, between answer and reward
    tau: float  # s, of the trace; 0 is no trace
    rate: float  # learning rate
    seed: int


def _events(seed: int, trials: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Which cue is on at each step (-1 for none) and the uniform number that decides the answer."""
    random = np.random.default_rng([seed, 5])
    cue = np.where(random.random((trials, steps)) < FLASHES_HZ * STEP_S, random.integers(0, 2, (trials, steps)), -1)
    cue[:, 0] = random.integers(0, 2, trials)
    return cue, random.random((trials, steps))


def learn(conditions: Sequence[Condition], trials: int) -> Float[np.ndarray, "conditions trials"]:
    """Whether the answer was right, 1 or 0, for each condition and trial. Conditions of one seed see the same events.

    Raises ValueError for a delay that does not fit into a trial.
    """
    steps = round(TRIAL_S / STEP_S)
    due = np.array([round(c.delay / STEP_S) for c in conditions])
    if due.min() < 0 or due.max() >= steps:
        raise ValueError(
            f"learn: delays are {sorted({c.delay for c in conditions})} s; allowed are 0 to below {TRIAL_S:g} s"
        )
    seeds = sorted({c.seed for c in conditions})
    whose = np.array([seeds.index(c.seed) for c in conditions])
    cues, uniforms = (np.stack(arrays) for arrays in zip(*(_events(s, trials, steps) for s in seeds), strict=True))
    decay = np.array([np.exp(-STEP_S / c.tau) if c.tau > 0 else 0.0 for c in conditions])
    rate = np.array([c.rate for c in conditions])
    weights, trace = np.zeros((len(conditions), 2)), np.zeros((len(conditions), 2))
    baseline = np.full(len(conditions), 0.5)
    right = np.zeros((len(conditions), trials))
    for trial in range(trials):
        for step in range(steps):
            cue, uniform = cues[whose, trial, step], uniforms[whose, trial, step]
            x = (cue[:, None] == [0, 1]).astype(float)
            p = 1 / (1 + np.exp(-(weights * x).sum(1)))
            answer = uniform < p
            trace = decay[:, None] * trace + (answer - p)[:, None] * x
            if step == 0:
                right[:, trial] = answer == cue
            now = due == step
            modulator = np.where(now, rate * (right[:, trial] - baseline), 0.0)
            weights += modulator[:, None] * trace
            baseline += now * BASELINE_RATE * (right[:, trial] - baseline)
    return right


def late_accuracy(right: Float[np.ndarray, "conditions trials"]) -> Float[np.ndarray, "conditions"]:
    """Share of right answers in the last fifth of training."""
    return right[:, -(right.shape[1] // 5) :].mean(1)


def sweep(
    delays: Sequence[float],
    taus: Sequence[float],
    rates: Sequence[float],
    trials: int,
    tuning: Sequence[int],
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Late accuracy over delays and traces, the rate of each chosen on the tuning seeds; one row a learner.

    Columns: delay, tau, rate, seed, accuracy.
    """
    pairs = [(delay, tau) for delay in delays for tau in taus]
    tried = [Condition(*pair, rate, seed) for pair in pairs for rate in rates for seed in tuning]
    scores = late_accuracy(learn(tried, trials)).reshape(len(pairs), len(rates), len(tuning)).mean(2)
    chosen = [rates[int(best)] for best in scores.argmax(1)]
    final = [Condition(*pair, rate, seed) for pair, rate in zip(pairs, chosen, strict=True) for seed in seeds]
    frame = pd.DataFrame([vars(condition) for condition in final])
    return frame.assign(accuracy=late_accuracy(learn(final, trials)))


def outcomes(weights: Float[np.ndarray, "cues"]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every outcome of a trial: probability, cue (one-hot), answer, probability of answer 1, reward."""
    p = 1 / (1 + np.exp(-weights))
    cue: Int[np.ndarray, "4"] = np.array([0, 0, 1, 1])
    answer: Int[np.ndarray, "4"] = np.array([0, 1, 0, 1])
    chance = 0.5 * np.where(answer == 1, p[cue], 1 - p[cue])
    return chance, np.eye(2)[cue], answer.astype(float), p[cue], (answer == cue).astype(float)


def mean_change(weights: Float[np.ndarray, "cues"], baseline: float, centred: bool) -> Float[np.ndarray, "cues"]:
    """The exact mean of (R - b) H over all outcomes, H = (s - p) x if ``centred``, else s x."""
    chance, x, answer, p, reward = outcomes(weights)
    h = answer - p if centred else answer
    each = [reinforce(x[[i]], h[[i], None], reward[[i]] - baseline)[0] for i in range(4)]
    return chance @ np.array(each)


def covariance_and_bias(
    weights: Float[np.ndarray, "cues"], baseline: float, centred: bool
) -> tuple[Float[np.ndarray, "cues"], Float[np.ndarray, "cues"]]:
    """cov(R, H) and (E[R] - b) E[H], whose sum is the mean change [fremaux2016neuromodulated]."""
    chance, x, answer, p, reward = outcomes(weights)
    h = (answer - p if centred else answer)[:, None] * x
    mean_h, mean_r = chance @ h, chance @ reward
    return chance @ ((reward - mean_r)[:, None] * (h - mean_h)), (mean_r - baseline) * mean_h
