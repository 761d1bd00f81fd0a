"""Time of a training step of deep networks by rule, and what the paper's training on ImageNet would take from it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from repro.weight_alignment.convert import convert
from repro.weight_alignment.cost import measure, theoretical_ratio, training_step
from repro.weight_alignment.deep_models import build
from repro.weight_alignment.rules import RULES

IMAGENET_IMAGES = 1_281_167  # training images
IMAGENET_EPOCHS = 90  # the authors' default
WORKLOADS = (("resnet8", 32, 32), ("resnet20", 32, 32), ("resnet18", 224, 2))
"""Model, pixels a side, images a step."""


def step_times(
    model: str, side: int, batch: int, rounds: int, rules: Sequence[str] = tuple(RULES), seed: int = 0
) -> pd.DataFrame:
    """Time of a step by rule, all in this process, the rules taking turns; random images.

    What counts is processor time, which is a step's time on one thread of an otherwise idle machine.

    Returns
    -------
    One row a rule: ``model``, ``side``, ``batch``, ``rule``, ``milliseconds`` (median), ``ratio`` (median of the
    round's ratios to backpropagation), ``ratio_low``, ``ratio_high`` (quartiles), ``theory`` (multiplications of a
    layer inside the network), ``rounds``.
    """
    classes = 1000 if side > 64 else 10
    names = ["BP", *(name for name in rules if name != "BP")]
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, 3, side, side, generator=generator)
    labels = torch.randint(classes, (batch,), generator=generator)
    networks = {name: convert(build(model, 3, side, classes), RULES[name], generator=generator) for name in names}
    steps = {name: training_step(each, images, labels) for name, each in networks.items()}
    seconds = measure(steps, rounds, seed, time.process_time)
    rows = []
    for name, times in seconds.items():
        low, middle, high = np.quantile(times / seconds["BP"], [0.25, 0.5, 0.75])
        row = {"model": model, "side": side, "batch": batch, "rule": name, "milliseconds": 1e3 * np.median(times)}
        row |= {"ratio": middle, "ratio_low": low, "ratio_high": high, "theory": theoretical_ratio(RULES[name])}
        rows.append(row | {"rounds": rounds})
    return pd.DataFrame(rows)


def imagenet_days(times: pd.DataFrame) -> pd.Series:
    """Days that the authors' 90 epochs of ImageNet would take at the measured step times, by rule: an estimate."""
    own = times[times.side == 224].set_index("rule")
    return own.milliseconds / own.batch * IMAGENET_IMAGES * IMAGENET_EPOCHS / 1e3 / 86_400
