"""What must hold exactly, measured: how far the code is from the identities that the rules rest on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from repro.weight_alignment.convert import convert, feedback_layers
from repro.weight_alignment.learners import Learner, Shape
from repro.weight_alignment.network_batch import initial, settings
from repro.weight_alignment.network_step import step
from repro.weight_alignment.operators import Convolution
from repro.weight_alignment.primitives import gradient, potential
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def _draws(seed: int, *sizes: tuple[int, ...]) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=random, dtype=torch.float64) for size in sizes]


def primitive_gradient_deviation(seed: int) -> dict[str, float]:
    """Relative deviation of each primitive's update from autograd of its potential, dense or strided convolution."""
    cases: list[tuple[list[Tensor], Convolution | None]] = [
        (_draws(seed, (5, 7), (5, 7), (11, 7)), None),
        (_draws(seed, (4, 3, 3, 3), (4, 3, 3, 3), (6, 3, 9, 9)), Convolution(stride=(2, 2), padding=(1, 1))),
    ]
    worst = {}
    for name in PRIMITIVES:
        deviations = []
        for (weight, feedback, x), convolution in cases:
            feedback = feedback.clone().requires_grad_()
            (expected,) = torch.autograd.grad(potential(name, weight, feedback, x, convolution), feedback)
            found = gradient(Rule(**{name: 1.0}), weight, feedback.detach(), x, convolution)  # type: ignore[arg-type]
            deviations.append(_relative(found, expected))
        worst[name] = max(deviations)
    return worst


def squared_distance_deviation(seed: int) -> dict[str, float]:
    """Relative deviation of SA and AA from the gradients of ½|W - B|² and ½E|Wx - Bx|²."""
    weight, feedback, x = _draws(seed, (5, 7), (5, 7), (11, 7))
    feedback.requires_grad_()
    distances = {
        "SA": (weight - feedback).square().sum() / 2,
        "AA": (x @ (weight - feedback).T).square().sum(1).mean() / 2,
    }
    rules = {"SA": Rule(self_weight=1.0, decay=1.0), "AA": Rule(amp=1.0, sparse=1.0)}
    return {
        name: _relative(gradient(rules[name], weight, feedback.detach(), x), torch.autograd.grad(d, feedback)[0])
        for name, d in distances.items()
    }


def moved_beside_feedback(seed: int) -> float:
    """Largest change of the gradients of weights, biases and inputs when all primitives are on, feedback held."""
    (x,) = _draws(seed, (9, 6))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        plain = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    gradients = []
    for rule in (RULES["FA"], Rule(1.0, 1.0, 1.0, 1.0, 1.0)):
        network = convert(plain, rule, generator=torch.Generator().manual_seed(seed))
        seen = x.clone().requires_grad_()
        network(seen).square().sum().backward()
        own = {id(layer.feedback) for layer in feedback_layers(network).values()}
        gradients.append([seen.grad, *(p.grad for p in network.parameters() if id(p) not in own)])
    return max(float((a - b).abs().max()) for a, b in zip(*gradients, strict=True))


def lag_deviation(seed: int, steps: int = 20) -> float:
    """Largest distance of SA's feedback from the weight one step earlier, both its rates being 1, in training."""
    shape = Shape(6, (8, 7), 4)
    learners = [Learner(Rule(self_weight=1.0, decay=1.0), rate=0.1, momentum=0.9, seed=seed)]
    tuned = settings(learners, torch.float64, torch.device("cpu"))
    networks = initial(learners, shape, torch.float64, torch.device("cpu"))
    random = torch.Generator().manual_seed(seed)
    worst = 0.0
    for _ in range(steps):
        before = [weight.clone() for weight in networks.weights]
        x = torch.randn(1, 8, shape.inputs, generator=random, dtype=torch.float64)
        step(networks, tuned, x, torch.randint(shape.classes, (1, 8), generator=random), {})
        pairs = zip(networks.feedback[1:], before[1:], strict=True)
        worst = max(worst, *(float((feedback - old).abs().max()) for feedback, old in pairs))
    return worst


def chain_gain_deviation(gain: float, layers: int, width: int, seed: int) -> float:
    """Largest relative deviation of a linear chain's gradients from gain^(layers above) times backprop's.

    The feedback of the converted chain is ``gain`` times the weight, so that an error grows by ``gain`` in each layer.
    """
    weights = _draws(seed, *[(width, width)] * layers)
    plain = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(layers))).double()
    for linear, weight in zip(plain, weights, strict=True):
        linear.weight.data = weight / width**0.5
    chain = convert(plain, RULES["FA"])
    for layer in feedback_layers(chain).values():
        layer.feedback.data = gain * layer.weight.data
    (x,) = _draws(seed + 1, (8, width))
    gradients = []
    for network in (plain, chain):
        output = network(x)
        output.backward(torch.ones_like(output))  # the same error at the top of both
        gradients.append([parameter.weight.grad for parameter in network])
    pairs = enumerate(zip(*gradients, strict=True))
    return max(_relative(found, gain ** (layers - 1 - number) * exact) for number, (exact, found) in pairs)


def counted_cost(rules: dict[str, Rule]) -> dict[str, float]:
    """Multiplications of a step over backpropagation's, counted by torch, for a dense layer in the middle of a network.

    Its input wants a gradient and its feedback is learned; a network's first layer is cheaper.
    """
    counts = {}
    for name, rule in (rules | {"BP": RULES["BP"]}).items():
        layer = convert(nn.Sequential(nn.Linear(64, 64, bias=False)), rule)
        x = torch.randn(32, 64, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            layer(x).sum().backward()
        counts[name] = counter.get_total_flops()
    return {name: counts[name] / counts["BP"] for name in rules}
