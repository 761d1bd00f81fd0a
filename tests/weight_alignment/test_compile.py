"""Canary: compiled, a feedback path must stay one. Torch has been seen to restore backpropagation silently.

Torch 2.13 gets gradients under compiled ``torch.func`` transforms wrong, and its inductor loses the factor of
``add(product, alpha=factor)``; the canary fails if either happens to our layers.
"""

import shutil
import subprocess
import sys

import pytest
import torch
from torch import nn

from repro.weight_alignment import RULES, convert

compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler, g++")


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=compiler)])
def test_compiled_feedback_is_neither_dropped_nor_changed(backend):
    command = [sys.executable, "-m", "tests.weight_alignment.compile_canary", backend]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (result.returncode, result.stdout) == (0, "feedback\n"), result.stderr[-2000:]


@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Conv2d(3, 2, 1)])
def test_function_transforms_are_refused(layer):
    network = convert(layer, RULES["FA"])
    with pytest.raises(RuntimeError, match=r"torch\.func transforms"):
        torch.func.grad(lambda x: network(x).sum())(
            torch.ones(3, 1, 1) if isinstance(layer, nn.Conv2d) else torch.ones(3)
        )
