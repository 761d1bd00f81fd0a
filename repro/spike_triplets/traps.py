"""What the protocol does to the fame of parameters: published and fitted rules, contiguous pairs against bursts.

The published visual parameters go with 60 contiguous pairs at each rate; the experiment gave bursts of five pairs, 10 s
apart, and each burst begins with its slow traces empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from repro.spike_triplets.comparison import Contender, fixed
from repro.spike_triplets.datasets import Dataset
from repro.spike_triplets.fitting import error, fit
from repro.spike_triplets.parameter_sets import published_sets
from repro.spike_triplets.rules import Rule

CONTIGUOUS, MATCHED, AS_MEASURED = "60 contiguous pairs", "12 bursts of 5", "15 bursts of 5"


def protocols_of(dataset: Dataset) -> dict[str, Dataset]:
    """The points of a frequency data set under contiguous pairs, and under bursts of matched and of measured number."""
    return {
        CONTIGUOUS: dataset,
        MATCHED: dataset.under_bursts(repetitions=12),
        AS_MEASURED: dataset.under_bursts(repetitions=15),
    }


def published_contenders(preparation: str, dataset: Dataset) -> list[Contender]:
    """The four published sets of a preparation as contenders on a data set; nothing is fitted."""
    return [fixed(name, rule, dataset, kind="triplet") for name, rule in published_sets(preparation).items()]


def errors_by_protocol(rules: Mapping[str, Rule], dataset: Dataset) -> pd.DataFrame:
    """E of each rule under each protocol: rows are rules, columns protocols."""
    under = protocols_of(dataset)
    rows = {name: {how: error(rule, data) for how, data in under.items()} for name, rule in rules.items()}
    return pd.DataFrame(rows).T


def errors_by_burst(rules: Mapping[str, Rule], dataset: Dataset, sizes: Sequence[int], total: int = 60) -> pd.DataFrame:
    """E of each rule with ``total`` pairs in bursts of ``sizes`` pairs, 10 s apart: rows are sizes, columns rules."""
    under = {size: dataset.under_bursts(in_burst=size, repetitions=total // size) for size in sizes}
    errors = {name: {size: error(rule, data) for size, data in under.items()} for name, rule in rules.items()}
    return pd.DataFrame(errors)


def refitted_by_protocol(
    families: Sequence[str], dataset: Dataset, seed: int, pool: int = 256, starts: int = 8
) -> pd.DataFrame:
    """E of each family fitted anew under contiguous pairs and under 12 bursts: rows are families."""
    under = {how: data for how, data in protocols_of(dataset).items() if how != AS_MEASURED}
    rows = {
        name: {how: fit(name, data, seed, pool=pool, starts=starts).error for how, data in under.items()}
        for name in families
    }
    return pd.DataFrame(rows).T
