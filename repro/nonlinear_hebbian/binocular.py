"""Patches for two eyes: from unrelated places (strabismus), from places one pixel apart, or from stereo pictures.

A row is the left eye's patch, then the right eye's, each without its own mean; both are whitened together.

Deviates: how the article made its patches of strabismus is known from a caption only; the ocular dominance index, the
normal arm and all sizes are this book's.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32
from PIL import Image as Picture

from repro import data
from repro.data.archives import read_members
from repro.errors import Mistake
from repro.nonlinear_hebbian.patches import Image, sample_patches

SCENES = ("teddy", "cones")
STEREO_FACTOR = 4  # the disparity in these files is 4 times that in pixels, and 0 where it is unknown


def _both(
    left: Float[np.ndarray, "n pixels"], right: Float[np.ndarray, "n pixels"]
) -> Float32[np.ndarray, "n two_eyes"]:
    eyes = [eye - eye.mean(axis=1, keepdims=True) for eye in (left, right)]
    return np.concatenate(eyes, axis=1).astype(np.float32)


def unrelated(images: Sequence[Image], size: int, n: int, seed: int) -> Float32[np.ndarray, "n two_eyes"]:
    """Each eye sees its own place: what is left of vision in strabismus."""
    patches = sample_patches(images, size, 2 * n, seed)
    return _both(patches[:n], patches[n:])


def shifted(
    images: Sequence[Image], size: int, n: int, seed: int, disparity: int = 1
) -> Float32[np.ndarray, "n two_eyes"]:
    """Both eyes see one place, the right eye ``disparity`` pixels further right or, as often, further left."""
    side = size + 2 * disparity
    wide = sample_patches(images, side, n, seed).reshape(n, side, side)
    middle = slice(disparity, disparity + size)
    left = wide[:, middle, middle]
    further = np.random.default_rng([seed, 1]).random(n) < 0.5
    right = np.where(further[:, None, None], wide[:, middle, 2 * disparity :], wide[:, middle, :size])
    return _both(left.reshape(n, -1), right.reshape(n, -1))


@dataclass(frozen=True, eq=False)
class StereoPair:
    """Two pictures of a scene and where the left one's points lie in the right one."""

    left: Image
    right: Image
    disparity: Image  # pixels: left (row, x) is right (row, x - disparity); NaN where unknown


def load_stereo(path: Path | str | None = None) -> list[StereoPair] | None:
    """The Middlebury scenes, grey from 0 to 1, if they are here; None if not."""
    if not data.available("middlebury", path):
        return None
    (archive,) = data.files("middlebury", path=path).paths.values()
    files = {Path(name).parent.name + "/" + Path(name).name: content for name, content in read_members(archive)}

    def grey(name: str) -> Image:
        return np.asarray(Picture.open(io.BytesIO(files[name])).convert("L"), dtype=float)

    pairs = []
    for scene in SCENES:
        raw = grey(f"{scene}/disp2.pgm")
        disparity = np.where(raw > 0, raw / STEREO_FACTOR, np.nan)
        pairs.append(StereoPair(grey(f"{scene}/im2.png") / 255, grey(f"{scene}/im6.png") / 255, disparity))
    return pairs


def fixated(pairs: Sequence[StereoPair], size: int, n: int, seed: int) -> Float32[np.ndarray, "n two_eyes"]:
    """Stereo patches at places that both eyes look at: the right patch is moved by the left one's middle disparity.

    Raises Mistake if no place has a known disparity whose right patch lies inside the picture.
    """
    rng = np.random.default_rng(seed)
    left: list[np.ndarray] = []
    right: list[np.ndarray] = []
    for pair, count in zip(pairs, rng.multinomial(n, np.full(len(pairs), 1 / len(pairs))), strict=True):
        height, width = pair.left.shape[0] - size + 1, pair.left.shape[1] - size + 1
        half = size // 2
        middle = pair.disparity[half : half + height, half : half + width]
        rows, columns = np.nonzero(np.isfinite(middle))
        moved = columns - np.round(middle[rows, columns]).astype(int)
        fits = np.flatnonzero((moved >= 0) & (moved < width))
        if not len(fits):
            raise Mistake(f"stereo: no patch of {size} × {size} pixels has a known disparity inside both pictures")
        chosen = fits[rng.integers(len(fits), size=count)]
        for eye, image, column in ((left, pair.left, columns), (right, pair.right, moved)):
            windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
            eye.append(windows[rows[chosen], column[chosen]].reshape(count, -1))
    return _both(np.concatenate(left), np.concatenate(right))


def ocular_dominance(fields: Float[np.ndarray, "units two_eyes"]) -> Float[np.ndarray, "units"]:
    """(|w_L|² - |w_R|²) / (|w_L|² + |w_R|²): 1 or -1 for one eye alone, 0 for both alike."""
    left, right = (np.square(half).sum(axis=1) for half in np.split(fields, 2, axis=1))
    return (left - right) / (left + right)
