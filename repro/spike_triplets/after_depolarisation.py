"""What the valley rule owes to the after-depolarisation: STDP does not come by itself.

Pre before post meets the brief spike above θ+, post before pre meets what is left of the depolarisation behind it.
The weight change of a protocol is a P - b D, with integrals P and D of the membrane potential that do not depend on the
amplitudes; what amplitudes can do is therefore a question of a few inequalities, answered exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import qmc

from repro.spike_triplets.datasets import Dataset
from repro.spike_triplets.families import FAMILIES, Family
from repro.spike_triplets.fitting import Fit, fit
from repro.spike_triplets.protocols import Protocol, pairs
from repro.spike_triplets.valley import ValleyRule

NEGLIGIBLE_MS = 1e-6  # an integral this small, over a whole pair, is none


def windows_by_amplitude(
    rule: ValleyRule, timings: Float[np.ndarray, "timings"], amplitudes: Float[np.ndarray, "amplitudes"]
) -> Float[np.ndarray, "amplitudes timings"]:
    """Weight change by 60 pairs at 1 Hz over timing (ms), for after-depolarisations of ``amplitudes`` (mV)."""
    protocols = [pairs(float(timing), 1.0) for timing in timings]
    return np.stack([replace(rule, after_depolarisation=float(a)).weight_changes(protocols) for a in amplitudes])


def sample_of_the_box(n: int, seed: int, timing: float = 10.0, beyond: float = 2.0) -> pd.DataFrame:
    """Space-filling parameter sets of the valley family, and whether some amplitudes give STDP at ±``timing`` ms.

    STDP here: potentiation at +timing, depression at -timing, and the latter at least ``beyond`` times that by
    presynaptic spikes alone, without which depression has no timing. For the ratio a/b these are three inequalities.

    Columns: the searched parameters, ``possible``, and ``ratio``, the smallest a/b that potentiates at +timing.
    """
    family = FAMILIES["valley"]
    shares = qmc.Sobol(len(family.boxes), rng=np.random.default_rng(seed)).random(n)
    values = family.values(shares)
    alone = Protocol((0.0,), (), 1.0, 60)
    sums = family.sums([pairs(timing, 1.0), pairs(-timing, 1.0), alone], values)
    (up_plus, up_minus, up_alone), (down_plus, down_minus, down_alone) = sums[:, :, 0].T, -sums[:, :, 1].T
    lowest, highest = _ratio(down_plus, up_plus), _ratio(down_minus, up_minus)
    slope, least = beyond * up_alone - up_minus, beyond * down_alone - down_minus
    edge = least / np.where(slope == 0, 1.0, slope)  # slope a/b >= least
    low = np.where(slope > 0, np.maximum(lowest, edge), lowest)
    high = np.where(slope < 0, np.minimum(highest, edge), highest)
    table = pd.DataFrame(values, columns=list(family.boxes))
    return table.assign(possible=(low < high) & ((slope != 0) | (least <= 0)), ratio=lowest)


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Their ratio, infinite where there is nothing to divide by."""
    return np.divide(over, under, out=np.full_like(over, np.inf), where=under > NEGLIGIBLE_MS)


def share_by_amplitude(sample: pd.DataFrame, edges: Float[np.ndarray, "edges"]) -> pd.DataFrame:
    """Share of the sets that can give STDP, in bins of the after-depolarisation (mV): ``middle, share, n``."""
    place = np.digitize(sample.after_depolarisation, edges) - 1
    grouped = sample.possible.groupby(place).agg(["mean", "size"])
    middle = 0.5 * (edges[:-1] + edges[1:])
    return pd.DataFrame(
        {"middle": middle[grouped.index], "share": grouped["mean"].to_numpy(), "n": grouped["size"].to_numpy()}
    )


def held_at(amplitude: float) -> Family:
    """The valley family with its after-depolarisation fixed at ``amplitude`` mV: one free parameter fewer."""
    family = FAMILIES["valley"]
    boxes = {name: box for name, box in family.boxes.items() if name != "after_depolarisation"}
    column = list(family.boxes).index("after_depolarisation")

    def sums(protocols: Sequence[Protocol], values: np.ndarray) -> np.ndarray:
        return family.sums(protocols, np.insert(values, column, amplitude, axis=1))

    return replace(
        family, name=f"valley, A = {amplitude:g} mV", boxes=boxes, sums=sums,
        build=lambda found: family.build(found | {"after_depolarisation": amplitude}),
    )  # fmt: skip


def profile(
    dataset: str | Dataset,
    amplitudes: Float[np.ndarray, "amplitudes"],
    seed: int,
    pool: int = 256,
    starts: int = 8,
) -> list[Fit]:
    """The valley rule fitted with each after-depolarisation (mV) in turn, all else free."""
    return [fit(held_at(float(a)), dataset, seed, pool=pool, starts=starts) for a in amplitudes]


def neighbours(fits: Sequence[Fit], best: Fit, least: float = 2.0) -> str:
    """What E becomes when the after-depolarisation is held a little below and above that of the best fit, in words."""
    at = best.parameters["after_depolarisation"]
    below = [f for f in fits if f.rule.after_depolarisation < at - least]  # type: ignore[attr-defined]
    above = [f for f in fits if f.rule.after_depolarisation > at + least]  # type: ignore[attr-defined]
    parts = [f"{f.error:.2f} at {f.rule.after_depolarisation:.1f} mV" for f in (below[-1:] + above[:1])]  # type: ignore[attr-defined]
    return " and ".join(parts)
