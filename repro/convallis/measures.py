"""What a population's spike counts and weights tell of digits: shares of variance, separations, correlations.

All take a batch: whatever axes stand before the last two are kept. Cells that never vary (silent ones, above all) have
nothing to be explained; each measure says what they count as, so that a collapse is seen and not dropped.
Skewness and the share of time in the valley are those of :class:`repro.convallis.outcome.Potentials`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Real

from repro.errors import Mistake


def eta_squared(
    counts: Real[np.ndarray, "*batch trials cells"], digits: Int[np.ndarray, "trials"]
) -> Float[np.ndarray, "*batch cells"]:
    """Share of a cell's count variance that the digit explains: sum of squares between digits over the total, 0 to 1.

    0 for a cell whose count never varies. Never quite 0 by chance: see :func:`eta_squared_by_chance`.
    Raises Mistake if there is one digit alone.
    """
    each, members = np.unique(digits, return_inverse=True)
    if len(each) < 2:
        raise Mistake(f"eta_squared: the digits are {each.tolist()}; two at least are needed")
    centred = counts - counts.mean(axis=-2, keepdims=True)
    member = np.equal.outer(np.arange(len(each)), members).astype(float)  # digits x trials
    sizes = member.sum(axis=1)
    between = (np.square(member @ centred) / sizes[:, None]).sum(axis=-2)
    total = np.square(centred).sum(axis=-2)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def eta_squared_by_chance(trials: int, digits: int) -> float:
    """What η² is on average when counts have nothing to do with digits: (digits - 1) / (trials - 1)."""
    return (digits - 1) / (trials - 1)


def d_prime(
    counts: Real[np.ndarray, "*batch trials cells"], digits: Int[np.ndarray, "trials"], one: int, other: int
) -> Float[np.ndarray, "*batch cells"]:
    """Mean count at ``one`` minus that at ``other``, over the root of the mean of their two variances.

    0 where neither the means nor the counts of a digit differ; infinite where only the means do.
    Raises Mistake naming a digit that has fewer than two trials.
    """
    parts = []
    for digit in (one, other):
        chosen = counts[..., digits == digit, :]
        if chosen.shape[-2] < 2:
            raise Mistake(f"d_prime: digit {digit} has {chosen.shape[-2]} trials; two at least are needed")
        parts.append((chosen.mean(axis=-2), chosen.var(axis=-2, ddof=1)))
    (mean, variance), (other_mean, other_variance) = parts
    difference, spread = mean - other_mean, np.sqrt((variance + other_variance) / 2)
    without_spread = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return np.divide(difference, spread, out=without_spread, where=spread > 0)


def pair_correlation(
    counts: Real[np.ndarray, "*batch trials cells"], digits: Int[np.ndarray, "trials"] | None = None
) -> Float[np.ndarray, "*batch"]:
    """Mean correlation of the counts of two cells, over all pairs of cells that vary; NaN for fewer than two.

    With ``digits``, of what is left when each digit's mean is taken away ("noise" correlation). Given weights
    (inputs in the place of trials) it says how far cells share one filter.
    """
    left = counts - counts.mean(axis=-2, keepdims=True)
    if digits is not None:
        for digit in np.unique(digits):
            left[..., digits == digit, :] -= left[..., digits == digit, :].mean(axis=-2, keepdims=True)
    length = np.sqrt(np.square(left).sum(axis=-2, keepdims=True))
    # a remainder of rounding is no variation
    varies = length > 1e-9 * (1 + np.abs(counts).sum(axis=-2, keepdims=True))
    unit = np.divide(left, length, out=np.zeros_like(left), where=varies)
    n = varies.sum(axis=(-2, -1))
    # the squared length of the sum of n unit vectors is n plus twice the sum over pairs
    pairs = np.square(unit.sum(axis=-1)).sum(axis=-1) - n
    return np.divide(pairs, n * (n - 1), out=np.full(n.shape, np.nan), where=n > 1)


def mean_difference(
    inputs: Real[np.ndarray, "trials inputs"], digits: Int[np.ndarray, "trials"], one: int, other: int
) -> Float[np.ndarray, "inputs"]:
    """Each input's mean at ``one`` minus that at ``other``: the filter that would tell them apart by counts.

    Raises Mistake naming a digit without trials.
    """
    for digit in (one, other):
        if not (digits == digit).any():
            raise Mistake(f"mean_difference: digit {digit} has no trial")
    return inputs[digits == one].mean(axis=0) - inputs[digits == other].mean(axis=0)


def filter_correlation(
    weights: Real[np.ndarray, "*batch inputs cells"], reference: Real[np.ndarray, "inputs"]
) -> Float[np.ndarray, "*batch cells"]:
    """Correlation over inputs of each cell's weights with a reference filter; 0 where the weights are all equal.

    Raises Mistake for a reference whose values are all equal.
    """
    wanted = reference - reference.mean()
    if not np.any(wanted):
        raise Mistake(f"filter_correlation: the reference is {reference[0]:g} at every input; it must vary")
    left = weights - weights.mean(axis=-2, keepdims=True)
    along = np.einsum("...ic,i->...c", left, wanted / np.linalg.norm(wanted))
    length = np.sqrt(np.square(left).sum(axis=-2))
    return np.divide(along, length, out=np.zeros_like(along), where=length > 0)


def silent(counts: Real[np.ndarray, "*batch trials cells"]) -> Bool[np.ndarray, "*batch cells"]:
    """Whether a cell spiked in no trial."""
    return np.asarray((counts <= 0).all(axis=-2))


def paired_differences(
    table: pd.DataFrame,
    value: str,
    between: str,
    one: str,
    other: str,
    pairs: Sequence[str] = ("seed", "speaker"),
    over: Sequence[str] = (),
) -> pd.Series:
    """``value`` at ``one`` minus ``value`` at ``other``, pair by pair, of a tidy table of measurements.

    Parameters
    ----------
    table : one row a measurement
    value : column of what was measured
    between : column that says whose it is, such as "rule"
    one, other : two of its entries
    pairs : columns that both must agree in, such as seed and speaker left out
    over : those of them that are averaged over at the end, so that one sample remains for each of the others

    Raises Mistake if a pair lacks its partner, has two, or there is none.
    """
    sides = {}
    for side in (one, other):
        rows = table[table[between] == side].set_index(list(pairs))[value]
        if rows.empty or rows.index.has_duplicates:
            what = "no row" if rows.empty else f"two rows of one {' and '.join(pairs)}"
            raise Mistake(f"paired_differences: {between} {side!r} has {what}; one a pair is needed")
        sides[side] = rows
    lonely = sides[one].index.symmetric_difference(sides[other].index)
    if len(lonely):
        first = ", ".join(f"{name} {entry}" for name, entry in lonely.to_frame(index=False).iloc[0].items())
        raise Mistake(f"paired_differences: {first} is only on one side of {one} and {other}")
    difference = (sides[one] - sides[other].reindex(sides[one].index)).rename(f"{one} minus {other}")
    kept = [name for name in pairs if name not in over]
    return difference.groupby(level=kept).mean() if over else difference
