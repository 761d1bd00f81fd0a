"""Two processes under torchrun learn what one does, feedback included; a compiled network what an eager one does."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from repro.provenance import ROOT
from repro.weight_alignment import deep_checkpoint

COMMON = "--data digits --epochs 3 --batch 32 --n-images 128 --n-test 60 --device cpu --log-every 1"
PLAN = "--schedule constant --rate 0.05 --momentum 0.5"
TRAIN = ["-m", "repro.weight_alignment.train"]


def run(launcher, arguments, folder, cache):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [*launcher, *TRAIN, *COMMON.split(), *PLAN.split(), *arguments.split(), "--out", str(folder)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return (
        np.array([line["loss"] for line in lines if line["kind"] == "step"]),
        json.loads((folder / "result.json").read_text()),
        deep_checkpoint.newest(folder / "checkpoints")["network"],
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def same_learning(first, second, rtol):
    losses, result, network = first
    other_losses, other_result, other_network = second
    assert losses.max() - losses.min() > 0.05, "it learns, or equal losses would say little"
    np.testing.assert_allclose(other_losses, losses, rtol=rtol)
    for name, value in network.items():
        difference = (other_network[name] - value).norm() / value.norm()
        assert difference < 10 * rtol, name
    assert other_result["test_accuracy"] == pytest.approx(result["test_accuracy"], abs=1.01 / 60)  # one image may turn


def test_two_processes_learn_what_one_does(tmp_path, cache):
    """The network has no batch norm, so that only the order of sums differs: 6e-8 a sum, which twelve steps amplify.

    Activation alignment's gradient is a batch mean of quadratic terms: it is right only if the feedback's gradients are
    averaged as the weights' are.
    """
    arguments = "--model convnet --rule AA --feedback-optimiser sgd --feedback-rate 0.1"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    one = run([sys.executable], arguments, tmp_path / "one", cache)
    two = run(torchrun, arguments, tmp_path / "two", cache)
    assert (one[1]["fixed"]["processes"], two[1]["fixed"]["processes"]) == (1, 2)
    same_learning(one, two, rtol=1e-4)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++")
def test_compiled_it_learns_the_same(tmp_path, cache):
    """Feedback alignment: errors that went back by the weights would move the layers below elsewhere from the start."""
    eager = run([sys.executable], "--model mlp --rule FA", tmp_path / "eager", cache)
    compiled = run([sys.executable], "--model mlp --rule FA --compile", tmp_path / "compiled", cache)
    same_learning(eager, compiled, rtol=1e-3)  # fused kernels round elsewhere
