"""What each factor of a full two-level design does, alone and with another: contrasts of the 2^k means.

The main effect of a factor is the mean with it minus the mean without it. The interaction of two is half the difference
between the effect of one where the other is on and where it is off; 0 if their effects add up [box2005statistics].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float

from repro.weight_alignment.primitive_sets import FACTORS, all_sets, members

JOINT = " x "  # between the names of two factors that act together


def effects(values: pd.DataFrame, factors: Sequence[str] = FACTORS, order: int = 2) -> pd.DataFrame:
    """Main effects and interactions of the factors on a value that is known for every set.

    Parameters
    ----------
    values : one row a sample, one column a set (others are ignored)
    factors : the primitives that vary
    order : largest number of factors in an interaction

    Returns
    -------
    One row a sample, one column a term; "a x b" is the interaction of a and b.

    Raises
    ------
    ValueError
        If a set of the design is missing.
    """
    sets = all_sets(factors)
    missing = [name for name in sets if name not in values.columns]
    if missing:
        raise ValueError(f"effects: {len(missing)} of {len(sets)} sets are missing, among them {missing[0]!r}")
    terms, signs = contrasts(sets, factors, order)
    found = values[list(sets)].to_numpy(float) @ signs / (len(sets) / 2)
    return pd.DataFrame(found, index=values.index, columns=terms)


def contrasts(
    sets: Sequence[str], factors: Sequence[str], order: int = 2
) -> tuple[list[str], Float[np.ndarray, "sets terms"]]:
    """The terms up to an order, and each set's sign in each: the product of +1 (in the set) and -1 over its factors."""
    present = {name: np.array([1.0 if name in members(each) else -1.0 for each in sets]) for name in factors}
    terms = [chosen for size in range(1, order + 1) for chosen in combinations(factors, size)]
    signs = np.stack([np.prod([present[name] for name in chosen], axis=0) for chosen in terms], axis=1)
    return [JOINT.join(chosen) for chosen in terms], signs


def main_effects_among(values: pd.DataFrame, sets: Sequence[str], factors: Sequence[str] = FACTORS) -> pd.DataFrame:
    """Main effects by least squares among some of the sets, where the design is not balanced any more.

    Returns one row a sample, one column a factor: the difference that the factor makes, the others held.

    Raises
    ------
    ValueError
        If the sets don't tell the factors apart.
    """
    _, signs = contrasts(sets, factors, 1)
    design = np.column_stack([np.ones(len(sets)), signs / 2])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"main_effects_among: {len(sets)} sets do not tell {len(factors)} factors apart")
    solved = np.linalg.lstsq(design, values[list(sets)].to_numpy(float).T, rcond=None)[0]
    return pd.DataFrame(solved[1:].T, index=values.index, columns=list(factors))


def logit(percent: pd.DataFrame | np.ndarray, examples: int) -> pd.DataFrame | np.ndarray:
    """Log odds of an accuracy in percent, half an example added on both sides so that 0 and 100 % stay finite."""
    right = percent * (examples / 100)
    return np.log((right + 0.5) / (examples - right + 0.5))
