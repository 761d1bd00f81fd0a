"""Images in folders of one's own, laid out as ImageNet is: ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg``."""

from __future__ import annotations

import hashlib
import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from repro.errors import Mistake
from repro.weight_alignment.deep_data import in_turns, limited
from repro.weight_alignment.deep_images import Batch
from repro.weight_alignment.deep_seeds import stream

ENDINGS = (".jpg", ".jpeg", ".png")
JUDGED = ("val", "validation", "test")  # names that the folder of the other images may have
MEAN = (123.675, 116.28, 103.53)  # of ImageNet's training pixels, red, green, blue
DEVIATION = (58.395, 57.12, 57.375)
AREA = (0.08, 1.0)  # share of the image that a training crop covers
RATIO = (3 / 4, 4 / 3)  # width over height of a training crop
TRIES = 10  # until a crop fits
MARGIN = 256 / 224  # shorter side over the crop's, when judged

Key = tuple[int, int]  # position of an image, and the number of its augmentation; -1: none
Listing = tuple[tuple[Path, ...], Int64[np.ndarray, "_"]]


@dataclass(frozen=True, eq=False)
class FolderImages:
    """Images that are read from their files while the network trains."""

    train: Listing
    test: Listing
    classes: int
    side: int
    workers: int
    seed: int
    facts: Mapping[str, Any]

    channels = 3
    parts = ("test",)

    @property
    def n_train(self) -> int:
        """Training images."""
        return len(self.train[0])

    def scale(self) -> tuple[Float[Tensor, "channels 1 1"], Float[Tensor, "channels 1 1"]]:
        """ImageNet's mean and standard deviation by channel, in bytes, whatever the images are."""
        return torch.tensor(MEAN).view(-1, 1, 1), torch.tensor(DEVIATION).view(-1, 1, 1)

    def epoch(self, epoch: int, batch: int, first: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of the batches of an epoch from number ``first`` on.

        Order and augmentation depend on seed, epoch and position alone, not on workers or processes.
        """
        order = stream(self.seed, "order", epoch).permutation(self.n_train)
        own = range(rank * batch // processes, (rank + 1) * batch // processes)
        batches = [
            [(int(order[i * batch + j]), epoch * self.n_train + i * batch + j) for j in own]
            for i in range(first, self.n_train // batch)
        ]
        return self._read(self.train, batches)

    def judge(self, part: str, batch: int, rank: int, processes: int) -> Iterator[Batch]:
        """This process's share of the other images, in order, each its middle."""
        number = len(self.test[0])
        starts = range(rank * batch, number, processes * batch)
        return self._read(self.test, [[(j, -1) for j in range(i, min(i + batch, number))] for i in starts])

    def _read(self, listing: Listing, batches: list[list[Key]]) -> Iterator[Batch]:
        loader = DataLoader(
            _Files(listing, self.side, self.seed),
            batch_sampler=batches,
            num_workers=self.workers,
            worker_init_fn=_leave_signals_alone,
            pin_memory=torch.cuda.is_available(),
        )
        try:
            for x, y in loader:
                yield x.float(), y
        except Mistake as error:  # a worker's comes with its traceback; the last line says what is wrong
            raise Mistake(str(error).strip().splitlines()[-1].rpartition("Mistake: ")[2]) from None


class _Files(Dataset[tuple[Tensor, int]]):
    """Images of a listing by position and number of the augmentation."""

    def __init__(self, listing: Listing, side: int, seed: int) -> None:
        self.paths, self.labels = listing
        self.side, self.seed = side, seed

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        position, number = key
        draws = None if number < 0 else stream(self.seed, "augmentation", number)
        return torch.from_numpy(read_image(self.paths[position], self.side, draws)), int(self.labels[position])


def read_image(path: Path, side: int, draws: np.random.Generator | None) -> UInt8[np.ndarray, "3 side side"]:
    """A square of an image, red, green, blue: a random part, perhaps mirrored, or without ``draws`` its middle.

    A random part covers 8 to 100 % of the area with sides of 3:4 to 4:3; the middle is what is left of the image
    with a shorter side of 8/7 of ``side``. Raises Mistake naming a file that is no image.
    """
    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        raise Mistake(f"{path} can't be read as an image; remove it or put it right") from None
    box = middle(image.size) if draws is None else random_part(image.size, draws)
    square = image.resize((side, side), Image.Resampling.BILINEAR, box, reducing_gap=2.0)
    pixels = np.asarray(square).transpose(2, 0, 1)
    mirrored = draws is not None and draws.random() < 0.5
    return np.ascontiguousarray(pixels[..., ::-1] if mirrored else pixels)


def middle(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the square in the middle, a margin left out."""
    half = min(size) / MARGIN / 2
    return size[0] / 2 - half, size[1] / 2 - half, size[0] / 2 + half, size[1] / 2 + half


def random_part(size: tuple[int, int], draws: np.random.Generator) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a random part inside an image; the whole where none has fitted."""
    width, height = size
    for _ in range(TRIES):
        area = width * height * draws.uniform(*AREA)
        ratio = math.exp(draws.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        wide, high = (area * ratio) ** 0.5, (area / ratio) ** 0.5
        if wide <= width and high <= height:
            left, top = draws.uniform(0, width - wide), draws.uniform(0, height - high)
            return left, top, min(left + wide, width), min(top + high, height)
    return 0, 0, width, height


def load_folder(
    folder: Path, *, n_images: int, per_class: int, n_test: int, side: int, workers: int, seed: int
) -> FolderImages:
    """The images of a folder, none of them read yet. Raises Mistake saying what is missing."""
    train = folder / "train"
    other = next((folder / name for name in JUDGED if (folder / name).is_dir()), None)
    if not train.is_dir() or other is None:
        raise Mistake(f"--path is {folder}; it needs train/CLASS/*.jpg and val/CLASS/*.jpg")
    classes = sorted(each.name for each in train.iterdir() if each.is_dir())
    if len(classes) < 2:
        raise Mistake(f"{train} has {len(classes)} classes; allowed are 2 or more folders")
    strangers = sorted({each.name for each in other.iterdir() if each.is_dir()} - set(classes))
    if strangers:
        raise Mistake(f"{other} has a class {strangers[0]!r} that {train} lacks")
    found = {}
    for place, total, each in ((train, n_images, per_class), (other, n_test, 0)):
        paths, labels = _listing(place, classes)
        if not paths:
            raise Mistake(f"{place} has no images; their names end in {', '.join(ENDINGS)}")
        kept = limited(in_turns(labels), labels, total, each)
        found[place] = tuple(paths[i] for i in kept), labels[kept]
    facts = {
        "title": f"images in {folder.name}",
        "source": "path given",
        "classes": len(classes),
        "train": len(found[train][0]),
        "test": len(found[other][0]),
        "sha256": {"names and sizes": _digest(folder, [*found[train][0], *found[other][0]])},
        "note": "",
    }
    return FolderImages(found[train], found[other], len(classes), side, workers, seed, facts)


def _listing(folder: Path, classes: Sequence[str]) -> tuple[list[Path], Int64[np.ndarray, "n"]]:
    by_class = [
        sorted(path for path in (folder / name).glob("*") if path.suffix.lower() in ENDINGS) for name in classes
    ]
    labels = np.repeat(np.arange(len(classes)), [len(paths) for paths in by_class]).astype(np.int64)
    return [path for paths in by_class for path in paths], labels


def _digest(folder: Path, paths: Sequence[Path]) -> str:
    """Of names and sizes: reading all of ImageNet would take hours."""
    named = "".join(f"{path.relative_to(folder)} {path.stat().st_size}\n" for path in paths)
    return hashlib.sha256(named.encode()).hexdigest()


def _leave_signals_alone(worker: int) -> None:
    """Workers end when the loader says so; the terminal's Ctrl-C is for the run."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
