"""Estimates of the weights from a feedback phase, how they become feedback, and how good they are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from repro.spike_discontinuity.feedback_phase import Statistics

LEAST_WINDOWS = 10  # on each side, below which a regression on the drive is not attempted


def from_descent(
    descent: Float[np.ndarray, "lower 2 2 upper"], threshold: float = 1.0
) -> Float[np.ndarray, "upper lower"]:
    """As coded: the jump at threshold of the two lines that the descent has reached so far."""
    ends = descent[:, :, 0] * threshold + descent[:, :, 1]
    return (ends[:, 1] - ends[:, 0]).T


def constant(statistics: Statistics) -> Float[np.ndarray, "upper lower"]:
    """Mean effect with a spike minus without; NaN for a unit that has no window on a side."""
    windows = np.where(statistics.windows > 0, statistics.windows, np.nan)
    means = statistics.of_effect[:, :, 0] / windows[:, :, None]
    return (means[:, 1] - means[:, 0]).T


def linear(
    statistics: Statistics, threshold: float = 1.0, least: int = LEAST_WINDOWS
) -> Float[np.ndarray, "upper lower"]:
    """The jump at threshold of least-squares lines on both sides: what the descent as coded converges to.

    NaN for a unit that has fewer than ``least`` windows on a side, or the same drive in all of them.
    """
    n = np.where(statistics.windows >= max(least, 2), statistics.windows, np.nan)
    mean_z = statistics.of_drive[:, :, 0] / n
    spread = statistics.of_drive[:, :, 1] / n - mean_z**2
    spread = np.where(spread > 1e-12, spread, np.nan)
    mean_y = statistics.of_effect[:, :, 0] / n[:, :, None]
    slope = (statistics.of_effect[:, :, 1] / n[:, :, None] - mean_z[:, :, None] * mean_y) / spread[:, :, None]
    ends = mean_y + slope * (threshold - mean_z)[:, :, None]
    return (ends[:, 1] - ends[:, 0]).T


def sums(statistics: Statistics) -> Float[np.ndarray, "upper lower"]:
    """What the descent from 0 is close to while it has seen few windows: a difference of sums of y (1 + z), per rate.

    To first order in the rate each window adds its y times (z, 1) to slope and offset, so a unit with few windows
    reports little. Threshold 1.
    """
    total = statistics.of_effect.sum(2)
    return (total[:, 1] - total[:, 0]).T


def why_missing(statistics: Statistics, least: int = LEAST_WINDOWS) -> list[str]:
    """For each lower unit without an estimate, which side of the discontinuity has too few windows."""
    sides = ("without a spike", "with a spike")
    return [
        f"unit {unit}: {int(statistics.windows[unit, side])} windows {sides[side]}, {least} needed"
        for unit, side in zip(*np.nonzero(statistics.windows < least), strict=True)
    ]


def usable(estimate: Float[np.ndarray, "upper lower"]) -> Bool[np.ndarray, "upper lower"]:
    """Where there is an estimate: it is a number, and not 0 (no upper spike was seen)."""
    return np.isfinite(estimate) & (estimate != 0)


def transfer(
    feedback: Float[np.ndarray, "upper lower"], estimate: Float[np.ndarray, "upper lower"], spread: float
) -> Float[np.ndarray, "upper lower"]:
    """Feedback with the estimate's pattern and an imposed scale; where there is no estimate it stays as it is.

    ``spread`` is the standard deviation that the estimate gets: in the code, that of the initial feedback.
    """
    there = usable(estimate)
    size = estimate[there].std() if there.any() else 0.0
    if size == 0:
        return feedback.copy()
    return np.where(there, estimate * (spread / size), feedback)


def sign_agreement(feedback: Float[np.ndarray, "upper lower"], weight: Float[np.ndarray, "upper lower"]) -> float:
    """Share of the feedback that is not 0 which has the sign of its weight; NaN if there is none."""
    there = usable(feedback)
    return float(np.mean(np.sign(feedback[there]) == np.sign(weight[there]))) if there.any() else float("nan")


def correlation(estimate: Float[np.ndarray, "upper lower"], other: Float[np.ndarray, "upper lower"]) -> float:
    """Pearson correlation where both are there; NaN with fewer than three such entries or without spread."""
    both = np.isfinite(estimate) & np.isfinite(other)
    if both.sum() < 3 or estimate[both].std() == 0 or other[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(estimate[both], other[both])[0, 1])


def angle(estimate: Float[np.ndarray, "upper lower"], weight: Float[np.ndarray, "upper lower"]) -> float:
    """Degrees between both, flattened, missing estimates taken as 0; NaN if one has no length."""
    a, b = np.nan_to_num(estimate).ravel(), weight.ravel()
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(a @ b / length, -1, 1)))) if length > 0 else float("nan")
