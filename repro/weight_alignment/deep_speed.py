"""Time of a training step of deep networks by rule, and what the paper's training on ImageNet would take from it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repro.weight_alignment.convert import revert
from repro.weight_alignment.cost import theoretical_ratio
from repro.weight_alignment.deep_network import ROUNDING, check_compiled, descend, make
from repro.weight_alignment.deep_options import Feedback, Learning, Machine, Options
from repro.weight_alignment.rules import RULES

Mode = Literal["eager", "compiled"]
Precision = Literal["float32", "bf16"]
Convert = Callable[[nn.Module], nn.Module]
Timed = Callable[[], float]  # takes steps and gives the seconds of one

IMAGENET_IMAGES = 1_281_167  # training images
IMAGENET_EPOCHS = 90  # the authors' default
COMPILING_S = 900.0  # for how long a process may compile


@dataclass(frozen=True)
class Workload:
    """What a step is of, and where and how it is computed."""

    model: str
    side: int  # pixels
    batch: int  # images a step
    device: str = "cpu"
    mode: Mode = "eager"
    precision: Precision = "float32"

    @property
    def classes(self) -> int:
        """As ImageNet has them for large images, else ten."""
        return 1000 if self.side > 64 else 10

    @property
    def takes_peers(self) -> bool:
        """Whether other people's conversions can be timed too: not compiled, in float32."""
        return self.mode == "eager" and self.precision == "float32"

    def images(self, seed: int) -> tuple[Tensor, Tensor]:
        """Random images and labels on the device."""
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(self.batch, 3, self.side, self.side, generator=generator)
        y = torch.randint(self.classes, (self.batch,), generator=generator)
        if self.device == "cpu":
            return x, y
        return x.to(self.device).contiguous(memory_format=torch.channels_last), y.to(self.device)

    def options(self, rule: str, seed: int) -> Options:
        """Those of the training program; the rate is small, since how fast is asked, not how well."""
        steady = Learning(rate=1e-4, schedule="constant")
        machine = Machine(device=self.device, precision=self.precision)
        feedback = Feedback(rule=rule)  # type: ignore[arg-type]
        given = {"model": self.model, "seed": seed, "learning": steady, "feedback": feedback, "machine": machine}
        return Options(out=Path("unused"), **given)  # type: ignore[arg-type]


CPU_WORKLOADS = (Workload("resnet8", 32, 32), Workload("resnet20", 32, 32), Workload("resnet18", 224, 2))
GPU_WORKLOADS = tuple(
    each
    for side, batch in ((224, 64), (32, 256))
    for each in (
        Workload("resnet18", side, batch, "cuda"),
        Workload("resnet18", side, batch, "cuda", precision="bf16"),
        Workload("resnet18", side, batch, "cuda", "compiled", "bf16"),
    )
)


def step_times(
    workload: Workload,
    rounds: int,
    rules: Sequence[str] = tuple(RULES),
    seed: int = 0,
    peers: Mapping[str, Convert] | None = None,
    steps: int = 1,
) -> pd.DataFrame:
    """Time of a step of the training program by rule, the rules taking turns; random images.

    Before time, agreement: with rule BP the converted network must have plain torch's gradients, and a compiled
    network those of the uncompiled one. Uncompiled networks are all in this process; each compiled one has a process
    of its own, so that they compile side by side, and takes its steps while all others wait.

    On a CPU processor time counts, which is a step's time on one thread of an otherwise idle machine; on a GPU the
    clock on the wall, from one moment at which the GPU has nothing to do to the next.

    Parameters
    ----------
    peers
        Other people's conversions by name, each from a plain network to its own; uncompiled float32 networks alone.
    steps
        Taken at a time, after one that does not count.

    Returns
    -------
    One row a rule or peer: ``model``, ``side``, ``batch``, ``device`` (cpu, cuda), ``mode``, ``precision``, ``rule``,
    ``milliseconds`` (median), ``ratio`` (median of the round's ratios to backpropagation), ``ratio_low``,
    ``ratio_high`` (quartiles), ``theory`` (multiplications of a layer inside the network; nan for peers), ``rounds``.

    Raises RuntimeError if gradients don't agree or a process doesn't compile.
    """
    names = ["BP", *(name for name in rules if name != "BP")]
    check_backpropagation(workload, seed)
    with ExitStack() as processes:
        timed: dict[str, Timed] = {}
        if workload.mode == "compiled":
            timed = processes.enter_context(compiled_apart(workload, names, seed, steps))
        else:
            timed = {name: timer(own_step(workload, name, seed), steps, workload.device) for name in names}
            timed |= {
                name: timer(peer_step(workload, own, seed), steps, workload.device)
                for name, own in (peers or {}).items()
            }
        seconds = in_turns(timed, rounds, seed)
    rows = []
    for name, times in seconds.items():
        low, middle, high = np.quantile(times / seconds["BP"], [0.25, 0.5, 0.75])
        row = dataclasses.asdict(workload) | {"rule": name, "milliseconds": 1e3 * np.median(times)}
        row |= {"ratio": middle, "ratio_low": low, "ratio_high": high}
        row["theory"] = theoretical_ratio(RULES[name]) if name in RULES else np.nan
        rows.append(row | {"rounds": rounds})
    return pd.DataFrame(rows)


def own_step(workload: Workload, rule: str, seed: int) -> Callable[[], None]:
    """A training step of the program as a function without arguments; on a GPU it returns before the GPU has ended."""
    x, y = workload.images(seed)
    options = workload.options(rule, seed)
    learning = make(options, 3, workload.side, workload.classes, x.device)
    forward = learning.network
    if workload.mode == "compiled":
        forward = torch.compile(learning.network)  # type: ignore[assignment]
        with _cast(workload):
            within = ROUNDING[workload.precision]
            check_compiled(learning.network, forward, x, lambda scores: F.cross_entropy(scores.float(), y), within)

    def step() -> None:
        for optimiser in (learning.weights, learning.feedback):
            if optimiser is not None:
                optimiser.zero_grad(set_to_none=True)
        with _cast(workload):
            scores = forward(x)
        F.cross_entropy(scores.float(), y).backward()
        descend(learning, options, 0, 1)

    return step


def peer_step(workload: Workload, convert: Convert, seed: int) -> Callable[[], None]:
    """The same step of somebody else's conversion of the same plain network."""
    x, y = workload.images(seed)
    network = convert(_plain(workload, seed)).to(x.device)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(network(x), y).backward()
        optimiser.step()

    return step


def check_backpropagation(workload: Workload, seed: int) -> None:
    """Raise RuntimeError if rule BP has other gradients than the plain network (float32, uncompiled)."""
    x, y = workload.images(seed)
    network = make(workload.options("BP", seed), 3, workload.side, workload.classes, x.device).network
    plain = revert(network)
    for each in (network, plain):
        F.cross_entropy(each(x), y).backward()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        far = ours.grad is None or theirs.grad is None or not torch.allclose(ours.grad, theirs.grad, 1e-2, 1e-4)
        if far:
            raise RuntimeError("with rule BP the gradients are not those of plain torch")


def timer(step: Callable[[], None], steps: int, device: str) -> Timed:
    """Seconds of one of several steps, taken right after one that does not count, which fills the caches."""
    on_cpu = device == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter

    def wait() -> None:
        if not on_cpu:
            torch.cuda.synchronize(device)

    def timed() -> float:
        step()
        wait()
        began = clock()
        for _ in range(steps):
            step()
        wait()
        return (clock() - began) / steps

    return timed


def in_turns(timed: Mapping[str, Timed], rounds: int, seed: int) -> dict[str, np.ndarray]:
    """Seconds of each contestant in each round; the order is drawn anew in every round, and the first is not kept."""
    order = np.random.default_rng(seed)
    seconds = {name: np.empty(rounds) for name in timed}
    for each in timed.values():
        each()
    for number in range(rounds):
        for name in order.permutation(list(timed)):
            seconds[name][number] = timed[name]()
    return seconds


@contextmanager
def compiled_apart(workload: Workload, names: Sequence[str], seed: int, steps: int) -> Iterator[dict[str, Timed]]:
    """Each rule's compiled step in a process of its own, asked for its time through a pipe."""
    context = get_context("spawn")
    pipes, processes = {}, []
    for name in names:
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, workload, name, seed, steps), daemon=True)
        process.start()
        there.close()
        pipes[name] = here
        processes.append(process)
    try:
        for name, pipe in pipes.items():
            answer = _answer(pipe, name)
            if answer != "ready":
                raise RuntimeError(f"rule {name} does not compile: {answer}")
        yield {name: _asking(pipe, name) for name, pipe in pipes.items()}
    finally:
        for pipe in pipes.values():
            pipe.close()  # which ends the process
        for process in processes:
            process.join(10)
            process.terminate()


def serve(pipe: Connection, workload: Workload, rule: str, seed: int, steps: int) -> None:
    """Compile a step, say that it is ready, and time it whenever asked, until nobody is there to ask."""
    torch.set_num_threads(1)
    try:
        timed = timer(own_step(workload, rule, seed), steps, workload.device)
        timed()
    except Exception as error:  # whatever a compiler may raise is told to the one who asks
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send("ready")
    try:
        while pipe.recv():
            pipe.send(timed())
    except EOFError:
        return


def _asking(pipe: Connection, name: str) -> Timed:
    def timed() -> float:
        pipe.send(True)
        return float(_answer(pipe, name))

    return timed


def _answer(pipe: Connection, name: str) -> str:
    try:
        if pipe.poll(COMPILING_S):
            return str(pipe.recv())
    except EOFError:
        raise RuntimeError(f"the process of rule {name} ended without a word") from None
    raise RuntimeError(f"the process of rule {name} did not answer within {COMPILING_S:.0f} s")


def _plain(workload: Workload, seed: int) -> nn.Module:
    """The network before it was given feedback."""
    options = workload.options("BP", seed)
    return revert(make(options, 3, workload.side, workload.classes, torch.device(workload.device)).network)


def _cast(workload: Workload) -> torch.autocast:
    return torch.autocast(workload.device, torch.bfloat16, enabled=workload.precision == "bf16")


def imagenet_days(times: pd.DataFrame) -> pd.Series:
    """Days that the authors' 90 epochs of ImageNet would take at the measured step times, by rule: an estimate.

    Of the workloads of ImageNet's size alone; float32 where precisions differ. Reading the images is not counted.
    """
    own = times[(times.side == 224) & (times.precision == "float32")].set_index("rule")
    return own.milliseconds / own.batch * IMAGENET_IMAGES * IMAGENET_EPOCHS / 1e3 / 86_400
