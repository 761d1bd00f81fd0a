"""From checked files to arrays: one reader a variant. Nothing is unpickled, nothing unpacked to disk.

To add a data set: an entry in ``data/registry.json``, a reader here, and its line in ``READERS``.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Integer, UInt8
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from repro.data.archives import read_members
from repro.data.errors import DataCorrupt
from repro.data.sounds import Sounds, read_sounds

Files = Mapping[str, Path]
"""Checked files by name, without folders."""

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS_TEST = 360  # a fifth of the 1,797


@dataclass(frozen=True, eq=False)
class Images:
    """Images as stored, channels first, with labels; ``full_scale`` is the value of the brightest pixel."""

    x_train: UInt8[np.ndarray, "train channels height width"]
    y_train: Integer[np.ndarray, "train"]
    x_test: UInt8[np.ndarray, "test channels height width"]
    y_test: Integer[np.ndarray, "test"]
    full_scale: int


def read_digits(files: Files) -> Images:
    """scikit-learn's digits, 1 x 8 x 8, with a fixed stratified test set (360 of 1,797), the same in each run."""
    everything = load_digits()
    x = everything.images.astype(np.uint8)[:, None]
    train, test = train_test_split(np.arange(len(x)), test_size=DIGITS_TEST, stratify=everything.target, random_state=0)
    return Images(x[train], everything.target[train], x[test], everything.target[test], full_scale=16)


def read_mnist(files: Files) -> Images:
    """MNIST with its own split, 1 x 28 x 28."""
    x_train, x_test = (read_idx(files[f"{part}-images-idx3-ubyte.gz"])[:, None] for part in ("train", "t10k"))
    y_train, y_test = (read_idx(files[f"{part}-labels-idx1-ubyte.gz"]) for part in ("train", "t10k"))
    return Images(x_train, y_train, x_test, y_test, full_scale=255)


def read_cifar10_binary(files: Files) -> Images:
    """CIFAR-10 from its binary version, 3 x 32 x 32: records of one label and 3,072 pixels, channel by channel."""
    batches = dict(read_members(files["cifar-10-binary.tar.gz"]))
    folder = "cifar-10-batches-bin"
    train = b"".join(batches[f"{folder}/data_batch_{k}.bin"] for k in range(1, 6))
    parts = [np.frombuffer(part, np.uint8).reshape(-1, 3073) for part in (train, batches[f"{folder}/test_batch.bin"])]
    (x_train, y_train), (x_test, y_test) = ((part[:, 1:].reshape(-1, 3, 32, 32), part[:, 0]) for part in parts)
    return Images(x_train, y_train, x_test, y_test, full_scale=255)


def read_cifar10_jpeg(files: Files) -> Images:
    """The lossy half of CIFAR-10 from JPEG, 3 x 32 x 32, classes taking turns so that any slice is balanced."""
    pixels: dict[str, UInt8[np.ndarray, "32 32 3"]] = {}
    for name, content in read_members(files["cifar10-jpeg-q75.tar.xz"]):
        pixels[name] = np.asarray(Image.open(io.BytesIO(content), formats=["JPEG"]))
    folders = {
        part: sorted(n.rsplit("/", 1)[1] for n in pixels if f"/{part}/airplane/" in n) for part in ("train", "test")
    }
    x = {
        part: np.stack([pixels[f"cifar10/{part}/{kind}/{name}"] for name in names for kind in CIFAR_CLASSES])
        for part, names in folders.items()
    }
    y = {part: np.tile(np.arange(len(CIFAR_CLASSES)), len(names)) for part, names in folders.items()}
    x_train, x_test = (np.ascontiguousarray(x[part].transpose(0, 3, 1, 2)) for part in ("train", "test"))
    return Images(x_train, y["train"], x_test, y["test"], full_scale=255)


READERS: Mapping[tuple[str, str], Callable[[Files], Images | Sounds]] = MappingProxyType(
    {
        ("digits", "embedded"): read_digits,
        ("mnist", "original"): read_mnist,
        ("cifar10", "original"): read_cifar10_binary,
        ("cifar10", "jpeg-q75"): read_cifar10_jpeg,
        ("fsdd", "recordings"): read_sounds,
        ("fsdd", "synthetic"): read_sounds,
    }
)
"""The reader of each data set's variant."""


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """An array of bytes in the idx format of MNIST, gzipped: 0, 0, 8, rank, sizes (big-endian), values in C order.

    Raises DataCorrupt naming a file whose header or length is another.
    """
    with gzip.open(path) as file:
        content = file.read()
    rank = content[3] if len(content) > 3 else 0
    start = 4 + 4 * rank
    shape = [int(size) for size in np.frombuffer(content[4:start], ">u4")] if len(content) >= start else []
    if content[:3] != b"\x00\x00\x08" or len(shape) != rank or len(content) - start != math.prod(shape):
        raise DataCorrupt(
            f"{path} is no idx file of bytes: header {content[:start].hex()}, {len(content)} bytes in all"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
