"""Online rules: a neuron estimates the effect of its spike as it goes.

*Paired*, as the authors' code has it: a window just below the threshold is remembered until one just above follows;
only then V changes. With a⁻ = [1, 0, -z] and a⁺ = [1, z, 0] (z is drive minus threshold; [1, 0, 0] without slopes),

    V ← V - η [(V·a⁻ + C⁻) a⁻ + (V·a⁺ - C⁺) a⁺]

The residuals sum to 2V - (C⁺ - C⁻), so V settles at *half* the jump. *Unpaired*: a running mean on each side, V their
difference; neither in article nor code [lansdell2023neural].
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from repro.errors import Mistake
from repro.spike_discontinuity import online_kernels as kernels
from repro.spike_discontinuity.network import Record
from repro.spike_discontinuity.statistics import check_windows

RULES = {"paired": kernels.PAIRED, "paired-linear": kernels.PAIRED_LINEAR, "unpaired": kernels.UNPAIRED}


def rule_named(name: str) -> int:
    """The rule's number in the kernel. Raises Mistake naming those there are."""
    if name not in RULES:
        raise Mistake(f"rule is {name!r}; it can be {', '.join(RULES)}")
    return RULES[name]


def online_estimates(
    record: Record, window: float, rule: str = "paired", rate: float = 1.0, fades: bool = True, every: int = 1
) -> Float[np.ndarray, "replicas kept neurons"]:
    """What each neuron believes after every ``every``-th window of a record.

    Parameters
    ----------
    window : half-width around the threshold
    rule : ``paired``, ``paired-linear`` or ``unpaired``
    rate : η; of the unpaired rule the least step of its running means
    fades : η over the number of updates so far; of the unpaired rule, plain means
    """
    check_windows(window)
    if every < 1:
        raise Mistake(f"every is {every}; it must be at least 1")
    replicas, windows, neurons = record.z.shape
    out = np.zeros((replicas, windows // every, neurons))
    kernels.listen(record.z, record.cost, rule_named(rule), float(window), float(rate), fades, every, out)
    return out


def running_jump(record: Record, window: float, every: int = 1) -> Float[np.ndarray, "replicas kept neurons"]:
    """The constant batch estimate from all windows so far; NaN until both sides were seen."""
    check_windows(window)
    found = []
    for side in ((record.z > 0) & (record.z < window), (record.z < 0) & (record.z > -window)):
        count = np.cumsum(side, axis=1)
        total = np.cumsum(side * record.cost[..., None], axis=1)
        found.append(total / np.where(count > 0, count, np.nan))
    return (found[0] - found[1])[:, every - 1 :: every]


def settling_time(
    values: Float[np.ndarray, "replicas kept"], times: Float[np.ndarray, "kept"], share: float = 0.2
) -> Float[np.ndarray, "replicas"]:
    """The time from which each row stays within a share of its last value."""
    end = values[:, -1:]
    near = np.abs(values - end) <= share * np.abs(end)  # NaN is not near
    last_far = np.where(~near, np.arange(values.shape[1]), -1).max(1)
    return times[np.minimum(last_far + 1, len(times) - 1)]


def deviation_from_half(n_pairs: int, jump: float = 3.0, level: float = 2.0) -> float:
    """By how much the paired rule's end differs from half the jump, over the jump, on pairs of windows without noise.

    The cost is ``level`` below and ``level + jump`` above the threshold; constant rate of a tenth.
    """
    z = np.tile([-0.01, 0.01], n_pairs)[None, :, None]
    cost = np.tile([level, level + jump], n_pairs)[None]
    out = np.zeros((1, 1, 1))
    kernels.listen(z, cost, kernels.PAIRED, 0.1, 0.1, False, 2 * n_pairs, out)
    return float(abs(out[0, 0, 0] - jump / 2) / jump)
