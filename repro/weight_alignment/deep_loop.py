"""The training loop: it can be stopped at any moment and goes on to the same end, bit by bit on a CPU."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.weight_alignment import deep_checkpoint
from repro.weight_alignment.deep_graph import Recording
from repro.weight_alignment.deep_images import Images
from repro.weight_alignment.deep_log import Log
from repro.weight_alignment.deep_network import ROUNDING, Learning, angles, check_compiled, descend, median_angle, rates
from repro.weight_alignment.deep_options import Options
from repro.weight_alignment.deep_processes import Processes
from repro.weight_alignment.deep_seeds import stream_seed

Status = Literal["done", "nan", "stopped"]


@dataclass
class Progress:
    """Where a run is."""

    step: int = 0  # steps done
    wall_s: float = 0.0  # over all starts
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry an epoch
    sums: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))  # of this process's epoch so far


@dataclass(frozen=True, eq=False)
class Trainer:
    """What all steps of a run share."""

    options: Options
    images: Images
    learning: Learning
    forward: Callable[[Tensor], Tensor]  # the network, compiled or shared among processes if asked
    processes: Processes
    mean: Tensor
    deviation: Tensor
    recorded: Recording | None = None  # the passes as a CUDA graph, if asked

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches of the training images."""
        return self.images.n_train // self.options.learning.batch

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.steps_per_epoch * self.options.learning.epochs

    def ready(self, x: Tensor) -> Tensor:
        """Images on the device, scaled by the training images' mean and standard deviation."""
        x = (x.to(self.processes.device, non_blocking=True) - self.mean) / self.deviation
        return x.contiguous(memory_format=torch.channels_last) if x.is_cuda else x

    def cast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision that was asked for."""
        if self.options.machine.precision == "bf16":
            return torch.autocast(self.processes.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def step(self, x: Tensor, y: Tensor, step: int) -> Tensor:
        """One step; sums of loss and hits over the images, and their number, without waiting for the device."""
        torch.manual_seed(stream_seed(self.options.seed, "step", step * self.processes.number + self.processes.rank))
        if self.recorded is not None:
            sums = self.recorded(x, y)
        else:
            for optimiser in (self.learning.weights, self.learning.feedback):
                if optimiser is not None:
                    optimiser.zero_grad(set_to_none=True)
            sums = self.passes(x, y.to(self.processes.device, non_blocking=True))
        descend(self.learning, self.options, step, self.steps)
        return sums

    def passes(self, x: Tensor, y: Tensor) -> Tensor:
        """Forward and backward: gradients are added to, and the sums of a step returned."""
        with self.cast():
            scores = self.forward(self.ready(x))
        loss = F.cross_entropy(scores.float(), y)
        loss.backward()
        return measured(scores, y, loss.detach() * len(y))

    @torch.no_grad()
    def judge(self, part: str) -> dict[str, float]:
        """Loss and accuracy on a part, over all processes."""
        network = self.learning.network
        self.processes.same_buffers(network)
        network.eval()
        sums = torch.zeros(3, dtype=torch.float64, device=self.processes.device)
        for x, y in self.images.judge(part, self.options.learning.batch, self.processes.rank, self.processes.number):
            y = y.to(self.processes.device)
            with self.cast():
                scores = network(self.ready(x))
            sums += measured(scores, y, F.cross_entropy(scores.float(), y, reduction="sum"))
        network.train()
        loss, accuracy = means(self.processes.total(sums))
        return {f"{part}_loss": loss, f"{part}_accuracy": accuracy}


def measured(scores: Tensor, labels: Tensor, loss_sum: Tensor) -> Tensor:
    """Sum of the loss, hits, images."""
    hits = (scores.detach().argmax(1) == labels).sum()
    return torch.stack([loss_sum.double(), hits.double(), torch.full_like(hits, len(labels)).double()])


def means(sums: Tensor) -> tuple[float, float]:
    """Loss and accuracy from their sums."""
    loss, hits, number = sums.tolist()
    return loss / number, hits / number


def train(trainer: Trainer, progress: Progress, folder: Path) -> Status:
    """Train from where ``progress`` is to the end; it and the folder tell what happened.

    "stopped" after SIGTERM or SIGINT, with a checkpoint of the step just done; "nan" when the loss isn't finite.
    """
    options, processes = trainer.options, trainer.processes
    log = Log(folder, progress.step, trainer.steps, options.keeping.tensorboard) if processes.first else None
    began = time.perf_counter() - progress.wall_s
    with log or contextlib.nullcontext(), asked_to_stop() as stop:
        progress.sums = progress.sums.to(processes.device)
        while progress.step < trainer.steps:
            for x, y in _rest_of_epoch(trainer, progress.step):
                sums = trainer.step(x, y, progress.step)
                progress.step += 1
                progress.sums += sums
                if log:
                    log.advance()
                if not _looks(trainer, progress.step):
                    continue
                sums, stopping = _agreed(processes, sums, stop())
                progress.wall_s = time.perf_counter() - began
                if not math.isfinite(float(sums[0])):
                    return "nan"
                if log and progress.step % options.keeping.log_every == 0:
                    log.write("step", step_entry(trainer, progress, sums))
                if progress.step % trainer.steps_per_epoch == 0 and not _finish_epoch(trainer, progress, log):
                    return "nan"
                if stopping or _saves(trainer, progress.step):
                    save(trainer, progress, folder)
                if stopping and progress.step < trainer.steps:
                    return "stopped"
    progress.wall_s = time.perf_counter() - began
    return "done"


def _rest_of_epoch(trainer: Trainer, step: int) -> Iterator[tuple[Tensor, Tensor]]:
    epoch, first = divmod(step, trainer.steps_per_epoch)
    processes = trainer.processes
    return trainer.images.epoch(epoch, trainer.options.learning.batch, first, processes.rank, processes.number)


def _looks(trainer: Trainer, step: int) -> bool:
    """Whether to wait for the device after a step: always on a CPU, else where something is written or judged."""
    cpu = trainer.processes.device.type == "cpu"
    written = step % trainer.options.keeping.log_every == 0 or step % trainer.steps_per_epoch == 0
    return cpu or written or _saves(trainer, step)


def _saves(trainer: Trainer, step: int) -> bool:
    own = trainer.options.keeping
    every = own.checkpoint_every
    return step % (own.checkpoint_epochs * trainer.steps_per_epoch) == 0 or bool(every and step % every == 0)


def _agreed(processes: Processes, sums: Tensor, stopping: bool) -> tuple[Tensor, bool]:
    """Sums over all processes, and whether any of them was asked to stop."""
    told = processes.total(torch.cat([sums, sums.new_tensor([float(stopping)])]))
    return told[:3], bool(told[3] > 0)


def step_entry(trainer: Trainer, progress: Progress, sums: Tensor) -> dict[str, Any]:
    """What a step's line in the log says."""
    loss, accuracy = means(sums)
    rate, feedback_rate = rates(trainer.options, progress.step - 1, trainer.steps)
    entry: dict[str, Any] = {
        "step": progress.step,
        "epoch": (progress.step - 1) // trainer.steps_per_epoch,
        "loss": loss,
    }
    entry |= {"accuracy": accuracy, "rate": rate, "feedback_rate": feedback_rate}
    if trainer.options.keeping.angles:
        entry["angle"] = median_angle(angles(trainer.learning.network))
    return entry | {"wall_s": round(progress.wall_s, 3)}


def _finish_epoch(trainer: Trainer, progress: Progress, log: Log | None) -> bool:
    """Judge, and add an entry to the history; False, and no entry, if a loss is not finite.

    With validation images the test images are kept for the end.
    """
    loss, accuracy = means(trainer.processes.total(progress.sums))
    progress.sums.zero_()
    last = progress.step == trainer.steps
    parts = [part for part in trainer.images.parts if part == "validation" or last or len(trainer.images.parts) == 1]
    entry: dict[str, Any] = {"epoch": progress.step // trainer.steps_per_epoch, "step": progress.step}
    entry |= {"train_loss": loss, "train_accuracy": accuracy}
    for part in parts:
        entry |= trainer.judge(part)
    if not all(math.isfinite(entry[f"{part}_loss"]) for part in parts):
        return False
    if trainer.options.keeping.angles:
        by_layer = angles(trainer.learning.network)
        entry |= {"angle": median_angle(by_layer), "angles": by_layer}
    entry["wall_s"] = round(progress.wall_s, 3)
    progress.history.append(entry)
    if log:
        log.write("epoch", entry)
        judged = ", ".join(f"{part} {entry[f'{part}_accuracy']:.4f}" for part in parts)
        angle = f", angle {entry['angle']:.1f}°" if entry.get("angle") is not None else ""
        log.say(f"epoch {entry['epoch']}: loss {loss:.4f}, accuracy: training {accuracy:.4f}, {judged}{angle}")
    return True


def save(trainer: Trainer, progress: Progress, folder: Path) -> None:
    """A checkpoint of where the run is. The sums of all processes are kept by the first."""
    sums = trainer.processes.total(progress.sums.clone())
    if trainer.processes.first:
        state = trainer.learning.state() | {"step": progress.step, "wall_s": progress.wall_s}
        state |= {"history": progress.history, "sums": sums}
        deep_checkpoint.save(folder / "checkpoints", progress.step, state, trainer.options.keeping.keep)


def restore(trainer: Trainer, state: dict[str, Any]) -> Progress:
    """Go on from a checkpoint."""
    trainer.learning.restore(state)
    sums = state["sums"] if trainer.processes.first else torch.zeros_like(state["sums"])
    return Progress(state["step"], state["wall_s"], state["history"], sums)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came since; a second SIGINT stops at once."""
    came: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for wanted in (signal.SIGTERM, signal.SIGINT):
        before[wanted] = signal.signal(wanted, note)
    try:
        yield lambda: bool(came)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def shared_forward(
    learning: Learning, options: Options, processes: Processes, x: Tensor, y: Tensor
) -> Callable[[Tensor], Tensor]:
    """The network as a step calls it: compiled, checked against the uncompiled, its gradients shared if asked."""
    network = forward = learning.network
    if options.machine.compile:
        forward = torch.compile(network)  # type: ignore[assignment]
        within = ROUNDING[options.machine.precision]
        check_compiled(network, forward, x, lambda scores: F.cross_entropy(scores.float(), y), within)
    if processes.number > 1:
        devices = [processes.device] if processes.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(forward, device_ids=devices)
    return forward
