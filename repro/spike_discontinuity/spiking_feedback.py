"""Networks whose feedback weights are estimated by spiking units, beside backpropagation and other feedback.

Before every epoch each layer above the first has a feedback phase of its own; its feedback then takes the pattern of
the estimate, at the scale of the initial feedback, and rests while the weights learn [guerguiev2020spike].

Deviates: networks are this book's lockstep chains (batch normalisation before rectification, one softmax), trained on
small data; "means" estimates anew in each phase, by the difference of mean effects with and without a spike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from repro.errors import Mistake
from repro.spike_discontinuity import feedback_estimates as estimates
from repro.spike_discontinuity.feedback_phase import PhaseModel, no_descent, run_phase
from repro.spike_discontinuity.hidden_errors import error_angles
from repro.weight_alignment.learners import Learner, Schedule, Shape
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.network_batch import Networks
from repro.weight_alignment.rules import Rule
from repro.weight_alignment.tasks import Task

ALIGNING = 0.1  # per step, decay and pull of symmetric alignment
METHODS = {
    "BP": Rule(tied=True),
    "FA": Rule(),
    "SA": Rule(self_weight=ALIGNING, decay=ALIGNING),
    "as coded": Rule(),
    "means": Rule(),
}
"""Ways of sending errors back; the last two have feedback phases."""
SPIKING = ("as coded", "means")
WATCHED = 256  # training examples on which hidden errors are compared


@dataclass(frozen=True)
class Plan:
    """What all networks of a comparison share."""

    task: Task
    hidden: tuple[int, ...] = (48, 48, 48)
    epochs: int = 6
    batch: int = 32
    momentum: float = 0.9
    phase_seconds: float = 30.0  # of each layer, before every epoch
    model: PhaseModel = field(default_factory=PhaseModel)
    device: torch.device | str = "cpu"

    @property
    def shape(self) -> Shape:
        """The networks' layers."""
        return Shape(self.task.inputs, self.hidden, int(self.task.train.labels.max()) + 1)


@dataclass
class Estimator:
    """The feedback phases of one network: what they remember from phase to phase."""

    method: str
    seed: int
    scale: float  # of the feedback, times that of the initial feedback
    spreads: list[float] = field(default_factory=list)  # standard deviation of the initial feedback
    descents: list[np.ndarray] = field(default_factory=list)

    def phase(self, networks: Networks, position: int, epoch: int, plan: Plan) -> None:
        """Run a phase for each layer above the first and write the feedback of one network of a batch."""
        for layer in range(1, len(networks.weights)):
            weight = networks.weights[layer][position].double().cpu().numpy()
            feedback = networks.feedback[layer][position].double().cpu().numpy()
            if epoch == 0:
                self.spreads.append(self.scale * float(feedback.std()))
                self.descents.append(no_descent(weight))
            draw = int(np.random.SeedSequence([self.seed, epoch, layer]).generate_state(1)[0])
            kept = self.descents[layer - 1] if self.method == "as coded" else None
            done = run_phase(weight, plan.phase_seconds, draw, plan.model, descent=kept)
            if kept is None:
                estimate = estimates.constant(done.statistics[-1])
            else:
                self.descents[layer - 1] = done.descent[-1]
                estimate = estimates.from_descent(done.descent[-1], plan.model.threshold)
            changed = estimates.transfer(feedback, estimate, self.spreads[layer - 1])
            networks.feedback[layer][position] = torch.as_tensor(changed, dtype=weight_type(networks))


def weight_type(networks: Networks) -> torch.dtype:
    """The precision of a batch of networks."""
    return networks.weights[0].dtype


@dataclass(frozen=True)
class Contestant:
    """One network of a comparison."""

    method: str
    rate: float
    seed: int
    scale: float = 1.0  # of the estimated feedback


def compare(contestants: Sequence[Contestant], plan: Plan, held_out: str = "test") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train the contestants, all together, and look at their feedback after each phase.

    Parameters
    ----------
    held_out : test, or validation for choices

    Returns
    -------
    One row a network and epoch: ``method``, ``rate``, ``seed``, ``scale``, ``epoch``, ``accuracy`` (percent),
    ``loss``, ``diverged``. And one row a network, epoch and layer, behind the phase where there is one: ``sign`` (share
    of the feedback with the weight's sign), ``angle`` (degrees between both), ``error_angle`` (degrees between the
    errors of the hidden layer below, and the backpropagated ones).
    """
    for each in contestants:
        if each.method not in METHODS:
            raise Mistake(f"compare: there is no method {each.method!r}; there are {', '.join(METHODS)}")
    learners = [Learner(METHODS[c.method], c.rate, seed=c.seed, momentum=plan.momentum) for c in contestants]
    owners = [Estimator(c.method, c.seed, c.scale) for c in contestants]
    first = plan.task.train.take(slice(0, WATCHED))
    x, labels = torch.as_tensor(first.inputs, dtype=torch.float32), torch.as_tensor(first.labels).long()
    rows: list[pd.DataFrame] = []

    def watch(networks: Networks, places: list[int], epoch: int) -> None:
        for position, place in enumerate(places):
            if contestants[place].method in SPIKING and bool(torch.isfinite(networks.weights[-1][position]).all()):
                owners[place].phase(networks, position, epoch, plan)
        rows.append(_looked_at(networks, [contestants[p] for p in places], epoch, x, labels))

    schedule = Schedule(plan.epochs, plan.batch, measured=tuple(range(plan.epochs + 1)))
    part = plan.task.test if held_out == "test" else plan.task.validation
    outcome = train(learners, plan.shape, plan.task.train, part, schedule, device=plan.device, watch=watch)
    columns = {name: [getattr(c, name) for c in contestants] for name in ("method", "rate", "seed", "scale")}
    table = outcome.table(**columns).drop(columns="angle")
    return table.assign(accuracy=100 * table.accuracy), pd.concat(rows, ignore_index=True)


def _looked_at(
    networks: Networks, who: Sequence[Contestant], epoch: int, x: torch.Tensor, labels: torch.Tensor
) -> pd.DataFrame:
    """Sign agreement and angles of a batch of networks, one row a network and layer."""
    device = networks.weights[0].device
    errors = error_angles(networks, x.to(device, weight_type(networks)), labels.to(device), normalise=True)
    rows = []
    for layer in range(1, len(networks.weights)):
        pairs = zip(networks.weights[layer], networks.feedback[layer], strict=True)
        for position, (weight, feedback) in enumerate(
            (w.double().cpu().numpy(), b.double().cpu().numpy()) for w, b in pairs
        ):
            each = who[position]
            rows.append(
                {"method": each.method, "rate": each.rate, "seed": each.seed, "scale": each.scale}
                | {"epoch": epoch, "layer": layer + 1, "sign": estimates.sign_agreement(feedback, weight)}
                | {"angle": estimates.angle(feedback, weight), "error_angle": float(errors[position, layer - 1])}
            )
    return pd.DataFrame(rows)


def choose_rates(methods: Sequence[str], rates: Sequence[float], seeds: Sequence[int], plan: Plan) -> pd.DataFrame:
    """Validation accuracy of each method at each rate, the same seeds for all: one row a method and rate.

    Columns ``method``, ``rate``, ``accuracy`` (percent, mean over seeds, last epoch), ``chosen`` (best of its method).
    """
    contestants = [Contestant(m, r, s) for m in methods for r in rates for s in seeds]
    table, _ = compare(contestants, plan, held_out="validation")
    last = table[table.epoch == plan.epochs].groupby(["method", "rate"], sort=False).accuracy.mean().reset_index()
    return last.assign(chosen=last.accuracy == last.groupby("method").accuracy.transform("max"))


def chosen_rate(table: pd.DataFrame, method: str) -> float:
    """The rate chosen for a method; the smallest among equals."""
    return float(table[(table.method == method) & table.chosen].rate.min())


def at_scales(
    rate: float, scales: Sequence[float], seeds: Sequence[int], plan: Plan, method: str = "as coded"
) -> pd.DataFrame:
    """Accuracy at the last epoch with the feedback at several scales: one row a scale and seed."""
    contestants = [Contestant(method, rate, seed, scale) for scale in scales for seed in seeds]
    table, _ = compare(contestants, plan)
    return table[table.epoch == plan.epochs]
