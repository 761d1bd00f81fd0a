"""A small convolutional network on a part of CIFAR-10, its dense layers' feedback estimated by spiking units.

Two convolutions 5 x 5 with rectification, batch norm and pooling, three dense layers, as in the authors' code, but
narrower. As there, convolutions keep random feedback under feedback alignment and spiking estimates, and dense layers
are rectified before they are normalised [guerguiev2020spike].

Deviates: fewer maps and units, one softmax instead of two, no cropping and flipping; feedback starts Gaussian.
Backpropagation uses exact errors in every layer; "SA" aligns the dense layers alone, the best that estimates can do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from repro.data import load
from repro.errors import Mistake
from repro.spike_discontinuity import feedback_estimates as estimates
from repro.spike_discontinuity.feedback_phase import PhaseModel, no_descent, run_phase
from repro.spike_discontinuity.spiking_feedback import METHODS, SPIKING
from repro.weight_alignment import Rule, convert, feedback_layers, feedback_parameters, set_rule, weights_of
from repro.weight_alignment.layers import FeedbackLinear


@dataclass(frozen=True)
class Images:
    """Training, validation and test images, pixels from -1 to 1."""

    x: dict[str, Float[Tensor, "_samples channels height width"]]
    y: dict[str, Int[Tensor, "_samples"]]
    facts: dict[str, object]


def load_images(train: int, validation: int, test: int) -> Images:
    """The first images of each part of CIFAR-10; Mistake if there are fewer."""
    found = load("cifar10", validation=validation)
    parts = {
        "train": (found.x_train, found.y_train, train),
        "validation": (found.x_validation, found.y_validation, validation),
        "test": (found.x_test, found.y_test, test),
    }
    for name, (_, labels, wanted) in parts.items():
        if not 0 < wanted <= len(labels):
            raise Mistake(f"load_images: {wanted} {name} images; there are {len(labels)}")
    x = {name: torch.as_tensor(2 * images[:wanted] - 1) for name, (images, _, wanted) in parts.items()}
    y = {name: torch.as_tensor(labels[:wanted]) for name, (_, labels, wanted) in parts.items()}
    return Images(x, y, found.facts() | {"train": train, "validation": validation, "test": test})


@dataclass(frozen=True)
class ConvolutionalPlan:
    """Size and training of the network."""

    maps: tuple[int, int] = (16, 32)
    hidden: tuple[int, int] = (128, 64)
    batch: int = 32
    momentum: float = 0.9
    phase_seconds: float = 30.0  # of each dense layer, before every epoch
    model: PhaseModel = field(default_factory=PhaseModel)


def network(plan: ConvolutionalPlan, classes: int = 10) -> nn.Sequential:
    """The network for images of 32 x 32 pixels in three colours; torch's own random state makes its weights."""
    first, second = plan.maps
    one, two = plan.hidden
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, first, 5, bias=False), nn.ReLU(), nn.BatchNorm2d(first), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(first, second, 5, bias=False), nn.ReLU(), nn.BatchNorm2d(second), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Sequential(nn.Linear(25 * second, one), nn.ReLU(), nn.BatchNorm1d(one)),
        nn.Sequential(nn.Linear(one, two), nn.ReLU(), nn.BatchNorm1d(two)),
        nn.Linear(two, classes),
    )


class Training:
    """One network in training: its layers, optimisers, order of images and feedback phases."""

    def __init__(self, method: str, rate: float, seed: int, plan: ConvolutionalPlan) -> None:
        if method not in METHODS:
            raise Mistake(f"Training: there is no method {method!r}; there are {', '.join(METHODS)}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            plain = network(plan)
        rule = METHODS[method] if method == "BP" else Rule()
        generator = torch.Generator().manual_seed(seed + 1_000_003)
        self.model = convert(plain, rule, inplace=True, generator=generator)
        self.method, self.seed, self.plan, self.epoch = method, seed, plan, 0
        dense = [self.model[place] for place in (3, 4, 5)]
        self.dense = [layer for part in dense for layer in feedback_layers(part).values()]
        if method == "SA":
            for part in dense:
                set_rule(part, METHODS["SA"])
        self.weights = torch.optim.SGD(weights_of(self.model), lr=rate, momentum=plan.momentum)
        learned = [b for b in feedback_parameters(self.model) if b.requires_grad]
        self.feedback = torch.optim.SGD(learned, lr=1.0) if learned else None
        self.spreads = [float(layer.feedback.detach().double().std(unbiased=False)) for layer in self.dense]
        self.descents = [no_descent(layer.weight.detach().numpy()) for layer in self.dense]

    def phase(self) -> None:
        """A feedback phase of each dense layer, where the method has one."""
        if self.method not in SPIKING:
            return
        for place, layer in enumerate(self.dense):
            assert isinstance(layer, FeedbackLinear)
            weight, feedback = (m.detach().double().numpy() for m in (layer.weight, layer.feedback))
            draw = int(np.random.SeedSequence([self.seed, self.epoch, place]).generate_state(1)[0])
            kept = self.descents[place] if self.method == "as coded" else None
            done = run_phase(weight, self.plan.phase_seconds, draw, self.plan.model, descent=kept)
            if kept is None:
                estimate = estimates.constant(done.statistics[-1])
            else:
                self.descents[place] = done.descent[-1]
                estimate = estimates.from_descent(done.descent[-1], self.plan.model.threshold)
            with torch.no_grad():
                layer.feedback.copy_(torch.as_tensor(estimates.transfer(feedback, estimate, self.spreads[place])))

    def run_epoch(self, images: Images) -> None:
        """A feedback phase, then one pass over the training images in an order of the seed's and the epoch's."""
        self.phase()
        self.model.train()
        x, y = images.x["train"], images.y["train"]
        order = torch.as_tensor(np.random.default_rng([self.seed, self.epoch]).permutation(len(y)))
        for start in range(0, len(y) - self.plan.batch + 1, self.plan.batch):
            chosen = order[start : start + self.plan.batch]
            self.model.zero_grad()
            nn.functional.cross_entropy(self.model(x[chosen]), y[chosen]).backward()
            self.weights.step()
            if self.feedback is not None:
                self.feedback.step()
        self.epoch += 1

    def accuracy(self, images: Images, part: str) -> float:
        """Percent of a part's images that are classified as labelled."""
        self.model.eval()
        with torch.no_grad():
            pieces = zip(images.x[part].split(500), images.y[part].split(500), strict=True)
            right = sum(int((self.model(x).argmax(1) == y).sum()) for x, y in pieces)
        return 100 * right / len(images.y[part])

    def signs(self) -> list[float]:
        """Share of each dense layer's feedback that has the weight's sign."""
        pairs = [(layer.feedback.detach().numpy(), layer.weight.detach().numpy()) for layer in self.dense]
        return [estimates.sign_agreement(feedback, weight) for feedback, weight in pairs]
