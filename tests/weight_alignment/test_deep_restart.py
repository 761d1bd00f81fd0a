"""Killed at any moment, a run goes on to the same end, bit by bit; asked to stop, it says so and goes on too.

Processes are compared with processes: in a process that has run other tests, bits may differ.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from repro.provenance import ROOT
from repro.weight_alignment import deep_checkpoint

COMMAND = (
    "--data digits --model resnet8 --rule AA --epochs 3 --batch 16 --n-images 640 --n-test 100 --augment crop-flip"
)
EXTRA = "--device cpu --checkpoint-every 7 --log-every 1 --angles --noise 0.01 --feedback-noise 0.01"
STEPS = 120


def start(folder, cache):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "repro.weight_alignment.train", *COMMAND.split(), *EXTRA.split(), "--out", folder]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error[-2000:]
    return out


def wait_for_line(process, folder, number):
    """Until the log has so many lines beyond those that are there."""
    log = folder / "log.jsonl"
    wanted = (log.read_text().count("\n") if log.exists() else 0) + number
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < wanted):
        time.sleep(0.001)


def without_times(value):
    if isinstance(value, dict):
        return {
            name: without_times(each) for name, each in value.items() if name not in ("wall_s", "provenance", "out")
        }
    return [without_times(each) for each in value] if isinstance(value, list) else value


def end(folder):
    result = without_times(json.loads((folder / "result.json").read_text()))
    log = [without_times(json.loads(line)) for line in (folder / "log.jsonl").read_text().splitlines()]
    state = deep_checkpoint.read(folder / "checkpoints" / f"step-{STEPS}.pt")
    return result, log, without_times(state)


def equal(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[name], second[name]) for name in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(equal(a, b) for a, b in zip(first, second, strict=True))
    return first == second


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(start(folder / "run", folder / "cache"))
    return folder


def test_killed_at_any_moment_it_ends_bit_identical(undisturbed, tmp_path):
    """Killed three times at moments drawn anew in every test run, its newest checkpoint then damaged as well."""
    folder, moments, killed_after = tmp_path / "run", random.Random(), []
    for _ in range(3):
        process = start(folder, undisturbed / "cache")
        wait_for_line(process, folder, moments.randint(1, 25))
        time.sleep(moments.uniform(0, 0.02))
        process.kill()
        _, error = process.communicate()
        if process.returncode == 0:  # on a busy machine it may have ended before the signal came
            break
        assert process.returncode == -signal.SIGKILL, error[-2000:]
        found = deep_checkpoint.paths(folder / "checkpoints")
        killed_after.append(found[0].name if found else "no checkpoint")
    if len(found) > 1:
        found[0].write_bytes(found[0].read_bytes()[:-100])
    finish(start(folder, undisturbed / "cache"))
    assert killed_after, "no kill came in time"
    for name, first, second in zip(("result", "log", "state"), end(undisturbed / "run"), end(folder), strict=True):
        assert equal(first, second), f"{name} differs; killed after {killed_after}"


def test_asked_to_stop_it_keeps_its_last_step(undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, undisturbed / "cache")
    wait_for_line(process, folder, 10)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    done = max(entry["step"] for entry in entries)
    assert deep_checkpoint.newest(folder / "checkpoints")["step"] == done < STEPS
    assert f"stopped after step {done}; the same command goes on" in out
    out = finish(start(folder, undisturbed / "cache"))
    assert f"going on after step {done} of {STEPS}" in out
    for first, second in zip(end(undisturbed / "run"), end(folder), strict=True):
        assert equal(first, second)
