"""Alignment of one layer whose weight rests: simulated, to be held against the fixed points and laws.

The layers come from trained networks, with the activations that reach them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from repro.weight_alignment.fixed_points import (
    fixed_point,
    fixed_point_angle,
    mirror_angle,
    relaxation_rates,
    update_noise_variance,
)
from repro.weight_alignment.learners import Learner, Schedule, Shape
from repro.weight_alignment.lockstep import angle_and_gain, train
from repro.weight_alignment.network_batch import Networks, forward
from repro.weight_alignment.network_step import descend
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule
from repro.weight_alignment.tasks import Task

LEAST = 1e-6  # share of the largest eigenvalue below which a direction counts as empty


@dataclass(frozen=True)
class Layer:
    """Weights and inputs of one layer in several trained networks."""

    weights: Float[np.ndarray, "networks out inputs"]
    inputs: Float[np.ndarray, "networks samples inputs"]


def trained_layers(task: Task, shape: Shape, learner: Learner, seeds: Sequence[int], epochs: int) -> list[Layer]:
    """The layers above the first of networks trained with one learner's settings, with what reaches them (float64)."""
    found: list[Layer] = []
    x = torch.as_tensor(task.train.inputs, dtype=torch.float64)

    def keep(networks: Networks, places: list[int], epoch: int) -> None:
        trace = forward(networks, x.expand(len(places), *x.shape), learner.batch_norm)
        for weight, reached in zip(networks.weights[1:], trace.inputs[1:], strict=True):
            found.append(Layer(weight.numpy().copy(), reached.numpy().copy()))

    from_seeds = [replace(learner, seed=seed) for seed in seeds]
    plan = Schedule(epochs, chunk=len(seeds))
    train(from_seeds, shape, task.train, task.validation, plan, dtype=torch.float64, watch=keep)
    return found


def second_moment(x: Float[np.ndarray, "samples inputs"]) -> Float[np.ndarray, "inputs inputs"]:
    """C = E[x xᵀ]."""
    return x.T @ x / len(x)


def conditioned(
    x: Float[np.ndarray, "samples inputs"], power: float
) -> tuple[Float[np.ndarray, "samples inputs"], float]:
    """The same inputs with second moment C to the ``power``: 1 leaves them, 0 whitens them; and its condition number.

    Directions that the inputs do not reach are left out of both. The mean eigenvalue becomes 1.
    """
    values, vectors = np.linalg.eigh(second_moment(x))
    there = values > LEAST * values.max()
    new = np.where(there, np.where(there, values, 1.0) ** power, 0.0)
    scale = new.sum() / there.sum()
    factor = np.where(there, np.sqrt(new / scale / np.where(there, values, 1.0)), 0.0)
    return x @ (vectors * factor) @ vectors.T, float(new[there].max() / new[there].min())


@dataclass(frozen=True)
class Alignment:
    """Where minibatch alignment of resting layers went."""

    feedback: Float[np.ndarray, "cases out inputs"]  # mean over the second half of the steps
    tangent_squared: Float[np.ndarray, "cases"]  # of the angle between B and W, mean over the second half


def align(
    rule: Rule,
    weights: Float[np.ndarray, "cases out inputs"],
    inputs: Float[np.ndarray, "cases samples inputs"] | None,
    rates: Float[np.ndarray, "cases"],
    steps: int,
    batch: int,
    seed: int,
) -> Alignment:
    """Align feedback to resting weights by minibatches of ``inputs``, or of white Gaussian noise if there are none.

    Parameters
    ----------
    rule, rates : the coefficients, and the learning rate of each case
    steps : minibatches; averages are taken over the second half
    """
    random = torch.Generator().manual_seed(seed)
    weight = torch.as_tensor(weights)
    cases, _, width = weight.shape
    data = None if inputs is None else torch.as_tensor(inputs)
    column = torch.as_tensor(rates)[:, None, None]
    moves = {name: column * getattr(rule, name) for name in PRIMITIVES}
    used = frozenset(name for name in PRIMITIVES if getattr(rule, name))
    feedback = torch.randn(weight.shape, generator=random, dtype=weight.dtype) / width**0.5
    total, tangents, kept = torch.zeros_like(feedback), torch.zeros(cases, dtype=weight.dtype), 0
    for number in range(steps):
        x = _minibatch(data, cases, batch, width, random)
        descend(feedback, weight, feedback, x, torch.bmm(x, weight.mT), moves, used)
        if number >= steps // 2:
            total += feedback
            if number % 10 == 0:
                tangents += angle_and_gain(weight, feedback)[0].deg2rad().tan() ** 2
                kept += 1
    return Alignment((total / (steps - steps // 2)).numpy(), (tangents / kept).numpy())


def _minibatch(data: Tensor | None, cases: int, batch: int, width: int, random: torch.Generator) -> Tensor:
    if data is None:
        return torch.randn(cases, batch, width, generator=random, dtype=torch.float64)
    chosen = torch.randint(data.shape[1], (batch,), generator=random)  # the same samples for every case
    return data[:, chosen]


def alignment_by_condition(
    layer: Layer, powers: Sequence[float], rules: Sequence[str], steps: int, batch: int, rate: float, seed: int
) -> pd.DataFrame:
    """Predicted and measured angle over the condition number of a layer's inputs.

    Returns one row a rule, network and power: ``rule``, ``network``, ``power``, ``condition``, ``predicted``,
    ``measured`` (degrees, of the feedback averaged over the second half of the steps). Coefficients are 1; the rate
    is divided by the largest relaxation rate where that exceeds 1.
    """
    made = [(n, p, *conditioned(layer.inputs[n], p)) for n in range(len(layer.weights)) for p in powers]
    weights = layer.weights[[n for n, *_ in made]]
    inputs = np.stack([x for _, _, x, _ in made])
    rows = []
    for name in rules:
        rule = Rule(**{p: 1.0 for p in PRIMITIVES if getattr(RULES[name], p)})  # type: ignore[arg-type]
        moments = [second_moment(x) for x in inputs]
        fastest = [relaxation_rates(rule, w, c).max() for w, c in zip(weights, moments, strict=True)]
        rates = rate / np.maximum(1.0, fastest)
        found = align(rule, weights, inputs, rates, steps, batch, seed).feedback
        measured = angle_and_gain(torch.as_tensor(weights), torch.as_tensor(found))[0].numpy()
        for (network, power, _, condition), w, c, angle in zip(made, weights, moments, measured, strict=True):
            predicted = fixed_point_angle(rule, w, c, initial=np.zeros_like(w))
            rows.append((name, network, power, condition, predicted, float(angle)))
    return pd.DataFrame(rows, columns=["rule", "network", "power", "condition", "predicted", "measured"])


def alignment_by_centring(layers: Sequence[Layer], steps: int, batch: int, rate: float, seed: int) -> pd.DataFrame:
    """Angle of the weight mirror on raw and on centred activations: ``layer``, ``network``, ``raw``, ``centred``."""
    rule = Rule(amp=1.0, decay=1.0)
    rows = []
    for number, layer in enumerate(layers):
        columns = {}
        for name in ("raw", "centred"):
            x = layer.inputs - layer.inputs.mean(1, keepdims=True) * (name == "centred")
            x = x / np.sqrt((x**2).mean((1, 2), keepdims=True))
            found = align(rule, layer.weights, x, np.full(len(x), rate), steps, batch, seed).feedback
            columns[name] = angle_and_gain(torch.as_tensor(layer.weights), torch.as_tensor(found))[0].numpy()
        rows += [(number, n, columns["raw"][n], columns["centred"][n]) for n in range(len(layer.weights))]
    return pd.DataFrame(rows, columns=["layer", "network", "raw", "centred"])


def mirror_law(layer: Layer, rates: Sequence[float], batch: int, seed: int, lags: int = 400) -> pd.DataFrame:
    """Angle of the weight mirror under white noise, beside its law: ``network``, ``rate``, ``predicted``, ``measured``.

    Angles are root mean squares of the tangent, in degrees; each rate runs for ``lags`` of its time constants.
    """
    rule = Rule(amp=1.0, decay=1.0)
    rows = []
    for rate in rates:
        steps = int(lags / rate)
        found = align(rule, layer.weights, None, np.full(len(layer.weights), rate), steps, batch, seed)
        law = mirror_angle(rule, layer.weights.shape[2], batch, rate)
        measured = np.degrees(np.arctan(np.sqrt(found.tangent_squared)))
        rows += [(network, rate, law, angle) for network, angle in enumerate(measured)]
    return pd.DataFrame(rows, columns=["network", "rate", "predicted", "measured"])


def distance_to_fixed_point(rule: Rule, layer: Layer, samples: int, seed: int, lags: float = 40.0) -> float:
    """Largest relative distance between iterated feedback and ``fixed_point``, over the layer's networks (float64).

    Plain descent at half the fastest mode's rate, on the first ``samples`` inputs, for ``lags`` of the slowest mode's
    time constants; directions that the rule leaves alone keep their start, which is random.
    """
    worst = 0.0
    for number, (weight, x) in enumerate(zip(layer.weights, layer.inputs[:, :samples], strict=True)):
        moment = second_moment(x)
        rates = relaxation_rates(rule, weight, moment)
        slowest = rates[rates > LEAST * rates.max()].min()
        start = np.random.default_rng([seed, number]).standard_normal(weight.shape)
        wanted = fixed_point(rule, weight, moment, initial=start)
        feedback, seen = torch.as_tensor(start)[None].clone(), torch.as_tensor(x)[None]
        held = torch.as_tensor(weight)[None]
        moves = {p: torch.full((1, 1, 1), getattr(rule, p) / (2 * rates.max()), dtype=held.dtype) for p in PRIMITIVES}
        used = frozenset(p for p in PRIMITIVES if getattr(rule, p))
        y = torch.bmm(seen, held.mT)
        for _ in range(int(lags * 2 * rates.max() / slowest)):
            descend(feedback, held, feedback, seen, y, moves, used)
        distance = np.linalg.norm(feedback[0].numpy() - wanted) / np.linalg.norm(wanted)
        worst = max(worst, float(distance))
    return worst


def noise_variance_ratio(layer: Layer, noise: float, rate: float, seed: int, lags: int = 200) -> np.ndarray:
    """Measured over predicted variance of symmetric alignment's feedback under update noise, a value a network.

    rate * N(0, noise²) is added to each entry in each step; the weights rest. Variances are averaged over entries and
    over the second half of ``lags`` time constants.
    """
    weight = torch.as_tensor(layer.weights)
    feedback = weight.clone()
    random = torch.Generator().manual_seed(seed)
    rule = Rule(self_weight=1.0, decay=1.0)
    moves = {p: torch.full((1, 1, 1), rate * getattr(rule, p), dtype=weight.dtype) for p in PRIMITIVES}
    nothing = weight.new_zeros(len(weight), 1, weight.shape[2])
    total, steps = weight.new_zeros(len(weight)), int(lags / rate)
    for number in range(steps):
        descend(feedback, weight, feedback, nothing, nothing, moves, frozenset({"self_weight", "decay"}))
        feedback += rate * noise * torch.randn(weight.shape, generator=random, dtype=weight.dtype)
        if number >= steps // 2:
            total += (feedback - weight).square().mean((1, 2))
    return (total / (steps - steps // 2) / update_noise_variance(rate, 1.0, noise)).numpy()
