"""Further measurements that may be shown but not passed on: read from the reader's own copy, never shipped.

Each is a data set of the registry (``python -m repro data list``) without a public source that we could name; put the
files into the folder ``REPRO_DATA_DIR``. Changes are fractions of the initial weight, timings t_post - t_pre in ms.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from repro import data
from repro.spike_triplets.datasets import Dataset

TRIPLETS, WINDOW, CLAMP = "triplet_recordings", "stdp_window", "voltage_clamp"
PERCENT = 100.0
_KINDS = {2: "triplet", 4: "triplet mean", 3: "quadruplet"}


def single_recordings(found: data.Files | None = None) -> pd.DataFrame:
    """Single recordings of triplets and quadruplets in hippocampal culture [wang2005coactivation].

    Columns ``kind`` (pre-post-pre, post-pre-post, quadruplet), ``first`` and ``second`` (timings of the two
    neighbouring pairs, ms; of a quadruplet T and nothing), ``change``, ``sem`` (0 for a single recording), ``is_mean``.

    In the source's triplet rows the two times are t_pre - t_post, hence the change of sign here.
    """
    files = found or data.files(TRIPLETS)
    table = pd.read_csv(files.paths["kernel_training_data_auto.csv"])
    table = table[table.ptl_idx.isin(_KINDS)]
    is_quadruplet = table.ptl_idx == 3
    kind = np.where(table.pre_spk_num == 2, "pre-post-pre", "post-pre-post")
    return pd.DataFrame(
        {
            "kind": np.where(is_quadruplet, "quadruplet", kind),
            "first": np.where(is_quadruplet, table.dt2, -table.dt1),
            "second": np.where(is_quadruplet, np.nan, -table.dt2),
            "change": table.dw_mean / PERCENT,
            "sem": table.dw_ste / PERCENT,
            "is_mean": (table.ptl_idx == 4).to_numpy(),
        }
    ).reset_index(drop=True)


def beside(changes: pd.DataFrame, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Row of ``dataset`` that each recording of a triplet belongs to, and its change; others are left out."""
    rows, found = [], []
    for kind, first, second, change in changes[["kind", "first", "second", "change"]].to_numpy().tolist():
        name = f"({first:g}, {second:g})"
        if name in dataset.points and kind in dataset.groups:
            rows.append(dataset.points.index(name))
            found.append(change)
    return np.array(rows, dtype=int), np.array(found, dtype=float)


def table_asymmetry(dataset: Dataset, timing: float) -> tuple[float, float]:
    """Change of (-T, T) minus that of (T, -T) in a table, and the standard error of that difference."""
    rows = [dataset.points.index(point) for point in (f"(-{timing:g}, {timing:g})", f"({timing:g}, -{timing:g})")]
    return float(dataset.change[rows[0]] - dataset.change[rows[1]]), float(np.hypot(*dataset.sem[rows]))


def asymmetry(changes: pd.DataFrame, timing: float) -> tuple[float, float]:
    """The same from single recordings: difference of the means, and its standard error."""
    means, variances = [], []
    for kind, first in (("post-pre-post", -timing), ("pre-post-pre", timing)):
        of_kind = (changes.kind == kind) & ~changes.is_mean
        values = changes[of_kind & (changes["first"] == first) & (changes.second == -first)].change
        means.append(values.mean())
        variances.append(values.var(ddof=1) / len(values))
    return float(means[0] - means[1]), float(np.sqrt(sum(variances)))


def window_points(found: data.Files | None = None) -> pd.DataFrame:
    """Digitised points of a spike-timing window, 60 pairs at 1 Hz [bi1998synaptic]: ``timing`` (ms), ``change``.

    Points within 3 ms of zero may have the wrong sign of the timing.
    """
    files = found or data.files(WINDOW)
    table = pd.read_csv(files.paths["bi_poo_stdp_points.csv"], header=None, names=["timing", "change"])
    return table.assign(change=table.change / PERCENT)


def clamp_points(found: data.Files | None = None) -> pd.DataFrame:
    """Weight change over the clamped membrane potential: ``potential`` (mV), ``change``, ``upper`` (end of the bar).

    Which article the points come from, and whether the bars are SEM or SD, is not known.
    """
    files = found or data.files(CLAMP)
    names = ("ngezahayo_artola_voltage_clamp.csv", "ngezahayo_artola_errorbars.csv")
    means, ends = (pd.read_csv(files.paths[name], header=None).to_numpy() for name in names)
    order, ordered = np.argsort(means[:, 0]), np.argsort(ends[:, 0])
    return pd.DataFrame(
        {"potential": means[order, 0], "change": means[order, 1] - 1.0, "upper": ends[ordered, 1] - 1.0}
    )
