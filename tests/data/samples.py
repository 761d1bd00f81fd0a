"""Small files in the formats of the data sets, written here by the formats' own descriptions."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile

import numpy as np

MNIST_FILES = (
    "mnist/train-images-idx3-ubyte.gz",
    "mnist/train-labels-idx1-ubyte.gz",
    "mnist/t10k-images-idx3-ubyte.gz",
    "mnist/t10k-labels-idx1-ubyte.gz",
)


def idx(values: np.ndarray) -> bytes:
    """The idx file of an array of bytes, gzipped."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0)


def small_mnist() -> tuple[bytes, bytes, bytes, bytes]:
    """Four files like MNIST's: 40 and 20 random images whose first pixel is the label."""
    rng = np.random.default_rng(0)
    parts = []
    for n in (40, 20):
        labels = np.arange(n) % 10
        images = rng.integers(0, 256, (n, 28, 28))
        images[:, 0, 0] = labels
        parts += [idx(images), idx(labels)]
    return parts[0], parts[1], parts[2], parts[3]


def tar(members: list[tarfile.TarInfo | tuple[str, bytes]], mode: str = "w:gz") -> bytes:
    """A tar archive of plain files (name, content) and of members made by hand."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()
