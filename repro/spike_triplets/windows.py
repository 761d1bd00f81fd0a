"""What pair STDP can and cannot do, whatever its parameters.

E over both time constants with exact amplitudes, so that a bound is found and no lucky start; and the identity that it
cannot tell post-pre-post from pre-post-pre.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from repro.spike_triplets.datasets import Dataset, load
from repro.spike_triplets.events import Events, trace_sums
from repro.spike_triplets.protocols import post_pre_post, pre_post_pre
from repro.spike_triplets.rules import SCHEMES, TAU_MINUS, TAU_PLUS, PairSTDP, Scheme


def pair_errors(
    dataset: str | Dataset, windows: Float[np.ndarray, "sets 2"], scheme: Scheme, any_sign: bool = False
) -> tuple[Float[np.ndarray, "sets"], Float[np.ndarray, "sets 2"]]:
    """Smallest E of pair STDP over its two amplitudes, and these, for each (tau_plus, tau_minus), ms.

    Parameters
    ----------
    any_sign : amplitudes may be negative too, which no STDP means but which bounds what it can do
    """
    data = load(dataset) if isinstance(dataset, str) else dataset
    taus = np.column_stack([windows, np.full((len(windows), 2), 100.0)])
    scale = np.sqrt(data.weight / data.n_independent) / data.sem
    sums = trace_sums(Events.of(data.protocols), taus, scheme == "nearest")[:, :, [0, 2]] * scale[:, None]
    target = data.change * scale
    options = [_solve(sums, target)]
    if not any_sign:  # the best of two non-negative amplitudes is inside or on an edge
        alone = [_one(sums, target, column) for column in (0, 1)]
        errors, amplitudes = options[0]
        options = [(np.where((amplitudes < 0).any(axis=1), np.inf, errors), amplitudes), *alone]
        options.append((np.full(len(taus), target @ target), np.zeros((len(taus), 2))))
    errors, amplitudes = (np.stack(column) for column in zip(*options, strict=True))
    best = errors.argmin(axis=0)
    every = np.arange(len(taus))
    return errors[best, every], amplitudes[best, every]


def _solve(sums: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    norm = np.linalg.norm(sums, axis=1)
    norm[norm == 0] = 1.0
    amplitudes = np.linalg.pinv(sums / norm[:, None]) @ target / norm
    return ((np.einsum("spa,sa->sp", sums, amplitudes) - target) ** 2).sum(1), amplitudes


def _one(sums: np.ndarray, target: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The best amplitude of one column alone, not negative."""
    part = sums[:, :, column]
    square = (part**2).sum(1)
    value = np.maximum(part @ target, 0.0) / np.where(square == 0, 1.0, square)
    amplitudes = np.zeros((len(sums), 2))
    amplitudes[:, column] = value
    return ((part * value[:, None] - target) ** 2).sum(1), amplitudes


def freed_pair_rule(dataset: str | Dataset, taus: Float[np.ndarray, "taus"], scheme: Scheme) -> tuple[PairSTDP, float]:
    """The best pair rule on a grid of both time constants (ms), amplitudes not negative, and its E."""
    windows = np.stack(np.meshgrid(taus, taus, indexing="ij"), axis=-1).reshape(-1, 2)
    errors, amplitudes = pair_errors(dataset, windows, scheme)
    best = int(errors.argmin())
    (a_plus, a_minus), (tau_plus, tau_minus) = amplitudes[best].tolist(), windows[best].tolist()
    return PairSTDP(a_plus, a_minus, tau_plus, tau_minus, scheme), float(errors[best])


def least_error_with_measured_windows(dataset: str | Dataset) -> float:
    """The smallest E of pair STDP with the measured windows, over amplitudes of any size and sign and both schemes."""
    measured = np.array([[TAU_PLUS, TAU_MINUS]])
    return min(float(pair_errors(dataset, measured, scheme, any_sign=True)[0][0]) for scheme in SCHEMES)


def largest_triplet_difference(n: int, seed: int, timings: tuple[float, ...] = (5.0, 10.0)) -> float:
    """Largest difference between the changes by (-T, T) and (T, -T) over ``n`` random pair rules of each scheme."""
    protocols = [p for t in timings for p in (pre_post_pre(t, -t, 0.1, 1), post_pre_post(-t, t, 0.1, 1))]
    draws = np.random.default_rng(seed).uniform((0, 0, 1, 1), (1, 1, 200, 200), size=(n, 4))
    changes = [
        PairSTDP(plus, minus, tau_plus, tau_minus, scheme).weight_changes(protocols)
        for scheme in SCHEMES
        for plus, minus, tau_plus, tau_minus in draws.tolist()
    ]
    return max(float(np.abs(change[::2] - change[1::2]).max()) for change in changes)
