"""Sets of grey images: photographs that come with installed packages, known data sets, or a folder of one's own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from PIL import Image as Pillow
from scipy.io import loadmat

from repro import data
from repro.data.archives import read_members
from repro.errors import Mistake
from repro.nonlinear_hebbian.patches import Image

SETS = ("photographs", "bsds", "olshausen", "vanhateren")
"""The sets that have a name; the first is always there."""

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".ppm", ".webp")
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of red, green, blue in grey (ITU-R BT.601)
BORDER = 8  # pixels of the whitened images that their authors' Fourier filter spoiled


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Grey images and what must be said of them."""

    name: str
    title: str  # what figures call it
    images: tuple[Image, ...] = field(repr=False)
    names: tuple[str, ...]  # of the single images
    whitened: bool = False  # by their authors, so that no filter is needed
    facts: Mapping[str, Any] = field(default_factory=dict)  # for ``run.uses``


def load_images(which: str, patch: int = 16) -> ImageSet:
    """The image set with this name, or all images in a folder.

    Parameters
    ----------
    which : photographs, bsds, olshausen, vanhateren, or the path of a folder
    patch : side of the patches that will be cut out, pixels

    Raises Mistake for a folder that is empty, an image that cannot be read, is constant or smaller than a patch;
    DataUnavailable for a named set that is not on this machine.
    """
    found = _known(which) if which in SETS else _folder(Path(which))
    for name, image in zip(found.names, found.images, strict=True):
        if min(image.shape) < patch:
            height, width = image.shape
            raise Mistake(f"images: {name} has {height} × {width} pixels, less than a patch of {patch} × {patch}")
        if not np.isfinite(image).all():
            raise Mistake(f"images: {name} holds NaN or infinity")
        if np.ptp(image) == 0:
            raise Mistake(f"images: {name} is constant; there is nothing to learn from it")
    return found


def _known(which: str) -> ImageSet:
    read = {"bsds": _tar, "olshausen": _whitened, "vanhateren": _files, "photographs": _files}[which]
    found = data.files(which)
    images = read(found.paths)
    facts = {**found.facts, "images": len(images)}
    return ImageSet(which, found.title, tuple(images.values()), tuple(images), which == "olshausen", facts)


def _folder(folder: Path) -> ImageSet:
    if not folder.is_dir():
        raise Mistake(f"images is {str(folder)!r}: no such folder, and no known set ({', '.join(SETS)})")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    if not files:
        raise Mistake(f"images: {folder} holds no image ({', '.join(ENDINGS)})")
    images = _files({path.name: path for path in files})
    title = f"{len(files)} images of the folder {folder.name}"
    return ImageSet(
        str(folder), title, tuple(images.values()), tuple(images), facts={"title": title, "files": list(images)}
    )


def _files(files: Mapping[str, Path]) -> dict[str, Image]:
    return {name: grey(path.read_bytes(), str(path)) for name, path in files.items()}


def _tar(files: Mapping[str, Path]) -> dict[str, Image]:
    (archive,) = files.values()
    return {name.rsplit("/", 1)[-1]: grey(content, name) for name, content in read_members(archive)}


def _whitened(files: Mapping[str, Path]) -> dict[str, Image]:
    (path,) = files.values()
    stored = loadmat(path)
    images = stored["IMAGES"].astype(np.float32) * np.float32(stored["scale"].ravel()[0])
    inner = images[BORDER:-BORDER, BORDER:-BORDER]
    return {f"image {index}": np.ascontiguousarray(inner[:, :, index]) for index in range(inner.shape[2])}


def grey(content: bytes, called: str) -> Float32[np.ndarray, "height width"]:
    """A picture file as grey values, at least 1 apart from 0 where the format has 8 or 16 bits.

    Raises Mistake naming the file that cannot be read.
    """
    try:
        with Pillow.open(io.BytesIO(content)) as opened:
            if opened.mode in ("I;16", "I", "F", "L"):
                return np.asarray(opened, dtype=np.float32)
            return np.asarray(opened.convert("RGB"), dtype=np.float32) @ LUMA
    except (OSError, ValueError, Pillow.DecompressionBombError) as error:
        raise Mistake(f"images: {called} can't be read as an image: {error}") from error
