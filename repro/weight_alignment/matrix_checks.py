"""What must hold exactly of all sets of primitives, measured."""

from __future__ import annotations

import numpy as np
import torch

from repro.weight_alignment.fixed_points import Kind
from repro.weight_alignment.learners import Examples, Learner, Schedule, Shape
from repro.weight_alignment.lockstep import train
from repro.weight_alignment.primitive_sets import all_sets, kind, members
from repro.weight_alignment.rules import Rule


def observed_kinds(
    seed: int, outputs: int = 4, inputs: int = 7, rate: float = 0.05, steps: int = 4000
) -> dict[str, Kind]:
    """What the feedback of each set does on resting weights, found by iterating the averaged update in float64.

    All coefficients are 1. Frozen if it does not move, unbounded if it still grows from half time to the end, collapsed
    if less than a millionth is left, else fixed.
    """
    random = np.random.default_rng(seed)
    # singular values near 1: what shrinks at all shrinks in the time that is given
    weight = np.linalg.qr(random.standard_normal((inputs, outputs)))[0].T * random.uniform(0.7, 1.3, (outputs, 1))
    root = np.eye(inputs) + 0.3 * random.standard_normal((inputs, inputs)) / np.sqrt(inputs)
    covariance = root @ root.T
    sets = all_sets()
    on = {name: np.array([float(name in members(s)) for s in sets])[:, None, None] for name in ("amp", "decay", "null")}
    on |= {name: np.array([float(name in members(s)) for s in sets])[:, None, None] for name in ("sparse", "self")}
    start = random.standard_normal((outputs, inputs))
    feedback = np.broadcast_to(start, (len(sets), outputs, inputs)).copy()
    seen, between = weight @ covariance, weight @ covariance @ weight.T
    half = feedback
    for step in range(steps):
        half = feedback.copy() if step == steps // 2 else half
        shrink = on["decay"] * feedback + on["sparse"] * (feedback @ covariance) + on["null"] * (between @ feedback)
        feedback = feedback - rate * (shrink - on["amp"] * seen - on["self"] * weight)
    size, before = (np.linalg.norm(each, axis=(1, 2)) / np.linalg.norm(start) for each in (feedback, half))
    moved = np.abs(feedback - start).max((1, 2))
    found: dict[str, Kind] = {}
    for place, name in enumerate(sets):
        if moved[place] == 0:
            found[name] = "frozen"
        elif size[place] > 1.5 * before[place] and size[place] > 1:
            found[name] = "unbounded"
        else:
            found[name] = "collapse" if size[place] < 1e-6 else "fixed"
    return found


def class_mismatches(seed: int) -> int:
    """Number of sets whose feedback does something else than their signs say."""
    return sum(found != kind(name) for name, found in observed_kinds(seed).items())


def decay_deviation(seed: int) -> float:
    """Largest difference between weights trained with decay and with frozen feedback, both of the weights' norm.

    Relative to the largest weight; float64, a few epochs on made-up classes.
    """
    random = np.random.default_rng(seed)
    centres = random.standard_normal((4, 12))
    labels = random.integers(0, 4, 96)
    examples = Examples(centres[labels] + 0.5 * random.standard_normal((96, 12)), labels)
    learners = [Learner(rule, 0.05, seed=seed, momentum=0.9, match_norm=True) for rule in (Rule(decay=0.1), Rule())]
    ends: dict[int, list[torch.Tensor]] = {}

    def keep(networks, places, epoch) -> None:  # type: ignore[no-untyped-def]
        ends.update({place: [w[i].clone() for w in networks.weights] for i, place in enumerate(places)})

    train(learners, Shape(12, (10, 10), 4), examples, examples, Schedule(4, 16), dtype=torch.float64, watch=keep)
    largest = max(float(w.abs().max()) for w in ends[1])
    return max(float((a - b).abs().max()) for a, b in zip(ends[0], ends[1], strict=True)) / largest
