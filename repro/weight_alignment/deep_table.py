"""The tables of the stored deep runs in ``sweeps/``: what is run with each rule's settings, in order of weight."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from repro.weight_alignment.deep_space import DEEP_FAMILIES, flags, settings
from repro.weight_alignment.rules import RULES

SEEDS = (0, 1, 2)
NOISY = ("BP", "SA", "AA", "KP")
NOISY_FEEDBACK = ("SA", "KP")
LEVELS = (0.0, 0.01, 0.03, 0.1, 0.3)  # standard deviation of the noise; it enters times the learning rate
GAINS = (0.5, 1.0, 2.0)  # of symmetric alignment's feedback over the weight
GAIN_MODELS = ("resnet8", "resnet20", "resnet56")
HELD_OUT = 1000  # training images that no run learns from: the search was judged on them

COMMON: Mapping[str, Any] = {"data": "cifar10", "validation": HELD_OUT, "batch": 32, "schedule": "cosine"}
PARTS: Mapping[str, Mapping[str, Any]] = {
    "accuracy": {"model": "resnet8", "n_images": 2500, "epochs": 10, "angles": True},
    "depth": {"n_images": 2500, "epochs": 2, "n_test": 4000},
    "noise": {"model": "resnet8", "n_images": 2500, "epochs": 2, "n_test": 4000},
    "gain": {"n_images": 2500, "epochs": 4, "n_test": 4000},
    "whole": {"model": "resnet8", "epochs": 10, "angles": True},
}
"""What the runs of each part share; the names of runs begin with their part."""

GPU_MODELS = ("resnet20", "resnet18", "resnet56")
GPU_COMMON: Mapping[str, Any] = {
    "data": "cifar10",
    "validation": HELD_OUT,
    "batch": 256,
    "schedule": "official",
    "epochs": 10,  # the schedule of 90, shortened
    "precision": "bf16",
    "graph": True,
    "angles": True,
    "checkpoint_epochs": 10,
    "log_every": 100,
}
"""What all runs of the campaign for a GPU share."""

Point = Mapping[str, float]
Run = tuple[str, dict[str, Any]]


def accuracy(part: str, points: Mapping[str, Point], seed: int) -> Iterable[Run]:
    """Every rule with the settings of its search: "accuracy" on few images, "whole" on all that are there."""
    for rule in RULES:
        yield f"{part}-{rule}-{seed}", {**PARTS[part], **settings(DEEP_FAMILIES[rule], points[rule]), "seed": seed}


def depth(points: Mapping[str, Point], seed: int) -> Iterable[Run]:
    """Every rule on ResNet-8, where it was tuned, and on ResNet-20 with the same settings."""
    for rule in RULES:
        for model in ("resnet8", "resnet20"):
            chosen = settings(DEEP_FAMILIES[rule], points[rule])
            yield f"depth-{model}-{rule}-{seed}", {**PARTS["depth"], "model": model, **chosen, "seed": seed}


def noise(points: Mapping[str, Point], seed: int) -> Iterable[Run]:
    """Noise on every update, and on those of the feedback alone.

    All rules at backpropagation's rate and with feedback of the weight's norm: a larger rate or gain makes a given
    noise matter less.
    """
    for feedback_only, rules, levels in ((False, NOISY, LEVELS), (True, NOISY_FEEDBACK, LEVELS[1:])):
        for level in levels:
            for rule in rules:
                chosen = settings(DEEP_FAMILIES[rule], points[rule]) | {"rate": points["BP"]["rate"]}
                if rule != "BP":
                    chosen |= {"match_norm": True, "feedback_noise": level}
                if not feedback_only:
                    chosen |= {"noise": level}
                kind = "backward" if feedback_only else "noise"
                yield f"{kind}-{rule}-{level:g}-{seed}", {**PARTS["noise"], **chosen, "seed": seed}


def gain(points: Mapping[str, Point], seed: int) -> Iterable[Run]:
    """Symmetric alignment at three gains, and backpropagation, all at the one's own rate, over depth.

    Nothing but the gain differs, so that it can't be taken for another learning rate.
    """
    for model in GAIN_MODELS:
        shared = {**PARTS["gain"], "model": model}
        for ratio in GAINS:
            chosen = settings(DEEP_FAMILIES["SA"], {**points["SA"], "gain": ratio})
            yield f"gain-{model}-SA-{ratio:g}-{seed}", {**shared, **chosen, "seed": seed}
        chosen = settings(DEEP_FAMILIES["BP"], {"rate": points["SA"]["rate"]})
        yield f"gain-{model}-BP-1-{seed}", {**shared, **chosen, "seed": seed}


def runs(points: Mapping[str, Point]) -> list[Run]:
    """All runs, the most telling first."""
    first, *others = SEEDS
    found: list[Run] = [*accuracy("accuracy", points, first), *depth(points, first), *noise(points, first)]
    for seed in others:
        found += accuracy("accuracy", points, seed)
    for seed in others:
        found += [*depth(points, seed), *noise(points, seed)]
    for seed in SEEDS:
        found += gain(points, seed)
    for seed in SEEDS:
        found += accuracy("whole", points, seed)
    return [(name, {**COMMON, **values}) for name, values in found]


def gpu_runs(points: Mapping[str, Point]) -> list[Run]:
    """Every rule on all images by the official schedule, on the network of the search and on two others.

    A campaign that ends early has whole seeds: all networks once, then the other seeds, the dearest network last.
    """
    first, *others = SEEDS
    *light, dear = GPU_MODELS
    order = [(model, first) for model in GPU_MODELS] + [(model, seed) for seed in others for model in light]
    found = []
    for model, seed in (*order, *((dear, seed) for seed in others)):
        for rule in RULES:
            chosen = settings(DEEP_FAMILIES[rule], points[rule])
            found.append((f"full-{model}-{rule}-{seed}", {**GPU_COMMON, "model": model, **chosen, "seed": seed}))
    return found


def table(found: Iterable[Run], gpus: int = 0) -> str:
    """Runs as the text of a table for :mod:`repro.sweeps`."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["name", "program", "options", *(["gpus"] if gpus else [])])
    for name, values in found:
        lines.writerow([name, "train", shlex.join(flags(values)), *([gpus] if gpus else [])])
    return text.getvalue()
