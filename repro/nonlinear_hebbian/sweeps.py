"""The value of an oriented pattern over its width, length, place and orientation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from repro.nonlinear_hebbian.nonlinearities import Which
from repro.nonlinear_hebbian.patches import Whitening
from repro.nonlinear_hebbian.patterns import Shape, angles, gabors, values

PHASES = (0.0, np.pi / 2)


@dataclass(frozen=True, eq=False)
class Probe:
    """What patterns are judged on: white patches, their coordinates, and the nonlinearities."""

    components: Float32[np.ndarray, "patches k"]
    white: Whitening
    which: tuple[Which, ...]

    @property
    def side(self) -> int:
        """Side of a patch, pixels."""
        return round(np.sqrt(self.white.vectors.shape[0]))

    def values(self, shapes: Sequence[Shape]) -> Float[np.ndarray, "nonlinearities shapes"]:
        """Value of each shape."""
        return values(self.components, self.white.from_pixels(gabors(shapes, self.side)), self.which)


def over_width_and_length(
    probe: Probe, shape: Shape, widths: Sequence[float], lengths: Sequence[float], n_angles: int
) -> Float[np.ndarray, "nonlinearities widths lengths"]:
    """Value over width and length in the middle of the patch, mean over orientations, better of two phases.

    The frequency is that of ``shape`` at its width, and falls as width grows: bars scale with their envelope.
    """
    cycles = shape.frequency * shape.width
    shapes = [
        replace(shape, width=w, length=length, frequency=min(cycles / w, 0.5), orientation=angle, phase=phase)
        for w in widths
        for length in lengths
        for phase in PHASES
        for angle in angles(n_angles)
    ]
    found = probe.values(shapes)
    return found.reshape(len(found), len(widths), len(lengths), len(PHASES), n_angles).mean(axis=4).max(axis=3)


def over_place(
    probe: Probe, shape: Shape, places: Sequence[float], n_angles: int
) -> Float[np.ndarray, "nonlinearities rows columns"]:
    """Value over the position of a field, mean over orientations and two phases."""
    shapes = [
        replace(shape, x=x, y=y, orientation=angle, phase=phase)
        for y in places
        for x in places
        for phase in PHASES
        for angle in angles(n_angles)
    ]
    found = probe.values(shapes)
    return found.reshape(len(found), len(places), len(places), -1).mean(axis=3)


def over_orientation(probe: Probe, shape: Shape, n_angles: int) -> Float[np.ndarray, "nonlinearities angles"]:
    """Value over the orientation of a field in the middle of the patch, mean over two phases."""
    shapes = [replace(shape, orientation=angle, phase=phase) for angle in angles(n_angles) for phase in PHASES]
    found = probe.values(shapes)
    return found.reshape(len(found), n_angles, -1).mean(axis=2)


def cardinal_advantage(curve: Float[np.ndarray, "nonlinearities angles"]) -> float:
    """Value at 0° and 90° over that at 45° and 135°, minus 1, mean over nonlinearities.

    The difference is divided by the size of the oblique value, so that more is an advantage where values are negative.
    """
    quarter = curve.shape[1] // 4
    cardinal, oblique = (curve[:, [first, first + 2 * quarter]].sum(axis=1) for first in (0, quarter))
    return float(np.mean((cardinal - oblique) / abs(oblique)))
