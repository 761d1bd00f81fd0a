"""What must hold exactly of all sets of primitives, measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from repro.weight_alignment.fixed_points import Kind
from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.primitive_sets import FACTORS, all_sets, kind, members
from repro.weight_alignment.rules import Rule


@dataclass(frozen=True)
class Course:
    """Feedback of all sets, all coefficients 1, iterated on weights that rest."""

    weight: Float[np.ndarray, "outputs inputs"]
    covariance: Float[np.ndarray, "inputs inputs"]
    start: Float[np.ndarray, "outputs inputs"]  # the same for every set
    half: Float[np.ndarray, "sets outputs inputs"]  # after half the steps
    end: Float[np.ndarray, "sets outputs inputs"]


def iterate(seed: int, outputs: int = 4, inputs: int = 7, rate: float = 0.05, steps: int = 4000) -> Course:
    """Iterate the averaged update of every set on one random layer, float64."""
    random = np.random.default_rng(seed)
    # singular values near 1: what shrinks at all shrinks in the time that is given
    weight = np.linalg.qr(random.standard_normal((inputs, outputs)))[0].T * random.uniform(0.7, 1.3, (outputs, 1))
    root = np.eye(inputs) + 0.3 * random.standard_normal((inputs, inputs)) / np.sqrt(inputs)
    covariance = root @ root.T
    on = {name: np.array([float(name in members(s)) for s in all_sets()])[:, None, None] for name in FACTORS}
    start = random.standard_normal((outputs, inputs))
    feedback = np.broadcast_to(start, (len(all_sets()), outputs, inputs)).copy()
    seen, between = weight @ covariance, weight @ covariance @ weight.T
    half = feedback
    for step in range(steps):
        half = feedback.copy() if step == steps // 2 else half
        shrink = on["decay"] * feedback + on["sparse"] * (feedback @ covariance) + on["null"] * (between @ feedback)
        feedback = feedback - rate * (shrink - on["amp"] * seen - on["self"] * weight)
    return Course(weight, covariance, start, half, feedback)


def observed_kinds(course: Course) -> dict[str, Kind]:
    """What the feedback of each set does.

    Frozen if it does not move, unbounded if it still grows from half time to the end, collapsed if less than a
    millionth is left, else fixed.
    """
    size, before = (np.linalg.norm(b, axis=(1, 2)) / np.linalg.norm(course.start) for b in (course.end, course.half))
    found: dict[str, Kind] = {}
    for place, name in enumerate(all_sets()):
        if (course.end[place] == course.start).all():
            found[name] = "frozen"
        elif size[place] > 1.5 * before[place] and size[place] > 1:
            found[name] = "unbounded"
        else:
            found[name] = "collapse" if size[place] < 1e-6 else "fixed"
    return found


def class_mismatches(seed: int) -> int:
    """Number of sets whose feedback does something else than their signs say."""
    return sum(found != kind(name) for name, found in observed_kinds(iterate(seed)).items())


def deviation_from_frozen(rule: Rule, seed: int) -> float:
    """Largest difference between weights trained with a rule and with frozen feedback, both of the weights' norm.

    Relative to the largest weight; float64, a few epochs on made-up classes.
    """
    random = np.random.default_rng(seed)
    centres = random.standard_normal((4, 12))
    labels = random.integers(0, 4, 96)
    examples = Examples(centres[labels] + 0.5 * random.standard_normal((96, 12)), labels)
    learners = [Learner(each, 0.05, seed=seed, momentum=0.9, match_norm=True) for each in (rule, Rule())]
    ends: dict[int, list[torch.Tensor]] = {}

    def keep(networks, places, epoch) -> None:  # type: ignore[no-untyped-def]
        ends.update({place: [w[i].clone() for w in networks.weights] for i, place in enumerate(places)})

    train(learners, Shape(12, (10, 10), 4), examples, examples, Schedule(4, 16), dtype=torch.float64, watch=keep)
    largest = max(float(w.abs().max()) for w in ends[1])
    return max(float((a - b).abs().max()) for a, b in zip(ends[0], ends[1], strict=True)) / largest
