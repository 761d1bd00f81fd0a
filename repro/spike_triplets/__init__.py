"""Spike-timing rules on pairs, triplets and quadruplets: protocols, rules, measured points, fits, Brian2 versions.

>>> from repro.spike_triplets import error, published
>>> error(published("visual", "all-to-all", "full"), "sjostrom2001") < 1
True
"""

from repro.spike_triplets.datasets import Dataset, load, read_table
from repro.spike_triplets.families import FAMILIES, Box, Family
from repro.spike_triplets.fitting import Fit, error, fit, misses
from repro.spike_triplets.parameter_sets import published, published_sets
from repro.spike_triplets.protocols import (
    Protocol,
    bursts,
    pairs,
    poisson,
    post_pre_post,
    pre_post_pre,
    quadruplet,
)
from repro.spike_triplets.rules import BCM, NoChange, PairSTDP, Rule, TripletSTDP, weight_changes
from repro.spike_triplets.valley import ValleyRule
from repro.spike_triplets.voltage import AdEx, VoltageRule

__all__ = [
    "BCM",
    "FAMILIES",
    "AdEx",
    "Box",
    "Dataset",
    "Family",
    "Fit",
    "NoChange",
    "PairSTDP",
    "Protocol",
    "Rule",
    "TripletSTDP",
    "ValleyRule",
    "VoltageRule",
    "bursts",
    "error",
    "fit",
    "load",
    "misses",
    "pairs",
    "poisson",
    "post_pre_post",
    "pre_post_pre",
    "published",
    "published_sets",
    "quadruplet",
    "read_table",
    "weight_changes",
]
