"""Images that fit into memory: read once, kept decoded in the cache, chosen, augmented and cut into batches."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from repro.data import files, registry
from repro.data.places import cache
from repro.data.readers import READERS
from repro.errors import Mistake
from repro.results import write_atomically
from repro.weight_alignment.deep_images import Batch
from repro.weight_alignment.deep_seeds import stream

Pixels = UInt8[np.ndarray, "n channels side side"]
Labels = Int64[np.ndarray, "n"]
Part = tuple[UInt8[np.ndarray, "_ channels side side"], Int64[np.ndarray, "_"]]

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
FORMAT = "1"  # of the cache's files
SHIFT = 4  # pixels by which a crop may be moved


def decoded(name: str, path: Path | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Training and test images of a data set as bytes, labels, and what must be said of them.

    The files are checked against the registry; the decoded arrays lie in the cache under the hash of the files'
    hashes, so that a next run starts at once. A cache that can't be written or is damaged costs time, nothing else.
    """
    found = files(name, path=path)
    label = next(variant.label for variant in registry()[name].variants if variant.title == found.title)
    key = hashlib.sha256(repr((FORMAT, name, label, sorted(found.facts["sha256"].items()))).encode()).hexdigest()
    kept = cache() / "decoded" / f"{name}-{key[:16]}.npz"
    arrays = _read(kept)
    if arrays is None:
        images = READERS[name, label](found.paths)
        arrays = {each: np.ascontiguousarray(getattr(images, each)) for each in ARRAYS}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        try:
            write_atomically(kept, content.getvalue())
        except OSError as error:
            warnings.warn(f"decoded images are not kept: {error}", stacklevel=2)
    return arrays, dict(found.facts)


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a cached file; None if it isn't there or its checksums don't hold."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {each: stored[each] for each in ARRAYS}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images in memory as a training run reads them: whole batches by number, the same at each reading."""

    x_train: Pixels
    y_train: Labels
    judged: Mapping[str, Part]  # "test", and "validation" where there is one
    classes: int
    crops: bool  # shifted and mirrored while training
    seed: int
    facts: Mapping[str, Any]

    @property
    def channels(self) -> int:
        """Colours."""
        return self.x_train.shape[1]

    @property
    def side(self) -> int:
        """Pixels a side."""
        return self.x_train.shape[-1]

    @property
    def n_train(self) -> int:
        """Training images."""
        return len(self.y_train)

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be judged."""
        return tuple(self.judged)

    def scale(self) -> tuple[Float[Tensor, "channels 1 1"], Float[Tensor, "channels 1 1"]]:
        """Mean and standard deviation of the training pixels, by channel, in bytes."""
        return _moments(self.x_train)

    def epoch(self, epoch: int, batch: int, first: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of the batches of an epoch from number ``first`` on, unscaled floats.

        Order and augmentation depend on seed, epoch and batch number alone, not on the number of processes.
        """
        order = stream(self.seed, "order", epoch).permutation(self.n_train)
        number = self.n_train // batch
        for i in range(first, number):
            chosen = order[i * batch : (i + 1) * batch]
            own = slice(rank * batch // processes, (rank + 1) * batch // processes)
            x = self.x_train[chosen[own]]
            if self.crops:
                draws = stream(self.seed, "augmentation", epoch * number + i)
                shifts = draws.integers(2 * SHIFT + 1, size=(batch, 2))
                mirrored = draws.integers(2, size=batch).astype(bool)
                x = shifted_and_mirrored(x, shifts[own], mirrored[own])
            yield torch.from_numpy(x).float(), torch.from_numpy(self.y_train[chosen[own]])

    def judge(self, part: str, batch: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of the images of a part, in order, unscaled floats."""
        x, y = self.judged[part]
        for start in range(rank * batch, len(y), processes * batch):
            rows = slice(start, start + batch)
            yield torch.from_numpy(x[rows]).float(), torch.from_numpy(y[rows])


def shifted_and_mirrored(
    x: UInt8[np.ndarray, "n channels height width"],
    shifts: Int64[np.ndarray, "n 2"],
    mirrored: np.ndarray,
) -> UInt8[np.ndarray, "n channels height width"]:
    """Each image moved by its shift minus ``SHIFT`` pixels down and right, black beyond its edge, some mirrored."""
    height, width = x.shape[-2:]
    wide = np.pad(x, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    moved = np.empty_like(x)
    for i, ((down, right), mirror) in enumerate(zip(shifts.tolist(), mirrored.tolist(), strict=True)):
        top, left = 2 * SHIFT - down, 2 * SHIFT - right
        crop = wide[i, :, top : top + height, left : left + width]
        moved[i] = crop[..., ::-1] if mirror else crop
    return moved


def load_arrays(
    name: str,
    path: Path | None,
    *,
    n_images: int,
    per_class: int,
    n_test: int,
    validation: int,
    crops: bool,
    seed: int,
) -> ArrayImages:
    """A data set, limited as asked. Raises Mistake for limits that it can't meet.

    Which images are chosen follows from the labels alone and is the same for every seed of a run.
    """
    arrays, facts = decoded(name, path)
    y_train, y_test = (arrays[each].astype(np.int64) for each in ("y_train", "y_test"))
    order = in_turns(y_train)
    if validation >= len(order):
        raise Mistake(f"--validation is {validation}; {name} has {len(order)} training images, and some must be left")
    aside, rest = order[:validation], order[validation:]
    kept = limited(rest, y_train, n_images, per_class)
    tested = in_turns(y_test)[: n_test or None]
    judged = {"test": (arrays["x_test"][tested], y_test[tested])}
    if validation:
        judged["validation"] = (arrays["x_train"][aside], y_train[aside])
    described = facts | {"train": len(kept), "validation": validation, "test": len(tested)}
    return ArrayImages(arrays["x_train"][kept], y_train[kept], judged, int(y_train.max()) + 1, crops, seed, described)


def in_turns(labels: Labels) -> Int64[np.ndarray, "n"]:
    """Positions of all images such that the classes take turns: any beginning has nearly equal parts of them.

    Within a class the order is drawn, always the same.
    """
    shuffled = stream(0, "choice").permutation(len(labels))
    sorted_labels = labels[shuffled]
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(sorted_labels == label)
        turn[own] = np.arange(len(own))
    return shuffled[np.lexsort((sorted_labels, turn))]


def limited(
    order: Int64[np.ndarray, "some"], labels: Int64[np.ndarray, "all"], total: int, per_class: int
) -> Int64[np.ndarray, "kept"]:
    """The first images of an order, so many of each class and in all; 0 is no limit."""
    if per_class:
        seen: dict[int, int] = {}
        kept = []
        for position in order.tolist():
            label = int(labels[position])
            seen[label] = seen.get(label, 0) + 1
            if seen[label] <= per_class:
                kept.append(position)
        order = np.array(kept)
    return order[: total or None]


def _moments(x: Pixels) -> tuple[Float[Tensor, "channels 1 1"], Float[Tensor, "channels 1 1"]]:
    """Exact sums of bytes, so that nothing depends on the order of adding."""
    means, deviations = [], []
    for channel in range(x.shape[1]):
        counts = np.bincount(x[:, channel].ravel(), minlength=256)
        values = np.arange(256.0)
        mean = float(counts @ values / counts.sum())
        means.append(mean)
        deviations.append(max(float(counts @ (values - mean) ** 2 / counts.sum()) ** 0.5, 1e-6))
    return tuple(torch.tensor(each, dtype=torch.float32).view(-1, 1, 1) for each in (means, deviations))  # type: ignore[return-value]
