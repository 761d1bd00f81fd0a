"""Where data lies: a path given, the folder in ``REPRO_DATA_DIR``, the cache, or an installed package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pooch

from repro.data.catalogue import Entry, Variant
from repro.errors import Mistake

VARIABLE = "REPRO_DATA_DIR"


@dataclass(frozen=True)
class Found:
    """All files of one variant, in one place; not yet checked."""

    variant: Variant
    place: str  # "path given", REPRO_DATA_DIR, "cache" or the package's name
    paths: tuple[Path, ...]  # in the order of variant.files

    def checked(self) -> dict[str, Path]:
        """The files by name, without folders, each compared with the registry first.

        Raises DataCorrupt naming the first that differs.
        """
        for file, path in zip(self.variant.files, self.paths, strict=True):
            file.check(path)
        return {path.name: path for path in self.paths}


def cache() -> Path:
    """The folder for downloads, in the user's cache folder of this operating system."""
    return Path(pooch.os_cache("synaptic-book"))


def data_folder() -> Path | None:
    """The folder in ``REPRO_DATA_DIR``, or None if it is not set. Raises Mistake if there is no such folder."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not Path(named).is_dir():
        raise Mistake(f"{VARIABLE} is {named!r}, which is not a folder; name one that holds data sets, or unset it")
    return Path(named)


def find(entry: Entry, path: Path | None = None) -> Found | None:
    """The first place that has a whole variant of a data set; nothing is opened or downloaded.

    With a ``path`` only that is looked at: a folder, or the file itself where the data set is one file.
    """
    return next(found_all(entry, path), None)


def found_all(entry: Entry, path: Path | None = None) -> Iterator[Found]:
    """All places that have a whole variant of a data set, in the order in which they are used."""
    for place, folder in _places(path):
        for variant in entry.variants:
            paths = None if variant.package else _paths(variant, folder)
            if paths:
                yield Found(variant, place, paths)
    for variant in entry.variants if path is None else ():
        spec = find_spec(variant.package) if variant.package else None
        if spec and spec.origin:
            paths = _paths(variant, Path(spec.origin).parent.parent)
            if paths:
                yield Found(variant, f"package {variant.package}", paths)


def _places(path: Path | None) -> Iterator[tuple[str, Path]]:
    if path is not None:
        yield "path given", path
        return
    folder = data_folder()
    if folder is not None:
        yield VARIABLE, folder
    yield "cache", cache()


def _paths(variant: Variant, folder: Path) -> tuple[Path, ...] | None:
    """The variant's files, if all are there: laid out as in the registry, side by side, or ``folder`` is the file."""
    found = []
    for file in variant.files:
        name = Path(file.path).name
        there = [p for p in (folder / file.path, folder / name, folder) if p.name == name and p.is_file()]
        if not there:
            return None
        found.append(there[0])
    return tuple(found)
