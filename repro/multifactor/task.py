"""Digits with distractors: directions of pixel space in which every sample has fresh noise that says nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

DISTRACTORS = 10  # directions


@dataclass(frozen=True)
class Draw:
    """Distractors of one seed, and the held-out and probe samples with their noise."""

    directions: Float[np.ndarray, "distractors inputs"]  # orthonormal
    std: float
    held_out: Float[np.ndarray, "held_out inputs"]
    probe: Float[np.ndarray, "probe inputs"]

    def add(self, x: Float[np.ndarray, "samples inputs"], random: np.random.Generator) -> np.ndarray:
        """Samples with fresh noise along the distractors, x' = x + s Σ n_m d_m with n_m standard normal."""
        if not self.std:
            return x
        return x + self.std * random.standard_normal((len(x), len(self.directions))) @ self.directions


@dataclass(frozen=True)
class Task:
    """Training and held-out samples of a classification, and how strong the distractors are.

    Inputs should have the training mean taken off; noise of a training sample is fresh at every presentation.
    """

    inputs: Float[np.ndarray, "samples inputs"]
    labels: Int[np.ndarray, "samples"]
    held_out_inputs: Float[np.ndarray, "held_out inputs"]
    held_out_labels: Int[np.ndarray, "held_out"]
    distractor_std: float = 0.0  # s, in units of the pixels' range
    probes: int = 256  # training samples, the first ones, on which angles are measured

    def __post_init__(self) -> None:
        if not (math.isfinite(self.distractor_std) and self.distractor_std >= 0):
            raise ValueError(
                f"Task: distractor_std is {self.distractor_std!r}; allowed is a finite number, 0 or larger"
            )

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def one_hot(self) -> Float[np.ndarray, "samples classes"]:
        """Targets: 1 for the class, 0 for the others."""
        return np.eye(self.classes)[self.labels]

    @property
    def probe(self) -> slice:
        """Which training samples angles are measured on."""
        return slice(0, self.probes)

    def distractors(self, seed: int) -> Draw:
        """The distractors of a seed, the same for training, probe and held-out samples."""
        random = np.random.default_rng([seed, 2])
        count = min(DISTRACTORS, self.inputs.shape[1])
        directions = np.linalg.qr(random.standard_normal((self.inputs.shape[1], count)))[0].T
        bare = Draw(directions, self.distractor_std, self.held_out_inputs, self.inputs[self.probe])
        return Draw(directions, self.distractor_std, bare.add(bare.held_out, random), bare.add(bare.probe, random))
