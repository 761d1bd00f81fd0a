"""A program as sweeps run them: counts to ``--steps``, keeps count in its folder, and goes on from there."""

import fcntl
import os
import time
from pathlib import Path

import click


@click.command()
@click.option("--steps", default=3)
@click.option("--wait", default=0.0, help="seconds a step")
@click.option("--code", default=0, help="exit code")
@click.option("--gpu-seen", is_flag=True, help="write the numbers of the GPUs that are given, or none")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def count(steps: int, wait: float, code: int, gpu_seen: bool, out: Path) -> None:
    """Count; every start and every step adds a line to ``log``."""
    if gpu_seen:
        (out / "gpu").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    lock = open(out / "lock", "w")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as the training program does, to have its folder alone
    log = out / "log"
    with open(log, "a") as file:
        file.write("start\n")
    while (at := log.read_text().count("step")) < steps:
        time.sleep(wait)
        with open(log, "a") as file:
            file.write(f"step {at}\n")
    if code:
        raise SystemExit(code)
    (out / "result.json").write_text('{"status": "done"}')


if __name__ == "__main__":
    count()
