"""Run by test_compile.py in a process of its own, since run-time type checks can't be compiled.

``python -m tests.weight_alignment.compile_canary BACKEND`` ends with an error if compiled feedback isn't feedback.
"""

import sys

import pytest
import torch
from torch import nn

from repro.weight_alignment import RULES, Rule, convert, revert

RULES_TO_COMPILE = {
    "FA": RULES["FA"],
    "KP": RULES["KP"],
    "IA": RULES["IA"],
    "WM": RULES["WM"],
    "all five": Rule(0.7, 1.3, 0.4, 0.9, 1.1),
}


def gradients(loss, network, x):
    network.zero_grad()
    x.grad = None
    loss(x).backward()
    return {"input": x.grad} | {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def check_backward(plain, x, rule, backend):
    """Compiled gradients equal the eager ones, which equal backpropagation's nowhere near."""
    network = convert(plain, rule)
    torch.compiler.reset()

    def loss(x):
        return network(x).square().mean()

    expected = gradients(loss, network, x)
    compiled = gradients(torch.compile(loss, backend=backend, fullgraph=True), network, x)
    backpropagated = gradients(lambda x: plain(x).square().mean(), plain, x)
    assert compiled.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-4, atol=1e-6, msg=f"{name}: {backend}")
    cosine = nn.functional.cosine_similarity(compiled["input"].flatten(), backpropagated["input"].flatten(), dim=0)
    assert cosine.abs() < 0.9, f"{backend}: the compiled input gradient is backpropagation's"


def check_function_transforms(plain, x, backend):
    """Refused compiled as well; the plain network may."""
    network = convert(plain, RULES["FA"])

    def loss(x):
        return network(x).sum()

    for transformed in (torch.compile(torch.func.grad(loss), backend=backend), torch.func.grad(torch.compile(loss))):
        torch.compiler.reset()
        with pytest.raises(RuntimeError, match=r"torch\.func transforms"):
            transformed(x.detach())
    torch.func.grad(lambda x: revert(network)(x).sum())(x.detach())


def main(backend):
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, groups=2, bias=False),
        nn.Flatten(),
        nn.Linear(36, 3),
    )
    x = torch.randn(5, 2, 11, 11, requires_grad=True)
    for rule in RULES_TO_COMPILE.values():
        check_backward(plain, x, rule, backend)
    check_function_transforms(plain, x, backend)
    print("feedback")


if __name__ == "__main__":
    main(sys.argv[1])
