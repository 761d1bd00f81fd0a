"""What the stored deep runs say: accuracies by rule and seed, and the samples of the claims, one a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.weight_alignment.rules import RULES

CHANCE = 10.0  # percent; what a run that diverged counts as


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that were done, with ``accuracy``: on the test images, in percent, chance for one that diverged."""
    done = runs[runs.status != "not run"].copy()
    done["accuracy"] = done.test_accuracy.astype(float).where(done.status == "done", CHANCE)
    done["seed"] = done.seed.astype(int)
    return done


def state(runs: pd.DataFrame) -> pd.DataFrame:
    """How many runs of each part are planned, done, and among the done diverged; seeds and rules of those done."""
    rows = []
    for part, own in runs.groupby("part", sort=False):
        done = own[own.status != "not run"]
        seeds = ", ".join(str(int(seed)) for seed in sorted(done.seed.unique())) or "none"
        row = {"part": part, "planned": len(own), "done": len(done), "diverged": int((done.status == "nan").sum())}
        rows.append(row | {"seeds": seeds, "training images": _only(done.train_images), "epochs": _only(done.epochs)})
    return pd.DataFrame(rows)


def _only(values: pd.Series) -> str:
    return ", ".join(f"{value:g}" for value in sorted(values.unique())) or "none"


def by_model(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with their model as the part, where all belong to one part; the model stands second in a run's name."""
    return runs.assign(part=runs.name.str.split("-").str[1])


def by_seed(done: pd.DataFrame, part: str, model: str = "resnet8") -> pd.DataFrame:
    """Accuracy of a part's runs on a model: one row a seed, one column a rule, nan where a run is missing."""
    own = done[(done.part == part) & (done.model == model)]
    return own.pivot(index="seed", columns="rule", values="accuracy").reindex(columns=list(RULES)).astype(float)


def difference(table: pd.DataFrame, plus: Sequence[str], minus: Sequence[str]) -> np.ndarray:
    """Mean of some rules minus mean of others, of each seed that has them all."""
    whole = table[[*plus, *minus]].dropna()
    return (whole[list(plus)].mean(axis=1) - whole[list(minus)].mean(axis=1)).to_numpy()


def widening(
    done: pd.DataFrame,
    rules: Sequence[str],
    part: str = "depth",
    models: tuple[str, str] = ("resnet8", "resnet20"),
) -> pd.Series:
    """By how much the gap between backprop and the mean of some rules grows from one model to the other, by seed."""
    small, large = (by_seed(done, part, model)[["BP", *rules]].dropna() for model in models)
    gaps = [each["BP"] - each[list(rules)].mean(axis=1) for each in (small, large)]
    return (gaps[1] - gaps[0]).dropna()


def under_gain(done: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of the runs at one rate: one row a model and seed, one column a rule and gain, such as ("SA", 2).

    The gain stands fourth in a run's name; that of backpropagation is 1.
    """
    own = done[done.part == "gain"].copy()
    own["gain"] = own.name.str.split("-").str[3].astype(float)
    return own.pivot(index=["model", "seed"], columns=["rule", "gain"], values="accuracy").astype(float)


def at_gain(found: pd.DataFrame, model: str, plus: tuple[str, float], minus: tuple[str, float]) -> pd.Series:
    """Difference of two columns of ``under_gain`` in one model, by seed; empty until a run of both is there."""
    if model not in found.index.get_level_values("model") or not {plus, minus} <= set(found.columns):
        return pd.Series(dtype=float)
    own = found.loc[model]
    return (own[plus] - own[minus]).dropna()


def under_noise(done: pd.DataFrame) -> pd.DataFrame:
    """The noise runs: ``seed``, ``rule``, ``level``, ``only_feedback``, ``accuracy``.

    A run without noise stands in both arms.
    """
    every = done[done.part == "noise"].assign(level=lambda t: t.noise, only_feedback=False)
    back = done[done.part == "backward"].assign(level=lambda t: t.feedback_noise, only_feedback=True)
    quiet = every[(every.level == 0) & every.rule.isin(back.rule.unique())].assign(only_feedback=True)
    found = pd.concat([every, quiet, back], ignore_index=True)
    return found[["seed", "rule", "level", "only_feedback", "accuracy"]]


def over_levels(noisy: pd.DataFrame, levels: Sequence[float], only_feedback: bool = False) -> pd.DataFrame:
    """Mean accuracy over noise levels: one row a seed, one column a rule, nan unless a rule has all the levels."""
    own = noisy[(noisy.only_feedback == only_feedback) & noisy.level.isin(list(levels))]
    groups = own.groupby(["seed", "rule"]).accuracy
    means = groups.mean().where(groups.size() == len(set(levels)))
    return means.unstack("rule").reindex(columns=list(RULES)) if len(means) else pd.DataFrame(columns=list(RULES))


def peer_ratio(times: pd.DataFrame, peer: str, rule: str) -> pd.Series:
    """How many times longer a peer's step takes than a rule's, by side, of the workloads that timed both."""
    own = times.pivot(index=["side", "precision"], columns="rule", values="milliseconds").dropna(subset=[peer, rule])
    return (own[peer] / own[rule]).droplevel("precision")


def planned_levels(runs: pd.DataFrame) -> list[float]:
    """The noise levels of all planned runs, done or not; they stand third in a run's name."""
    noisy = runs[runs.part.isin(["noise", "backward"])].name
    return sorted({float(name.split("-")[2]) for name in noisy})


def tolerated(noisy: pd.DataFrame, levels: Sequence[float], fraction: float = 0.9) -> list[float]:
    """The levels above 0 at which backprop keeps a fraction of its accuracy, mean over seeds; none until all ran."""
    backprop = noisy[(noisy.rule == "BP") & ~noisy.only_feedback].groupby("level").accuracy.mean()
    if not set(levels) <= set(backprop.index):
        return []
    return [level for level in levels if level > 0 and backprop[level] >= fraction * backprop[0.0]]


def share_within(search: pd.DataFrame, family: str, fraction: float = 0.9) -> float:
    """Share of a family's trials whose accuracy reaches a fraction of backprop's best."""
    best = search[search.family == "BP"].accuracy.max()
    return float((search[search.family == family].accuracy >= fraction * best).mean())


def adam_advantage(search: pd.DataFrame, rules: Sequence[str]) -> np.ndarray:
    """Best accuracy of the search with Adam minus with plain descent, mean over rules; empty if a trial is missing."""
    groups = search.groupby("family").accuracy
    families = [name for rule in rules for name in (rule, f"{rule}-plain")]
    counts = groups.size().reindex(families).fillna(0)
    if counts.min() == 0 or counts.nunique() > 1:
        return np.array([])
    best = groups.max()
    return np.array([np.mean([best[rule] - best[f"{rule}-plain"] for rule in rules])])
