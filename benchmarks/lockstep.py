"""Small networks in lockstep against the same networks one after another.

A section of ``python -m benchmarks.weight_alignment``: 128 networks 64-48x4-10, batch 32, on one thread. "alone" is the
lockstep code with one network at a time, "layers" the network converted with ``convert`` and trained by autograd and
torch's optimisers. You should see a table within two minutes. A ratio against the same code alone says what the network
axis gives; it is bounded by the speed of matrix products, which lockstep is left with.
"""

from __future__ import annotations

import time

import pandas as pd
import torch
from torch import nn

from repro.weight_alignment import RULES, Rule, convert
from repro.weight_alignment.cost import training_step
from repro.weight_alignment.learners import Learner, Shape
from repro.weight_alignment.lockstep import lockstep_throughput

SHAPE = Shape(64, (48, 48, 48, 48), 10)
RULES_TIMED = {"BP": RULES["BP"], "SA": RULES["SA"], "AA": RULES["AA"], "all five": Rule(1e-3, 1e-3, 1e-3, 1e-3, 1e-3)}
BATCH = 32


def with_layers(rule: Rule, batch_norm: bool, steps: int = 200) -> float:
    """Steps a second of one network made of torch layers."""
    parts: list[nn.Module] = []
    for out, inputs in SHAPE.layers[:-1]:
        parts += [nn.Linear(inputs, out), *([nn.BatchNorm1d(out)] if batch_norm else []), nn.ReLU()]
    network = convert(nn.Sequential(*parts, nn.Linear(SHAPE.hidden[-1], SHAPE.classes)), rule)
    step = training_step(network, torch.randn(BATCH, SHAPE.inputs), torch.randint(SHAPE.classes, (BATCH,)))
    for _ in range(20):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return steps / (time.perf_counter() - began)


def throughput(repeats: int, count: int = 128) -> pd.DataFrame:
    """Thousands of network steps a second by rule, with and without batch normalisation, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    for name, rule in RULES_TIMED.items():
        for batch_norm in (False, True):
            learners = [Learner(rule, 0.05, seed=s, momentum=0.9, batch_norm=batch_norm) for s in range(count)]
            rounds = [
                lockstep_throughput(learners, SHAPE, BATCH, steps=100, repeats=2)
                | {"layers": with_layers(rule, batch_norm)}
                for _ in range(repeats)
            ]
            found = pd.DataFrame(rounds)[["together", "alone", "layers"]].max() / 1e3
            ratios = {"over_alone": found.together / found.alone, "over_layers": found.together / found.layers}
            rows.append({"rule": name, "norm": batch_norm, **found, **ratios})
    torch.set_num_threads(threads)
    table = pd.DataFrame(rows)
    print(
        f"\n{count} networks 64-48x4-10, batch {BATCH}, one thread; thousand network steps a second (aim: over_alone 6)"
    )
    print(table.round(2).to_string(index=False), flush=True)
    return table
