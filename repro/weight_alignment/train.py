"""Train a deep network with learned feedback: ``python -m repro.weight_alignment.train --help``.

    python -m repro.weight_alignment.train --data digits --model resnet8 --rule SA --epochs 3 --batch 64 --out runs/a

You should see the accuracy of three epochs in under a minute on one core, and ``runs/a/result.json``.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import nn

from repro import provenance
from repro.errors import Mistake
from repro.results import write_atomically
from repro.weight_alignment import deep_checkpoint
from repro.weight_alignment.deep_data import load_arrays
from repro.weight_alignment.deep_folder import load_folder
from repro.weight_alignment.deep_graph import record
from repro.weight_alignment.deep_images import Images
from repro.weight_alignment.deep_loop import Progress, Status, Trainer, restore, shared_forward, train
from repro.weight_alignment.deep_network import make
from repro.weight_alignment.deep_options import Options, check
from repro.weight_alignment.deep_processes import Processes, joined

STOPPED = 143  # exit code after SIGTERM, as a shell gives it


def run(options: Options) -> Status:
    """Train as the options say, or go on with it; ``options.out`` then tells what happened.

    Returns "done", "nan" (the loss wasn't finite; recorded like any other result) or "stopped" (asked to by a signal;
    the same options go on).

    Raises Mistake for options that are not allowed, and for a folder that holds a run with other options.
    """
    check(options)
    with joined(options.machine.device) as processes:
        _check_batch(options, processes.number)
        fixed = _plain(options.fixed() | {"device": processes.device.type, "processes": processes.number})
        folder = options.out
        finished = refuse_another(folder, "result.json", fixed)
        if finished is not None:
            if processes.first:
                print(f"{folder} holds this run, ended already: {finished['status']}")
            return finished["status"]
        refuse_another(folder, "options.json", fixed)
        with alone(folder, processes):
            return _train(options, processes, fixed)


def _train(options: Options, processes: Processes, fixed: dict[str, Any]) -> Status:
    folder = options.out
    _fix_algorithms(options, processes)
    images = load_images(options)
    facts = _plain(images.facts)
    if images.n_train < options.learning.batch:
        raise Mistake(f"--batch is {options.learning.batch}; allowed is up to the {images.n_train} training images")
    before = refuse_another(folder, "options.json", fixed)
    if before is not None and before["data"].get("sha256") != facts.get("sha256"):
        raise Mistake(f"{folder} holds a run on other data ({before['data']['title']}); give another --out")
    record = {"fixed": fixed, "options": options.flat(), "resolved": options.resolved(), "data": facts}
    if processes.first and before is None:
        write_atomically(folder / "options.json", _json(record))
    trainer = assemble(options, images, processes)
    state = processes.from_first(deep_checkpoint.newest(folder / "checkpoints") if processes.first else None)
    progress = Progress() if state is None else restore(trainer, state)  # type: ignore[arg-type]
    if processes.first:
        print(f"{facts['title']}, {images.n_train} training images; {options.model}, rule {options.feedback.rule}")
        if state is not None:
            print(f"going on after step {progress.step} of {trainer.steps}")
    status = train(trainer, progress, folder)
    if processes.first:
        _tell(status, progress, folder)
        if status != "stopped":
            write_atomically(folder / "result.json", _json(result(status, progress, record, processes)))
    return status


def assemble(options: Options, images: Images, processes: Processes) -> Trainer:
    """Network, optimisers and images of a run, before its first step."""
    learning = make(options, images.channels, images.side, images.classes, processes.device)
    if options.machine.sync_batch_norm:
        if processes.device.type != "cuda":
            raise Mistake("--sync-batch-norm needs GPUs: torch has it for these alone")
        nn.SyncBatchNorm.convert_sync_batchnorm(learning.network)  # in place, with the same parameters
    mean, deviation = (each.to(processes.device) for each in images.scale())
    trainer = Trainer(options, images, learning, learning.network, processes, mean, deviation)
    x, y = next(images.epoch(0, options.learning.batch, 0, processes.rank, processes.number))
    if options.machine.graph:
        if processes.device.type != "cuda" or processes.number > 1:
            raise Mistake(f"--graph needs one process on a GPU; here are {processes.number} on {processes.device.type}")
        recorded = record(trainer.passes, learning.network, x.to(processes.device), y.to(processes.device))
        return dataclasses.replace(trainer, recorded=recorded)
    with trainer.cast():
        forward = shared_forward(learning, options, processes, trainer.ready(x), y.to(processes.device))
    return dataclasses.replace(trainer, forward=forward)


def load_images(options: Options) -> Images:
    """The images that the options name."""
    own = options.data
    if own.data == "imagenet":
        assert own.path is not None  # by check
        return load_folder(
            own.path,
            n_images=own.n_images,
            per_class=own.per_class,
            n_test=own.n_test,
            side=own.side,
            workers=own.workers,
            seed=options.seed,
        )
    return load_arrays(
        own.data,
        own.path,
        n_images=own.n_images,
        per_class=own.per_class,
        n_test=own.n_test,
        validation=own.validation,
        crops=own.augment == "crop-flip" or (own.augment == "auto" and own.data == "cifar10"),
        seed=options.seed,
    )


def result(status: Status, progress: Progress, record: dict[str, Any], processes: Processes) -> dict[str, Any]:
    """What is kept of a finished run; accuracies are None where they were not measured or the loss was not finite."""
    last = progress.history[-1] if progress.history and status == "done" else {}
    names = ("train_loss", "train_accuracy", "validation_accuracy", "test_accuracy")
    return {
        "status": status,
        **{name: last.get(name) for name in names},
        "steps": progress.step,
        "wall_s": round(progress.wall_s, 1),
        "history": progress.history,
        **record,
        "provenance": provenance.record(
            command=provenance.command("repro.weight_alignment.train"),
            device=device_name(processes.device),
            processes=processes.number,
            threads=torch.get_num_threads(),
        ),
    }


def refuse_another(folder: Path, name: str, fixed: dict[str, Any]) -> dict[str, Any] | None:
    """What a file of an earlier start says, None if there is none.

    Raises Mistake naming the first option that differs.
    """
    path = folder / name
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    for option, value in fixed.items():
        was = stored["fixed"].get(option)
        if was != value:
            flag = option.replace("_", "-")
            raise Mistake(f"{folder} holds a run with --{flag} {was}, not {value}; give another --out, or remove it")
    return stored


@contextmanager
def alone(folder: Path, processes: Processes) -> Iterator[None]:
    """Keep other runs out of the folder; the operating system lets go of it however this one ends."""
    if not processes.first:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Mistake(f"another run is at work in {folder}; give another --out") from None
        yield


def _check_batch(options: Options, processes: int) -> None:
    if options.learning.batch % processes:
        raise Mistake(f"--batch is {options.learning.batch}; allowed is a multiple of the {processes} processes")


def _fix_algorithms(options: Options, processes: Processes) -> None:
    """On a CPU the same bits every time; on a GPU if asked."""
    fixed = processes.device.type == "cpu" or options.machine.deterministic
    if fixed and processes.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(fixed)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs a tenth of the time
    torch.backends.cudnn.benchmark = not fixed


def _tell(status: Status, progress: Progress, folder: Path) -> None:
    where = f"step {progress.step}"
    if status == "nan":
        print(f"the loss is not finite at {where}: the run has diverged and ends here; recorded in {folder}")
    elif status == "stopped":
        print(f"stopped after {where}; the same command goes on from there")
    else:
        print(f"done after {where}, {progress.wall_s:.0f} s; {folder / 'result.json'}")


def device_name(device: torch.device) -> str:
    """What a GPU is called; a processor is "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _plain(values: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(values, default=dict))


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, default=dict) + "\n").encode()


def main() -> None:
    """The command line; a user's mistake ends in one line."""
    options = tyro.cli(Options, prog="python -m repro.weight_alignment.train", config=(tyro.conf.OmitArgPrefixes,))
    try:
        status = run(options)
    except Mistake as mistake:
        raise SystemExit(f"error: {mistake}") from None
    sys.exit(STOPPED if status == "stopped" else 0)


if __name__ == "__main__":
    main()
