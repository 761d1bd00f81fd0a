"""Hundreds of small networks trained as one: seeds, trials and rules side by side along a leading network axis."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import nll_loss

from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape, arrange
from repro.weight_alignment.network_batch import EPSILON, Networks, Settings, initial, settings
from repro.weight_alignment.network_step import Noise, step

REFERENCE = 512  # training examples from which normalisation statistics are taken when a network is measured
PIECE = 1024  # examples evaluated at a time
SMALLEST = (
    1e-25  # feedback weights below are set to 0 when measured: denormal numbers are slow, and the same to all else
)


@dataclass(frozen=True)
class Outcome:
    """What became of each network, at each checkpoint."""

    checkpoints: tuple[int, ...]  # epochs
    accuracy: Float[np.ndarray, "networks checkpoints"]  # on the held-out examples; chance once diverged
    loss: Float[np.ndarray, "networks checkpoints"]  # mean cross-entropy, nats; nan once diverged
    angle: Float[np.ndarray, "networks checkpoints layers"]  # degrees between B and W; layers above the first
    gain: Float[np.ndarray, "networks checkpoints layers"]  # norm of B over norm of W
    diverged: Bool[np.ndarray, "networks"]  # some weight, feedback or loss is no longer a finite number

    @property
    def final(self) -> Float[np.ndarray, "networks"]:
        """Accuracy at the last checkpoint."""
        return self.accuracy[:, -1]

    def table(self, **columns: Sequence[object]) -> pd.DataFrame:
        """Tidy: one row a network and checkpoint, with ``columns`` (one value a network) in front."""
        count, checks = self.accuracy.shape
        rows: dict[str, object] = {name: np.repeat(np.asarray(values), checks) for name, values in columns.items()}
        rows["epoch"] = np.tile(self.checkpoints, count)
        rows |= {"accuracy": self.accuracy.ravel(), "loss": self.loss.ravel()}
        rows["angle"] = self.angle.mean(2).ravel()
        rows["diverged"] = np.repeat(self.diverged, checks)
        return pd.DataFrame(rows)


def train(
    learners: Sequence[Learner],
    shape: Shape,
    examples: Examples,
    held_out: Examples,
    schedule: Schedule,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    progress: Callable[[int], None] | None = None,
    watch: Callable[[Networks, list[int], int], None] | None = None,
) -> Outcome:
    """Train networks of one shape on softmax cross-entropy and measure them on examples they are not trained on.

    A network's result does not depend on which others are trained beside it, up to rounding. One that diverges
    counts as chance and touches no other.

    Parameters
    ----------
    learners : how each network learns
    examples, held_out : what they learn from, and what they are measured on
    progress : called after each epoch of each group with the number of networks in the group
    watch : called at each checkpoint of each group with its networks, their positions and the epoch

    Raises
    ------
    ValueError
        If there is no learner, or the examples do not fit the shape or the batch.
    """
    _check(learners, shape, examples, held_out, schedule)
    device = torch.device(device)
    checks, layers = len(schedule.checkpoints), len(shape.hidden)
    outcome = Outcome(
        checkpoints=schedule.checkpoints,
        accuracy=np.zeros((len(learners), checks)),
        loss=np.zeros((len(learners), checks)),
        angle=np.zeros((len(learners), checks, layers)),
        gain=np.zeros((len(learners), checks, layers)),
        diverged=np.zeros(len(learners), dtype=bool),
    )
    data = [
        (torch.as_tensor(part.inputs, dtype=dtype, device=device), torch.as_tensor(part.labels, device=device).long())
        for part in (examples, held_out)
    ]
    for group in arrange(learners, schedule.chunk):
        _train_group([learners[i] for i in group], group, shape, data[0], data[1], schedule, outcome, progress, watch)
    return outcome


def _check(learners: Sequence[Learner], shape: Shape, examples: Examples, held_out: Examples, plan: Schedule) -> None:
    if not learners:
        raise ValueError("train: no learners; give one or more")
    for name, part in (("examples", examples), ("held_out", held_out)):
        if not len(part) or part.inputs.shape != (len(part), shape.inputs):
            raise ValueError(
                f"train: {name}.inputs has shape {part.inputs.shape}; the networks take (n, {shape.inputs})"
            )
        if part.labels.min() < 0 or part.labels.max() >= shape.classes:
            raise ValueError(f"train: {name}.labels go up to {part.labels.max()}; allowed are 0 to {shape.classes - 1}")
    if plan.batch > len(examples):
        raise ValueError(f"train: batch is {plan.batch}; there are only {len(examples)} examples")


Data = tuple[Float[Tensor, "_samples inputs"], Int[Tensor, "_samples"]]


def _train_group(
    group: Sequence[Learner],
    places: list[int],
    shape: Shape,
    examples: Data,
    held_out: Data,
    schedule: Schedule,
    outcome: Outcome,
    progress: Callable[[int], None] | None,
    watch: Callable[[Networks, list[int], int], None] | None,
) -> None:
    """Train one group and write its results to its places in ``outcome``."""
    inputs, labels = examples
    tuned = settings(group, inputs.dtype, inputs.device)
    networks = initial(group, shape, inputs.dtype, inputs.device)
    seeds = sorted({learner.seed for learner in group})
    whose = torch.tensor([seeds.index(learner.seed) for learner in group], device=inputs.device)
    orders = [np.random.default_rng([seed, 1]) for seed in seeds]
    noise = NoiseSource(seeds, whose, tuned, shape, schedule.batch, inputs.dtype)
    for epoch in range(schedule.epochs + 1):
        if epoch:
            order = torch.as_tensor(np.stack([r.permutation(len(labels)) for r in orders]), device=inputs.device)
            for start in range(0, len(labels) - schedule.batch + 1, schedule.batch):
                chosen = order[:, start : start + schedule.batch][whose]
                step(networks, tuned, inputs[chosen], labels[chosen], noise.draw())
            for feedback in networks.feedback[1:]:
                feedback.masked_fill_(feedback.abs() < SMALLEST, 0)
            if progress:
                progress(len(group))
        if epoch in schedule.checkpoints:
            _measure(networks, tuned, inputs[:REFERENCE], held_out, outcome, places, schedule.checkpoints.index(epoch))
            if watch:
                watch(networks, places, epoch)


class NoiseSource:
    """Normal draws for update noise and mirroring: a stream for each seed and use, shared by networks of one seed."""

    def __init__(
        self, seeds: list[int], whose: Tensor, tuned: Settings, shape: Shape, batch: int, dtype: torch.dtype
    ) -> None:
        self.whose, self.dtype = whose, dtype
        weights = list(shape.layers)
        sizes = {"weights": weights, "feedback": weights, "mirror": [(batch, inputs) for _, inputs in weights]}
        option = {"weights": "weight_noise", "feedback": "feedback_noise", "mirror": "mirror"}
        self.sizes = {use: size for use, size in sizes.items() if option[use] in tuned.used}
        self.streams = {
            use: [torch.Generator(whose.device).manual_seed(_stream(seed, 2 + number)) for seed in seeds]
            for number, use in enumerate(sizes)
            if use in self.sizes
        }

    def draw(self) -> Noise:
        """The draws of the next step."""
        return {use: [self._layer(use, size) for size in sizes] for use, sizes in self.sizes.items()}

    def _layer(self, use: str, size: tuple[int, int]) -> Tensor:
        drawn = [torch.randn(size, generator=g, dtype=self.dtype, device=g.device) for g in self.streams[use]]
        return torch.stack(drawn)[self.whose]


def _stream(seed: int, number: int) -> int:
    """A torch seed for one of the streams that belong to ``seed``."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


def predict(networks: Networks, x: Tensor, reference: Tensor, normalise: bool) -> Float[Tensor, "networks samples out"]:
    """Logits for the same samples in every network.

    Deviates: normalisation takes its statistics from ``reference`` at the present weights, where the authors keep
    running averages.
    """
    count = len(networks.weights[0])
    both = torch.cat([reference, x]) if normalise else x
    h = both.expand(count, *both.shape)
    for weight, offset, scale in zip(networks.weights, networks.offsets, networks.scales, strict=False):
        y = torch.bmm(h, weight.mT)
        if normalise:
            seen = y[:, : len(reference)]
            mean = seen.mean(1, keepdim=True)
            factor = scale * torch.rsqrt((seen - mean).square().mean(1, keepdim=True) + EPSILON)
            h = torch.addcmul(offset - mean * factor, y, factor).relu_()
        else:
            h = (y + offset).relu_()
    logits = torch.baddbmm(networks.offsets[-1], h, networks.weights[-1].mT)
    return logits[:, len(reference) :] if normalise else logits


def _measure(
    networks: Networks,
    tuned: Settings,
    reference: Tensor,
    held_out: Data,
    outcome: Outcome,
    places: list[int],
    check: int,
) -> None:
    """Write accuracy, loss, angles and divergence of a group at one checkpoint."""
    x, labels = held_out
    right = loss = torch.zeros(len(places), dtype=torch.float64, device=x.device)
    for start in range(0, len(labels), PIECE):
        wanted = labels[start : start + PIECE]
        logits = predict(networks, x[start : start + PIECE], reference, "batch_norm" in tuned.used)
        right = right + (logits.argmax(2) == wanted).sum(1)
        each = nll_loss(logits.log_softmax(2).mT, wanted.expand(len(places), -1), reduction="none")
        loss = loss + each.sum(1, dtype=torch.float64)
    lost = ~torch.isfinite(loss)
    for layer, (weight, feedback) in enumerate(zip(networks.weights[1:], networks.feedback[1:], strict=True)):
        angle, gain = angle_and_gain(weight, feedback)
        outcome.angle[places, check, layer] = angle.cpu().numpy()
        outcome.gain[places, check, layer] = gain.cpu().numpy()
        lost |= ~torch.isfinite(gain)
    classes = networks.weights[-1].shape[1]
    gone = lost.cpu().numpy()
    outcome.diverged[places] |= gone
    outcome.accuracy[places, check] = np.where(gone, 1 / classes, (right / len(labels)).cpu().numpy())
    outcome.loss[places, check] = np.where(gone, np.nan, (loss / len(labels)).cpu().numpy())


def angle_and_gain(
    weight: Float[Tensor, "networks out inputs"], feedback: Float[Tensor, "networks out inputs"]
) -> tuple[Float[Tensor, "networks"], Float[Tensor, "networks"]]:
    """Degrees between the flattened B and W, and the norm of B over that of W; nan where a norm is 0 or lost."""
    weight, feedback = weight.double(), feedback.double()
    of_weight, of_feedback = (m.square().sum((1, 2)).sqrt() for m in (weight, feedback))
    cosine = (weight * feedback).sum((1, 2)) / (of_weight * of_feedback)
    return torch.rad2deg(torch.acos(cosine.clamp(-1, 1))), of_feedback / of_weight


def lockstep_throughput(
    learners: Sequence[Learner], shape: Shape, batch: int = 32, steps: int = 20, repeats: int = 5
) -> dict[str, float]:
    """Networks' steps per second, all together and one after another, interleaved in one process.

    Returns ``together`` and ``alone`` (steps per second, best of ``repeats``) and their ratio ``speedup``.
    """
    random = np.random.default_rng(0)
    examples = Examples(random.standard_normal((batch * steps, shape.inputs)), np.arange(batch * steps) % shape.classes)
    held_out = examples.take(slice(0, shape.classes))
    plan = Schedule(epochs=1, batch=batch)
    alone = [learners[i] for i in np.linspace(0, len(learners) - 1, min(16, len(learners))).astype(int)]
    times: dict[str, list[float]] = {"together": [], "alone": []}
    for _ in range(repeats):
        began = time.perf_counter()
        train(learners, shape, examples, held_out, plan)
        times["together"].append((time.perf_counter() - began) / len(learners))
        began = time.perf_counter()
        for learner in alone:
            train([dataclasses.replace(learner)], shape, examples, held_out, plan)
        times["alone"].append((time.perf_counter() - began) / len(alone))
    rates = {name: steps / min(values) for name, values in times.items()}
    return rates | {"speedup": rates["together"] / rates["alone"]}
