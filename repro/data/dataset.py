"""Load a data set for a chapter: found or fetched, checked, scaled, split."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16, Int64, UInt8
from sklearn.model_selection import train_test_split

from repro.data.catalogue import Entry, registry
from repro.data.download import fetch
from repro.data.errors import DataUnavailable
from repro.data.places import VARIABLE, Found, cache, find
from repro.data.readers import READERS
from repro.errors import Mistake

StrPath = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and labels, and what must be said of them.

    Images are channels first; pixels are float32 from 0 (black) to 1 (the brightest that the format has),
    without centring or whitening. Sounds are float32 from -1 to 1, silence after each up to the longest.
    Labels count from 0.
    """

    name: str
    title: str  # what figures and tables must call it
    x_train: Float32[np.ndarray, "train *sample"]
    y_train: Int64[np.ndarray, "train"]
    x_validation: Float32[np.ndarray, "validation *sample"]  # empty unless asked for
    y_validation: Int64[np.ndarray, "validation"]
    x_test: Float32[np.ndarray, "test *sample"]
    y_test: Int64[np.ndarray, "test"]
    source: str  # where it was found: "path given", REPRO_DATA_DIR, "cache" or a package
    sha256: Mapping[str, str]  # by file
    licence: str
    citation: str  # BibTeX key
    note: str  # what must be said wherever it is shown; often empty

    def facts(self) -> dict[str, Any]:
        """All but the arrays: what a run puts on record with ``run.uses(data.name, **data.facts())``."""
        return {
            "title": self.title,
            "train": len(self.x_train),
            "validation": len(self.x_validation),
            "test": len(self.x_test),
            "shape": list(self.x_train.shape[1:]),
            "source": self.source,
            "sha256": dict(self.sha256),
            "licence": self.licence,
            "citation": self.citation,
            "note": self.note,
        }


def load(
    name: str, *, path: StrPath | None = None, variant: str | None = None, validation: int = 0, seed: int = 0
) -> Dataset:
    """Load a data set: from ``path``, else REPRO_DATA_DIR, else the cache, else its public source (to the cache).

    Parameters
    ----------
    name : a name in ``data/registry.json`` that has a reader: digits, mnist, cifar10, fsdd
    path : a folder laid out like the registry or with the files side by side, or the file itself; nothing else is tried
    variant : the label of one of its variants, if no other will do
    validation : this many training samples are set aside, stratified by label; the test set never depends on it
    seed : chooses which

    Raises Mistake for a name, size or seed that is not allowed, DataUnavailable if the data is not here and can't be
    fetched, DataCorrupt naming the file that is not what the registry says.
    """
    entry = _entry(name, _readable(), variant)
    if validation < 0 or seed < 0:
        raise Mistake(f"{name}: validation is {validation} and seed is {seed}; both must be 0 or larger")
    found = _locate(name, entry, path)
    chosen = found.variant
    stored = READERS[name, chosen.label](found.checked())
    x_train, y_train = _scaled(stored.x_train, stored.full_scale), stored.y_train.astype(np.int64)
    kept, aside = _split(name, y_train, validation, seed)
    return Dataset(
        name=name,
        title=chosen.title,
        x_train=x_train if not validation else x_train[kept],
        y_train=y_train[kept],
        x_validation=x_train[aside],
        y_validation=y_train[aside],
        x_test=_scaled(stored.x_test, stored.full_scale),
        y_test=stored.y_test.astype(np.int64),
        source=found.place,
        sha256={file.path: file.sha256 for file in chosen.files},
        licence=entry.licence,
        citation=entry.citation,
        note=chosen.note,
    )


@dataclass(frozen=True)
class Files:
    """The checked files of a data set that has no labelled samples: tables, photographs, sounds."""

    name: str
    title: str  # what figures and tables must call it
    paths: Mapping[str, Path]  # by file name, without folders
    source: str  # where they were found
    facts: Mapping[str, Any]  # what a run puts on record with ``run.uses(name, **facts)``


def files(name: str, *, path: StrPath | None = None, variant: str | None = None) -> Files:
    """The files of a data set, or of this variant of it, found as in :func:`load` and compared with the registry.

    Raises Mistake for a name that is not in ``data/registry.json``, DataUnavailable if the data is not here and can't
    be fetched, DataCorrupt naming the file that is not what the registry says.
    """
    entry = _entry(name, registry(), variant)
    found = _locate(name, entry, path)
    chosen = found.variant
    facts = {
        "title": chosen.title,
        "source": found.place,
        "sha256": {file.path: file.sha256 for file in chosen.files},
        "licence": entry.licence,
        "citation": entry.citation,
        "note": chosen.note,
    }
    return Files(name, chosen.title, found.checked(), found.place, facts)


def available(name: str, path: StrPath | None = None) -> bool:
    """Whether ``load`` or ``files`` would find the data set without downloading; its files are not opened.

    Raises Mistake for a name that is not allowed.
    """
    return find(_entry(name, registry()), None if path is None else Path(path)) is not None


def _readable() -> dict[str, Entry]:
    """The data sets that have a reader of samples and labels."""
    return {name: entry for name, entry in registry().items() if any(name == known for known, _ in READERS)}


def _entry(name: str, entries: Mapping[str, Entry], variant: str | None = None) -> Entry:
    """A data set, with all of its variants or with that alone."""
    if name not in entries:
        raise Mistake(f"no data set is called {name!r}; there are {', '.join(sorted(entries))}")
    entry = entries[name]
    if variant is None:
        return entry
    kept = tuple(each for each in entry.variants if each.label == variant)
    if not kept:
        raise Mistake(f"{name} has no variant {variant!r}; it has {', '.join(v.label for v in entry.variants)}")
    return entry.model_copy(update={"variants": kept})


def _locate(name: str, entry: Entry, path: StrPath | None) -> Found:
    """Where a data set lies, fetched if it must be."""
    place = None if path is None else Path(path)
    found = find(entry, place)
    if found is None and place is not None:
        raise DataUnavailable(f"{name} is not at the path given, {place}; it needs {_wanted(entry)}")
    if found is None:
        _fetch_or_say_how(name, entry)
        found = find(entry)
    if found is None:
        raise DataUnavailable(f"{name} was fetched but is not in the cache, {cache()}: is something else clearing it?")
    return found


def _wanted(entry: Entry) -> str:
    return " or ".join(", ".join(file.path for file in variant.files) for variant in entry.variants)


def _fetch_or_say_how(name: str, entry: Entry) -> None:
    try:
        fetch(name, entry)
    except DataUnavailable as error:
        folder = os.environ.get(VARIABLE) or "not set"
        downloadable = any(variant.downloadable for variant in entry.variants)
        run = f"run 'python -m repro data fetch {name}' with a network, or " if downloadable else ""
        raise DataUnavailable(
            f"{name} is not here (looked at {VARIABLE}: {folder}; the cache: {cache()}) and {error}; "
            f"{run}set {VARIABLE} to a folder with {_wanted(entry)}"
        ) from error


def _scaled(stored: UInt8[np.ndarray, "..."] | Int16[np.ndarray, "..."], full_scale: int) -> Float32[np.ndarray, "..."]:
    """Pixels as float32 from 0 to 1, sound from -1 to 1."""
    return np.divide(stored, np.float32(full_scale), dtype=np.float32)


def _split(
    name: str, labels: Int64[np.ndarray, "samples"], validation: int, seed: int
) -> tuple[Int64[np.ndarray, "kept"], Int64[np.ndarray, "aside"]]:
    """Indices of the training samples that stay and of those set aside, each in the order of the source."""
    everything = np.arange(len(labels))
    if validation == 0:
        return everything, everything[:0]
    classes = len(np.unique(labels))
    if not classes <= validation <= len(labels) - classes:
        raise Mistake(
            f"{name}: validation is {validation}; allowed are 0, or {classes} to {len(labels) - classes} of the "
            f"{len(labels)} training samples"
        )
    kept, aside = train_test_split(everything, test_size=validation, stratify=labels, random_state=seed)
    return np.sort(kept), np.sort(aside)
