"""Symmetric alignment fed with estimates of the weights: how good must an estimate be?

Symmetric alignment pulls the feedback to the weight: B <- (1 - a) B + a W, for decay and self both a. A neuron knows
no weight. Put an estimate in its place: W plus r times the weight's root mean square times white noise, renewed
every k steps and held in between. At rest the feedback then ends, at each renewal, at an angle of

    tan = r ((1 - q)/(1 + q))^½,   q = (1 - a)^k                                               (derived here)

to the weight: k = 1 averages the noise over 1/a estimates, a rare estimate is believed as it is. While the weights
move, a rare estimate is old as well. Spiking units as estimators are a case of it: their angle to the weight is
arctan r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from repro.errors import Mistake
from repro.spike_discontinuity.spiking_feedback import ALIGNING, METHODS, Plan
from repro.weight_alignment.learners import Learner
from repro.weight_alignment.lockstep import angle_and_gain, predict
from repro.weight_alignment.network_batch import Networks, initial, settings
from repro.weight_alignment.network_step import step

REFERENCE = 512  # training examples from which normalisation takes its statistics when a network is measured


@dataclass(frozen=True)
class Estimated:
    """One network and its estimates."""

    noise: float  # r, in units of the weight's root mean square
    interval: int  # k, steps between estimates
    seed: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.noise) and self.noise >= 0) or self.interval < 1:
            raise Mistake(
                f"Estimated: noise {self.noise} every {self.interval} steps; allowed are 0 or larger, 1 step or more"
            )


def predicted_tangent(noise: float, interval: int, aligning: float = ALIGNING) -> float:
    """Tangent of the angle of feedback to a resting weight at a renewal, by the closed form."""
    kept = (1 - aligning) ** interval
    return noise * float(np.sqrt((1 - kept) / (1 + kept)))


def resting_tangent(
    weight: Float[np.ndarray, "upper lower"],
    noise: float,
    interval: int,
    seed: int,
    renewals: int = 200,
    aligning: float = ALIGNING,
) -> float:
    """The same by simulation: root mean square over the later half of the renewals."""
    rng, size = np.random.default_rng(seed), np.sqrt(np.mean(weight**2))
    feedback, squares = np.zeros_like(weight), []
    for renewal in range(renewals):
        estimate = weight + noise * size * rng.standard_normal(weight.shape)
        for _ in range(interval):
            feedback = feedback + aligning * (estimate - feedback)
        if renewal >= renewals // 2:
            along = np.vdot(feedback, weight) / np.vdot(weight, weight)
            squares.append((np.vdot(feedback, feedback) / np.vdot(weight, weight) - along**2) / along**2)
    return float(np.sqrt(np.mean(squares)))


class Followers:
    """Feedback of a batch of networks that follows estimates, at the weight's norm; its state and its noise."""

    def __init__(self, networks: Networks, who: Sequence[Estimated]) -> None:
        device = networks.weights[0].device
        self.noise = torch.tensor([each.noise for each in who], device=device)[:, None, None]
        self.intervals = np.array([each.interval for each in who])
        self.streams = [torch.Generator(device).manual_seed(each.seed) for each in who]
        self.traces = [feedback.clone() for feedback in networks.feedback]
        self.estimates = [weight.clone() for weight in networks.weights]

    def look(self, networks: Networks, count: int) -> None:
        """Renew the estimates of the networks whose turn it is, from the weights as they are."""
        due = [int(n) for n in np.nonzero(count % self.intervals == 0)[0]]
        for layer, weight in enumerate(networks.weights[1:], start=1):
            size = weight.square().mean((1, 2), keepdim=True).sqrt()
            for n in due:
                drawn = torch.randn(
                    weight.shape[1:], generator=self.streams[n], device=weight.device, dtype=weight.dtype
                )
                self.estimates[layer][n] = weight[n] + self.noise[n] * size[n] * drawn

    def follow(self, networks: Networks, exact_norm: bool) -> None:
        """Move the feedback towards the estimates."""
        for layer in range(1, len(networks.weights)):
            trace = self.traces[layer]
            trace.mul_(1 - ALIGNING).add_(self.estimates[layer], alpha=ALIGNING)
            networks.feedback[layer].copy_(trace)
            if exact_norm:
                wanted = networks.weights[layer].square().sum((1, 2), keepdim=True).sqrt()
                networks.feedback[layer].mul_(wanted / trace.square().sum((1, 2), keepdim=True).sqrt())


def train_with_estimates(
    who: Sequence[Estimated], rate: float, plan: Plan, *, exact_norm: bool = True
) -> tuple[pd.DataFrame, Networks]:
    """Train networks by symmetric alignment whose ``self`` is an estimate, all together.

    Parameters
    ----------
    rate : learning rate of the weights
    exact_norm : give the feedback the weight's norm, so that its direction alone tells estimates apart

    Returns
    -------
    One row a network: ``noise``, ``interval``, ``seed``, ``accuracy`` (percent, test examples), ``angle`` (degrees,
    mean over layers, at the end); and the networks.
    """
    device = torch.device(plan.device)
    learners = [Learner(METHODS["FA"], rate, seed=each.seed, momentum=plan.momentum) for each in who]
    tuned = settings(learners, torch.float32, device)
    networks = initial(learners, plan.shape, torch.float32, device)
    inputs = torch.as_tensor(plan.task.train.inputs, dtype=torch.float32, device=device)
    labels = torch.as_tensor(plan.task.train.labels, device=device).long()
    orders = {seed: np.random.default_rng([seed, 1]) for seed in sorted({each.seed for each in who})}
    followers, count = Followers(networks, who), 0
    for _ in range(plan.epochs):
        drawn = {seed: order.permutation(len(labels)) for seed, order in orders.items()}
        order = torch.as_tensor(np.stack([drawn[each.seed] for each in who]), device=device)
        for start in range(0, len(labels) - plan.batch + 1, plan.batch):
            chosen = order[:, start : start + plan.batch]
            followers.look(networks, count)
            step(networks, tuned, inputs[chosen], labels[chosen], {})
            followers.follow(networks, exact_norm)
            count += 1
    x = torch.as_tensor(plan.task.test.inputs, dtype=torch.float32, device=device)
    accuracy = _accuracy(networks, x, inputs[:REFERENCE], plan)
    pairs = zip(networks.weights[1:], networks.feedback[1:], strict=True)
    angles = torch.stack([angle_and_gain(weight, feedback)[0] for weight, feedback in pairs]).mean(0).cpu()
    columns = {name: [getattr(each, name) for each in who] for name in ("noise", "interval", "seed")}
    return pd.DataFrame(columns | {"accuracy": 100 * accuracy, "angle": angles.numpy()}), networks


def _accuracy(networks: Networks, x: Tensor, reference: Tensor, plan: Plan) -> Float[np.ndarray, "networks"]:
    """Share of the test examples that each network gets right; chance for one that is no longer finite."""
    logits = predict(networks, x, reference, normalise=True)
    right = (logits.argmax(2).cpu().numpy() == plan.task.test.labels).mean(1)
    finite = torch.isfinite(logits).flatten(1).all(1).cpu().numpy()
    return np.where(finite, right, 1 / plan.shape.classes)
