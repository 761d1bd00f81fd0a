"""What the tables of a search over all sets say: accuracy by set, loss in transfer, luck, and what predicts accuracy.

``trials`` is a table of ``matrix_search.trials_table``, ``final`` one of ``matrix_final.measure``. A row of a result is
one search, by its sampler seed; accuracies are in percent and differences in percentage points.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from repro.weight_alignment.primitive_sets import REFERENCES


def by_set(final: pd.DataFrame, condition: str, arms: Sequence[str], value: str = "accuracy") -> pd.DataFrame:
    """Mean over networks, and over arms if there are several: one row a search, one column a set."""
    chosen = final[(final.condition == condition) & final.arm.isin(arms)]
    return chosen.pivot_table(index="sampler_seed", columns="set", values=value, aggfunc="mean", sort=False)


def lost(final: pd.DataFrame, condition: str, arms: Sequence[str]) -> pd.DataFrame:
    """Test accuracy that each set loses when its settings go to another network: one row a search, one column a set."""
    return by_set(final, "test", arms) - by_set(final, condition, arms)


def best_by_validation(trials: pd.DataFrame, arm: str, sets: Sequence[str]) -> dict[Hashable, str]:
    """The set with the best score of each search, among some."""
    own = trials[(trials.arm == arm) & (trials["sampler"] == "tpe") & trials["set"].isin(sets)]
    return own.loc[own.groupby("sampler_seed").score.idxmax()].set_index("sampler_seed")["set"].to_dict()


def accuracy_of_best(trials: pd.DataFrame, final: pd.DataFrame, arms: Sequence[str], sets: Sequence[str]) -> pd.Series:
    """Test accuracy of the set that validation would pick among some, mean over arms: one value a search."""
    found = []
    for arm in arms:
        table = by_set(final, "test", [arm])
        best = best_by_validation(trials, arm, sets)
        found.append(pd.Series([table.at[seed, name] for seed, name in best.items()], index=list(best)))
    return pd.concat(found, axis=1).mean(axis=1)


def best_so_far(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials with the column ``best``: the best score of the set's search up to each, so any budget can be read."""
    keys = ["arm", "sampler", "sampler_seed", "set"]
    ordered = trials.sort_values([*keys, "trial"])
    return ordered.assign(best=ordered.groupby(keys).score.cummax())


def share_within(trials: pd.DataFrame, arms: Sequence[str], fraction: float = 0.9) -> pd.DataFrame:
    """Percent of random trials that reach a fraction of backprop's best: one row a sampler seed, one column a set."""
    own = trials[(trials["sampler"] == "random") & trials.arm.isin(arms)]
    bar = own[own["set"] == "BP"].groupby(["arm", "sampler_seed"])["mean"].max().rename("bar")
    joined = own.join(bar, on=["arm", "sampler_seed"])
    reached = joined.assign(share=100.0 * (joined["mean"] >= fraction * joined["bar"]))
    return reached.pivot_table(index="sampler_seed", columns="set", values="share", aggfunc="mean", sort=False)


def promise_gap(trials: pd.DataFrame, final: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Validation accuracy of the best trial minus that of fresh networks with its settings: the winner's curse."""
    own = trials[(trials["sampler"] == "tpe") & trials.arm.isin(arms)]
    best = own.loc[own.groupby(["arm", "sampler_seed", "set"]).score.idxmax()]
    promised = 100 * best.pivot_table(index="sampler_seed", columns="set", values="mean", aggfunc="mean", sort=False)
    return promised - by_set(final, "validation", arms)


def search_gain(trials: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Best score of the estimator's search minus that of random trials: one row a pair of seeds, one column a set."""
    own = trials[trials.arm.isin(arms)]
    best = own.groupby(["sampler", "arm", "sampler_seed", "set"], sort=False).score.max()
    return 100 * (best["tpe"] - best["random"]).groupby(["sampler_seed", "set"], sort=False).mean().unstack("set")


def centring_gain(trials: pd.DataFrame, arm: str, sets: Sequence[str]) -> pd.Series:
    """Best score among random trials with centred minus without centred input, mean over sets: one value a seed."""
    own = trials[(trials["sampler"] == "random") & (trials.arm == arm) & trials["set"].isin(sets)]
    centred = own.p_centre.astype(str) == "True"
    best = 100 * own.assign(centred=centred).groupby(["sampler_seed", "set", "centred"]).score.max().unstack("centred")
    return (best[True] - best[False]).groupby("sampler_seed").mean()


def plain(trials: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Random trials of one arm whose feedback moves by plain descent, of the sets alone."""
    own = trials[(trials["sampler"] == "random") & (trials.arm == arm) & ~trials["set"].isin(REFERENCES)]
    return own[(own.p_optimiser == "descent") | (own["set"] == "none")]


def median_gain(trials: pd.DataFrame, lost_counts_as: float = 3.0) -> pd.Series:
    """Median log10 gain of each set over plain random trials of the free arm; a trial that was lost counts as grown."""
    own = plain(trials, "free")
    return own.gain.where(own.gain.notna(), lost_counts_as).groupby(own["set"], sort=False).median()


def predictors(trials: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Rank correlation of a random trial's accuracy with its angle, with how far its gain is from 1, and with its lag.

    The lag is 1 over the feedback's rate, in steps; it is known of plain descent alone. Trials with lost networks, and
    the references, are left out. One row a sampler seed.
    """
    own = trials[(trials["sampler"] == "random") & (trials.arm == arm) & ~trials["set"].isin(REFERENCES)]
    rows = {}
    for seed, group in own[own.diverged == 0].groupby("sampler_seed"):
        descent = group[group.p_optimiser == "descent"]
        rows[seed] = {
            "angle": _rank(group["mean"], group.angle),
            "gain": _rank(group["mean"], group.gain.abs()) if arm == "free" else np.nan,
            "lag": _rank(descent["mean"], 1 / descent.p_feedback_rate),
            "weights' rate": _rank(group["mean"], group.p_rate),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("sampler_seed")


def rank_over_sets(first: pd.DataFrame, second: pd.DataFrame, sets: Sequence[str]) -> pd.Series:
    """Rank correlation over sets of two tables with one row a search."""
    return pd.Series({seed: _rank(first.loc[seed, list(sets)], second.loc[seed, list(sets)]) for seed in first.index})


def _rank(first: pd.Series, second: pd.Series) -> float:
    there = first.notna().to_numpy() & second.notna().to_numpy()
    if min(first[there].nunique(), second[there].nunique()) < 2:
        return float("nan")  # what does not vary predicts nothing
    return float(spearmanr(first.to_numpy()[there], second.to_numpy()[there]).statistic)
