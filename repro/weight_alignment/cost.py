"""What a training step costs, by rule, over backpropagation: measured time, counted operations, and theory."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from repro.weight_alignment.convert import convert, feedback_parameters, weights_of
from repro.weight_alignment.models import mlp, resnet20
from repro.weight_alignment.rules import RULES, Rule

ALL_FIVE = Rule(decay=2e-3, amp=2e-3, null=2e-3, sparse=2e-3, self_weight=2e-3)
COST_RULES: Mapping[str, Rule] = dict(RULES) | {"all five": ALL_FIVE}
BATCHES = {"resnet20": 128, "mlp": 256}  # networks and the images of a step

Step = Callable[[], None]


def theoretical_ratio(rule: Rule) -> float:
    """Operations of a training step over backpropagation's, where every layer's forward costs F and a step 3 F.

    One outer product (F) for amp, a product and an outer product (2 F) for sparse and for null each; amp rides along.
    """
    extra = 2 * (rule.sparse > 0) + 2 * (rule.null > 0) + (rule.amp > 0 and not (rule.sparse or rule.null))
    return 1 + extra / 3


def step_cost(
    model_name: str,
    rules: Sequence[str] = tuple(COST_RULES),
    repeats: int = 15,
    batch: int | None = None,
    seed: int = 0,
    peers: Mapping[str, Callable[[nn.Module], nn.Module]] | None = None,
) -> pd.DataFrame:
    """Time and operations of one training step by rule, all in this process, the rules taking turns.

    A step is forward, cross-entropy, backward, SGD with momentum on the weights and plain SGD on the feedback.

    Parameters
    ----------
    model_name
        "resnet20" (32 x 32 images) or "mlp" (784-512-512-512-10).
    rules
        Names in ``COST_RULES``; "BP" here is the plain network and always measured, as the reference.
    repeats
        Rounds in which each rule is timed once, in an order drawn anew.
    batch
        Images a step; by default that of ``BATCHES``. What a rule does to each weight (decay, self_weight, the
        optimiser) is shared by the batch, so a small batch makes it dearer.
    peers
        Other people's conversions by name, each from a plain network to its own.

    Returns
    -------
    One row a rule: ``rule``, ``milliseconds`` (median), ``ratio`` (median of the round's ratios to backpropagation),
    ``ratio_low``, ``ratio_high`` (quartiles), ``flop_ratio`` (counted), ``theory``, ``model``, ``batch``, ``repeats``,
    ``threads``. ``flop_ratio`` stays below ``theory`` where the first layer is large: its feedback is never learned
    and its input's gradient never computed. ``ratio`` can fall below both, since batch norm and the activations take
    time but hardly count. Theory and count are nan for peers.
    """
    unknown = [name for name in rules if name not in COST_RULES]
    if unknown:
        raise ValueError(f"step_cost: no rule is called {unknown[0]!r}; there are {', '.join(COST_RULES)}")
    if repeats < 1:
        raise ValueError(f"step_cost: repeats is {repeats}; it must be at least 1")
    if model_name not in BATCHES:
        raise ValueError(f"step_cost: no model is called {model_name!r}; there are {', '.join(BATCHES)}")
    batch = BATCHES[model_name] if batch is None else batch
    plain, images, labels = _workload(model_name, batch, seed)
    names = ["BP", *(name for name in rules if name != "BP")]
    generator = torch.Generator().manual_seed(seed + 1)
    networks = {
        name: convert(plain, COST_RULES[name], generator=generator)
        if name != "BP"
        else _workload(model_name, 1, seed)[0]
        for name in names
    }
    networks |= {name: make(_workload(model_name, 1, seed)[0]) for name, make in (peers or {}).items()}
    steps = {name: training_step(network, images, labels) for name, network in networks.items()}
    seconds = measure(steps, repeats, seed)
    flops = {name: _flops(steps[name]) for name in names}
    rows = []
    for name, times in seconds.items():
        low, middle, high = np.quantile(times / seconds["BP"], [0.25, 0.5, 0.75])
        rows.append(
            {
                "rule": name,
                "milliseconds": 1e3 * np.median(times),
                "ratio": middle,
                "ratio_low": low,
                "ratio_high": high,
                "flop_ratio": flops[name] / flops["BP"] if name in flops else np.nan,
                "theory": theoretical_ratio(COST_RULES[name]) if name in COST_RULES else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    table["model"], table["batch"], table["repeats"] = model_name, batch, repeats
    table["threads"] = torch.get_num_threads()
    return table


def training_step(network: nn.Module, images: Tensor, labels: Tensor, learning_rate: float = 1e-3) -> Step:
    """A step of training as a function without arguments."""
    groups = [{"params": weights_of(network), "momentum": 0.9}]
    feedback = [parameter for parameter in feedback_parameters(network) if parameter.requires_grad]
    if feedback:
        groups.append({"params": feedback, "momentum": 0.0})
    optimizer = torch.optim.SGD(groups, lr=learning_rate)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return step


def measure(
    steps: Mapping[str, Step], repeats: int, seed: int = 0, clock: Callable[[], float] = time.perf_counter
) -> dict[str, np.ndarray]:
    """Seconds of each step in each round, taken right after an untimed step of the same kind.

    In training a step finds its own weights in the cache, not another network's. The order is drawn anew each round
    and the garbage collector rests. With ``time.process_time`` as the clock, other work on a processor does not count.
    """
    order = np.random.default_rng(seed)
    names = list(steps)
    seconds = {name: np.empty(repeats) for name in names}
    gc.collect()
    gc.disable()
    try:
        for repeat in range(repeats):
            for name in order.permutation(names):
                steps[name]()
                start = clock()
                steps[name]()
                seconds[name][repeat] = clock() - start
    finally:
        gc.enable()
    return seconds


def _flops(step: Step) -> int:
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def _workload(model_name: str, batch: int, seed: int) -> tuple[nn.Module, Tensor, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if model_name == "resnet20":
            return resnet20(), torch.randn(batch, 3, 32, 32), torch.randint(10, (batch,))
        return mlp([784, 512, 512, 512, 10]), torch.randn(batch, 784), torch.randint(10, (batch,))
