"""What a training run can be told: one dataclass, from which the command line is made."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from repro.errors import Mistake
from repro.weight_alignment.options import CENTRINGS, NOISES, AlignmentInput
from repro.weight_alignment.rules import PRIMITIVES, RULES, Rule

DataName = Literal["digits", "mnist", "cifar10", "imagenet"]
ModelName = Literal["mlp", "convnet", "resnet8", "resnet20", "resnet56", "resnet18", "resnet50"]
RuleName = Literal["BP", "FA", "WM", "IA", "SA", "AA", "KP"]
ScheduleName = Literal["official", "cosine", "constant"]
OptimiserName = Literal["auto", "sgd", "nesterov", "adam"]


@dataclass(frozen=True)
class Data:
    """What is learned from."""

    data: DataName = "cifar10"
    """Images: digits, mnist and cifar10 as `python -m repro data list` shows; imagenet: a folder of your own."""
    path: Path | None = None
    """Where they lie. For imagenet a folder with train/CLASS/*.jpg and val/CLASS/*.jpg; needed there."""
    n_images: int = 0
    """Training images at most, in equal parts of the classes; 0: all."""
    per_class: int = 0
    """Training images of each class at most; 0: all."""
    n_test: int = 0
    """Test images at most, in equal parts of the classes; 0: all."""
    validation: int = 0
    """Training images set aside and judged after each epoch instead of the test images (for searches)."""
    augment: Literal["auto", "none", "crop-flip"] = "auto"
    """Crops shifted by up to 4 pixels and mirrored images; auto: for cifar10. imagenet always has its own."""
    side: int = 224
    """Pixels a side, imagenet only."""
    workers: int = 4
    """Processes that read images, imagenet only. Results don't depend on it."""


@dataclass(frozen=True)
class Learning:
    """How the weights learn. The defaults are the authors' schedule for ImageNet."""

    epochs: int = 90
    """Times that each training image is seen."""
    batch: int = 256
    """Images a step, of all processes together; what is left over in an epoch is left out."""
    rate: float = 0.1
    """Highest learning rate."""
    schedule: ScheduleName = "official"
    """official: linear warm-up, then x0.1 after 1/3, 2/3 and 8/9 of the run; cosine; constant."""
    momentum: float = 0.9
    """Nesterov momentum."""
    weight_decay: float = 1e-4
    """L2 on weights and biases of dense and convolutional layers, not on batch norm, never on the feedback."""
    noise: float = 0.0
    """Gaussian noise of rate times this standard deviation on each weight in each step."""


@dataclass(frozen=True)
class Feedback:
    """How the feedback weights learn. None leaves a coefficient to the rule."""

    rule: RuleName = "SA"
    """BP backpropagation, FA feedback alignment, WM weight mirror, IA information, SA symmetric, AA activation
    alignment, KP Kolen-Pollack."""
    decay: float | None = None
    """Coefficient of the primitive decay."""
    amp: float | None = None
    """Coefficient of the primitive amp."""
    null: float | None = None
    """Coefficient of the primitive null."""
    sparse: float | None = None
    """Coefficient of the primitive sparse."""
    self_weight: float | None = None
    """Coefficient of the primitive self."""
    feedback_optimiser: OptimiserName = "auto"
    """auto: nesterov for KP (it must learn as the weights do), adam for rules with activations (amp, null, sparse,
    whose sums over positions differ from layer to layer), sgd for the others."""
    feedback_rate: float | None = None
    """Learning rate of the feedback; by default that of the weights for KP, 1e-3 for adam, 50 for sgd."""
    feedback_schedule: ScheduleName | None = None
    """As for the weights; by default that of the weights for KP, else constant."""
    feedback_noise: float = 0.0
    """Gaussian noise of the feedback's rate times this standard deviation on each feedback weight in each step."""
    match_norm: bool = False
    """After each step, each layer's feedback gets the length of its weight."""
    batch_fraction: float = 1.0
    """Share of the batch that the alignment sees."""
    center: Literal["none", "batch", "sample"] = "none"
    """Mean that is taken from what the alignment sees."""
    mirror: Literal["none", "normal", "uniform"] = "none"
    """White noise that the alignment sees instead of the activations."""


@dataclass(frozen=True)
class Machine:
    """Where and how it is computed."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N. Under torchrun each process takes its own GPU."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: forward and backward in bfloat16; weights, feedback and their learning stay in float32."""
    compile: bool = False
    """Compile the network; its gradients are compared with the uncompiled ones first."""
    graph: bool = False
    """Record forward and backward passes as a CUDA graph: faster where a network is too small for its GPU. One
    process, not compiled."""
    deterministic: bool = False
    """Deterministic algorithms on a GPU too; on the CPU they always are."""
    sync_batch_norm: bool = False
    """Batch norm over all processes, GPU only; otherwise each process has its own mean, as is usual."""


@dataclass(frozen=True)
class Keeping:
    """What is written, and how often. Results don't depend on it."""

    checkpoint_every: int = 0
    """Steps between checkpoints; 0: after epochs alone."""
    checkpoint_epochs: int = 1
    """Epochs between checkpoints. More where an epoch takes less time than writing one."""
    keep: int = 2
    """Checkpoints kept."""
    log_every: int = 20
    """Steps between lines of log.jsonl."""
    angles: bool = False
    """Write the angle between feedback and weight of each layer after each epoch, and their median in each line."""
    tensorboard: bool = False
    """Write for TensorBoard too, into OUT/tensorboard; needs the package tensorboard."""


@dataclass(frozen=True)
class Options:
    """Train a deep network whose errors return by learned feedback weights.

    OUT gets result.json, log.jsonl and checkpoints/. The same command goes on where a stopped run was; a finished run
    is left as it is.
    """

    out: Path
    """Folder of this run."""
    model: ModelName = "resnet18"
    """Network."""
    stem: Literal["auto", "cifar", "imagenet"] = "auto"
    """Beginning of resnet18 and resnet50: 3 x 3 (cifar), 7 x 7 and max-pooling (imagenet), or by the image size."""
    seed: int = 0
    """From which weights, feedback, order, augmentation and noise follow."""
    data: Data = field(default_factory=Data)
    learning: Learning = field(default_factory=Learning)
    feedback: Feedback = field(default_factory=Feedback)
    machine: Machine = field(default_factory=Machine)
    keeping: Keeping = field(default_factory=Keeping)

    @property
    def rule(self) -> Rule:
        """The rule with its coefficients as given; Kolen-Pollack's decay follows the weights' L2."""
        named = RULES[self.feedback.rule]
        given = {name: getattr(self.feedback, name) for name in PRIMITIVES}
        if named.follows_weight_gradient and given["decay"] is None:
            given["decay"] = self.learning.weight_decay
        changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return dataclasses.replace(named, **changed)

    @property
    def alignment_input(self) -> AlignmentInput:
        """What the alignment sees."""
        return AlignmentInput(self.feedback.batch_fraction, self.feedback.center, self.feedback.mirror)

    @property
    def feedback_learning(self) -> tuple[str, float, str]:
        """Optimiser, highest rate and schedule of the feedback, the defaults resolved."""
        rule, own, weights = self.rule, self.feedback, self.learning
        optimiser = own.feedback_optimiser
        if optimiser == "auto":
            sees = rule.amp or rule.null or rule.sparse
            optimiser = "nesterov" if rule.follows_weight_gradient else "adam" if sees else "sgd"
        rate, schedule = own.feedback_rate, own.feedback_schedule
        if rate is None:
            rate = weights.rate if rule.follows_weight_gradient else 1e-3 if optimiser == "adam" else 50.0
        if schedule is None:
            schedule = weights.schedule if rule.follows_weight_gradient else "constant"
        return optimiser, rate, schedule

    def resolved(self) -> dict[str, Any]:
        """What the options left to the rule comes out as."""
        optimiser, rate, schedule = self.feedback_learning
        learning = {"feedback_optimiser": optimiser, "feedback_rate": rate, "feedback_schedule": schedule}
        return dict(zip(PRIMITIVES, self.rule.coefficients, strict=True)) | learning

    def flat(self) -> dict[str, Any]:
        """All options by the name that they have on the command line, as plain values."""
        values: dict[str, Any] = {}
        for name, value in dataclasses.asdict(self).items():
            values |= value if isinstance(value, dict) else {name: value}
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}

    def fixed(self) -> dict[str, Any]:
        """The options on which the result depends: two runs that share them are one run."""
        free = {"out", "path", "workers", "graph"} | {f.name for f in dataclasses.fields(Keeping)} - {"angles"}
        return {name: value for name, value in self.flat().items() if name not in free}


ABOVE_ZERO = ("epochs", "batch", "side", "keep", "log_every", "checkpoint_epochs")
ZERO_OR_MORE = ("n_images", "per_class", "n_test", "validation", "workers", "checkpoint_every", "seed")
ZERO_OR_LARGER = ("rate", "momentum", "weight_decay", "noise", "feedback_noise", "feedback_rate", *PRIMITIVES)


def check(options: Options) -> None:
    """Raise Mistake naming the first option that is not allowed, its value and what is."""
    values = options.flat()
    for name in ABOVE_ZERO:
        _require(values[name] >= 1, name, values[name], "1 or more")
    for name in ZERO_OR_MORE:
        _require(values[name] >= 0, name, values[name], "0 or more")
    for name in ZERO_OR_LARGER:
        value = values[name]
        _require(value is None or (math.isfinite(value) and value >= 0), name, value, "a finite number, 0 or larger")
    _require(values["momentum"] < 1, "momentum", values["momentum"], "0 or larger, below 1")
    _require(values["seed"] < 2**32, "seed", values["seed"], "below 2**32")
    _require(0 < values["batch_fraction"] <= 1, "batch_fraction", values["batch_fraction"], "above 0, at most 1")
    _require(values["center"] in CENTRINGS, "center", values["center"], ", ".join(CENTRINGS))
    _require(values["mirror"] in NOISES, "mirror", values["mirror"], ", ".join(NOISES))
    if values["rule"] == "BP":
        for name in (*PRIMITIVES, "feedback_rate", "feedback_noise", "match_norm"):
            _require(not values[name], name, values[name], "nothing: rule BP has no feedback of its own")
    given = values["n_images"] and values["per_class"]
    _require(not given, "per_class", values["per_class"], "0 beside --n-images: give one of them")
    if values["data"] == "imagenet":
        _require(options.data.path is not None, "path", None, "a folder with train/CLASS/*.jpg and val/CLASS/*.jpg")
    if values["validation"]:
        _require(values["data"] != "imagenet", "validation", values["validation"], "0 for imagenet, which has val/")
    if values["graph"]:
        _require(not values["compile"], "graph", True, "off with --compile")


def _require(holds: bool, name: str, value: Any, allowed: str) -> None:
    if not holds:
        raise Mistake(f"--{name.replace('_', '-')} is {value}; allowed is {allowed}")
