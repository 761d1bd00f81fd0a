"""Small networks in lockstep against the same networks one after another.

``python -m benchmarks.lockstep``: 128 networks 64-48x4-10, batch 32, on one thread. "same code" is the lockstep
code with one network at a time, "layers" the network converted with ``convert`` and trained by autograd and torch's
optimisers. You should see a table within two minutes. A ratio against the same code says what the network axis gives;
it is bounded by the speed of matrix products, which lockstep is left with.
"""

from __future__ import annotations

import time

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


def main(count: int = 128, threads: int = 1, rounds: int = 3) -> None:
    """Print thousands of network steps a second by rule, with and without batch normalisation."""
    torch.set_num_threads(threads)
    print(f"{count} networks 64-48x4-10, batch {BATCH}, {threads} thread; thousand network steps a second")
    print(f"{'rule':<10}{'norm':<6}{'lockstep':>9}{'same code':>11}{'layers':>8}{'ratio':>7}{'to layers':>11}")
    for name, rule in RULES_TIMED.items():
        for batch_norm in (False, True):
            learners = [Learner(rule, 0.05, seed=s, momentum=0.9, batch_norm=batch_norm) for s in range(count)]
            found, layers = [], []
            for _ in range(rounds):
                found.append(lockstep_throughput(learners, SHAPE, BATCH, steps=100, repeats=2))
                layers.append(with_layers(rule, batch_norm))
            together, alone = (max(f[key] for f in found) / 1e3 for key in ("together", "alone"))
            plain = max(layers) / 1e3
            norm = "yes" if batch_norm else "no"
            print(f"{name:<10}{norm:<6}{together:>9.1f}{alone:>11.1f}{plain:>8.2f}", end="")
            print(f"{together / alone:>7.1f}{together / plain:>11.1f}", flush=True)


if __name__ == "__main__":
    main()
