"""Does it matter where on the sheet a unit is? A fixed sheet, a hidden layer that learns, a readout.

Rules × sheets (map, shuffled, random filters) × wiring (local fields of 9 × 9 on the sheet, 5 apart, or all units).
A shuffled sheet under a mask is the map under a mask whose columns are shuffled back, so that both read the same
inputs, and networks of all cells of a rule train side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from repro.multifactor.filters import gabor_sheet, local_fields, random_sheet, responses, shuffle_order
from repro.multifactor.network_rules import changes
from repro.multifactor.networks import Networks, forward, initial
from repro.multifactor.pooling import Images

RULES = ("Sanger", "NP", "FA", "DFA", "BP")
CELLS = {
    "Gabor": (("map", "full"), ("map", "local"), ("shuffled", "full"), ("shuffled", "local")),
    "random": (("random filters", "full"), ("random filters", "local")),
}
"""Cells that read the same filters, and so train on the same inputs."""
LARGEST = 1e3  # a weight beyond counts as diverged


@dataclass(frozen=True)
class Plan:
    """Sizes of the comparison; rates are tried in all pairs, for each rule, sheet and wiring alike."""

    epochs: int = 40
    batch: int = 20
    a_class: int = 20  # training samples of each class
    hidden_rates: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    readout_rates: tuple[float, ...] = (0.1, 0.3, 1.0)
    sigma: float = 1e-2  # standard deviation of node perturbation, in units of the summed input

    @property
    def rates(self) -> list[tuple[float, float]]:
        """All pairs of a hidden and a readout rate."""
        return [(hidden, readout) for hidden in self.hidden_rates for readout in self.readout_rates]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the sheet answers, scaled so that the largest principal component of the training samples has variance 1."""

    train: Float[Tensor, "train units"]
    targets: Float[Tensor, "train classes"]
    test: Float[Tensor, "test units"]
    labels: Int[Tensor, "test"]

    @classmethod
    def of(cls, images: Images, sheet: Float[np.ndarray, "n n pixels"], chosen: Int[np.ndarray, "chosen"]) -> Inputs:
        """Answers to the chosen training samples and to the test samples."""
        train, test = (responses(sheet, part).reshape(len(part), -1) for part in (images.train[chosen], images.test))
        centre = train.mean(0)
        scale = np.linalg.norm(train - centre, 2) / len(train) ** 0.5
        classes = int(images.train_labels.max()) + 1
        return cls(
            _float((train - centre) / scale),
            _float(np.eye(classes)[images.train_labels[chosen]]),
            _float((test - centre) / scale),
            torch.as_tensor(images.test_labels),
        )


def _float(array: np.ndarray) -> Tensor:
    return torch.as_tensor(array, dtype=torch.float32)


def masks(n: int, seed: int) -> dict[tuple[str, str], Bool[np.ndarray, "hidden units"]]:
    """Synapses of each cell in the order of the unshuffled sheet."""
    local = local_fields(n).astype(bool)
    mixed = np.zeros_like(local)
    mixed[:, shuffle_order(n, seed)] = local
    every = np.ones_like(local)
    return {
        ("map", "local"): local,
        ("shuffled", "local"): mixed,
        ("random filters", "local"): local,
        ("map", "full"): every,
        ("shuffled", "full"): every,
        ("random filters", "full"): every,
    }


def train(
    rule: str,
    inputs: Inputs,
    wiring: Float[Tensor, "networks hidden units"],
    rates: Sequence[tuple[float, float]],
    seeds: Sequence[int],
    plan: Plan,
    order_seed: int,
    dtype: torch.dtype = torch.float32,
    columns: Int[Tensor, "units"] | None = None,
) -> Networks:
    """Networks of one rule after training; each has its mask, its pair of rates and the seed of its first weights.

    Order of samples and noise follow ``order_seed`` and are the same for all. A network that diverges ends at 0.
    With ``columns`` the columns of the first weights are put into that order before training.
    """
    x, targets = inputs.train.to(dtype), inputs.targets.to(dtype)
    networks = masked_networks([x.shape[1], wiring.shape[1], targets.shape[1]], wiring.to(dtype), seeds, columns)
    speed = [torch.tensor(rate, dtype=dtype)[:, None, None] for rate in zip(*rates, strict=True)]
    random = np.random.default_rng([order_seed, 7])
    for _ in range(plan.epochs):
        order = random.permutation(len(x))
        for start in range(0, len(x) - plan.batch + 1, plan.batch):
            chosen = order[start : start + plan.batch]
            noise = torch.as_tensor(random.standard_normal((plan.batch, wiring.shape[1])), dtype=dtype)
            _step(rule, networks, wiring, x[chosen], targets[chosen], noise, speed, plan.sigma)
        _stop_lost(networks, speed)
    return networks


def masked_networks(
    sizes: Sequence[int],
    wiring: Float[Tensor, "networks hidden units"],
    seeds: Sequence[int],
    columns: Int[Tensor, "units"] | None = None,
) -> Networks:
    """First weights of variance 1/(number of inputs that a unit has), drawn, put in order, then masked."""
    networks = initial(sizes, seeds, dtype=wiring.dtype)
    if columns is not None:
        networks.weights[0][:, :, :-1] = networks.weights[0][:, :, columns]
    spread = (wiring.shape[2] / wiring.sum(2, keepdim=True)).sqrt()
    networks.weights[0][:, :, :-1] *= wiring * spread
    return networks


def _step(
    rule: str,
    networks: Networks,
    wiring: Tensor,
    x: Tensor,
    targets: Tensor,
    noise: Tensor,
    speed: Sequence[Tensor],
    sigma: float,
) -> None:
    moved = masked_changes(rule, networks, wiring, x, targets, noise, sigma)
    for weight, change, rate in zip(networks.weights, moved, speed, strict=True):
        weight.addcmul_(rate, change)


def masked_changes(
    rule: str,
    networks: Networks,
    wiring: Float[Tensor, "networks hidden units"],
    x: Float[Tensor, "samples units"],
    targets: Float[Tensor, "samples classes"],
    noise: Float[Tensor, "samples hidden"],
    sigma: float,
) -> list[Tensor]:
    """The rule's change of every layer for the same samples in all networks, where there are synapses."""
    count = len(wiring)
    activities = forward(networks, x.expand(count, -1, -1))
    moved = changes(rule, networks, activities, targets.expand(count, -1, -1), [noise.expand(count, -1, -1)], sigma)
    moved[0][:, :, :-1] *= wiring
    return moved


def _stop_lost(networks: Networks, speed: Sequence[Tensor]) -> None:
    for weight in networks.weights:
        lost = ~(weight.abs().amax((1, 2)) < LARGEST)
        for each in [*networks.weights, *speed]:
            each[lost] = 0


def accuracy(networks: Networks, inputs: Inputs) -> Float[np.ndarray, "networks"]:
    """Share of test samples whose largest output is the label's; chance for a network that diverged."""
    guess = forward(networks, inputs.test.expand(len(networks), -1, -1))[-1].argmax(2)
    right = (guess == inputs.labels).double().mean(1)
    gone = networks.weights[-1].abs().amax((1, 2)) == 0
    return np.where(gone, 1 / inputs.targets.shape[1], right)


def angles(
    rule: str, networks: Networks, wiring: Float[Tensor, "networks hidden units"], inputs: Inputs, seed: int
) -> Float[np.ndarray, "networks"]:
    """Degrees between the hidden layer's change and minus its gradient over all training samples, float64."""
    weights, feedback, direct = (
        [w.double() for w in e] for e in (networks.weights, networks.feedback, networks.direct)
    )
    double = Networks(weights, feedback, direct, [None, None])
    x, targets, wiring = inputs.train.double(), inputs.targets.double(), wiring.double()
    noise = torch.as_tensor(np.random.default_rng([seed, 8]).standard_normal((len(x), wiring.shape[1])))
    own, exact = (
        masked_changes(which, double, wiring, x, targets, noise, 1e-4)[0][:, :, :-1].flatten(1)
        for which in (rule, "BP")
    )
    cosine = torch.nn.functional.cosine_similarity(own, exact, dim=1, eps=1e-300)
    return np.rad2deg(np.arccos(np.clip(cosine.numpy(), -1, 1)))


def tuned_rates(
    images: Images, n: int, rules: Sequence[str], seeds: Sequence[int], plan: Plan, map_options: dict[str, float]
) -> dict[tuple[str, str, str], tuple[float, float]]:
    """The pair of rates with the best mean accuracy over ``seeds`` for each rule, sheet and wiring.

    ``images.test`` should be a validation part here, and the seeds others than those of the comparison.
    """
    found: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for seed in seeds:
        for filters, inputs in _both_inputs(images, n, seed, plan, map_options).items():
            wiring = _wiring(filters, n, seed).repeat_interleave(len(plan.rates), 0)
            cells = CELLS[filters]
            for rule in rules:
                first = [_weight_seed(seed, cell) for cell in cells for _ in plan.rates]
                networks = train(rule, inputs, wiring, plan.rates * len(cells), first, plan, seed)
                for cell, one in zip(cells, accuracy(networks, inputs).reshape(len(cells), -1), strict=True):
                    found.setdefault((rule, *cell), []).append(one)
    return {key: plan.rates[int(np.mean(tried, 0).argmax())] for key, tried in found.items()}


def compare(
    images: Images,
    n: int,
    rates: dict[tuple[str, str, str], tuple[float, float]],
    seeds: Sequence[int],
    plan: Plan,
    map_options: dict[str, float],
) -> pd.DataFrame:
    """Test accuracy and final angle of each rule, sheet and wiring of ``rates``, one row a seed."""
    rows = []
    for seed in seeds:
        for filters, inputs in _both_inputs(images, n, seed, plan, map_options).items():
            wiring, cells = _wiring(filters, n, seed), CELLS[filters]
            first = [_weight_seed(seed, cell) for cell in cells]
            for rule in dict.fromkeys(rule for rule, _, _ in rates):
                chosen = [rates[rule, *cell] for cell in cells]
                networks = train(rule, inputs, wiring, chosen, first, plan, seed)
                right, angle = accuracy(networks, inputs), angles(rule, networks, wiring, inputs, seed)
                rows += [(rule, *cell, seed, r, d) for cell, r, d in zip(cells, right, angle, strict=True)]
    return pd.DataFrame(rows, columns=["rule", "sheet", "wiring", "seed", "accuracy", "angle"])


def _both_inputs(images: Images, n: int, seed: int, plan: Plan, map_options: dict[str, float]) -> dict[str, Inputs]:
    chosen = images.few(plan.a_class, seed)
    sheets = {"Gabor": gabor_sheet(n, images.side, **map_options), "random": random_sheet(n, images.side, seed)}
    return {name: Inputs.of(images, sheet, chosen) for name, sheet in sheets.items()}


def _wiring(filters: str, n: int, seed: int) -> Float[Tensor, "cells hidden units"]:
    there = masks(n, seed)
    return _float(np.stack([there[cell] for cell in CELLS[filters]]))


def _weight_seed(seed: int, cell: tuple[str, str]) -> int:
    """Each cell draws first weights of its own."""
    place = [each for cells in CELLS.values() for each in cells].index(cell)
    return int(np.random.SeedSequence([seed, 9, place]).generate_state(1)[0])


def effect(table: pd.DataFrame, wiring: str, measure: str = "accuracy", over: str = "shuffled") -> pd.DataFrame:
    """Map minus another sheet: a row a seed, a column a rule."""
    wide = table[table.wiring == wiring].pivot(index=["seed", "rule"], columns="sheet", values=measure)
    return (wide["map"] - wide[over]).unstack("rule")


def permutation_difference(
    images: Images, n: int, rules: Sequence[str], seed: int, plan: Plan, rate: float = 0.1
) -> float:
    """Largest difference of any output between the map and a shuffled sheet, full wiring, first weights permuted alike.

    Nothing differs but the order of the inputs and of the columns of the first weight; float64, every rule.
    """
    inputs = Inputs.of(images, gabor_sheet(n, images.side), images.few(plan.a_class, seed))
    order = torch.as_tensor(shuffle_order(n, seed))
    mixed = dataclasses.replace(inputs, train=inputs.train[:, order], test=inputs.test[:, order])
    worst = 0.0
    for rule in rules:
        outputs = [
            _trained_outputs(rule, part, mix, plan, seed, rate) for part, mix in ((inputs, None), (mixed, order))
        ]
        worst = max(worst, float((outputs[0] - outputs[1]).abs().max()))
    return worst


def _trained_outputs(rule: str, inputs: Inputs, order: Tensor | None, plan: Plan, seed: int, rate: float) -> Tensor:
    """Outputs for the test samples after training with full wiring, columns of the first weight in the given order."""
    hidden = 16
    wiring = torch.ones(1, hidden, inputs.train.shape[1], dtype=torch.float64)
    networks = train(rule, inputs, wiring, [(rate, rate)], [seed], plan, seed, torch.float64, order)
    return forward(networks, inputs.test.double()[None])[-1]
