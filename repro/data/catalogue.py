"""Which data sets there are, from ``data/registry.json``: sha256, sizes, licences, citations, public sources."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from repro.data.errors import DataCorrupt
from repro.provenance import ROOT

REGISTRY = ROOT / "data" / "registry.json"

_STRICT = ConfigDict(extra="forbid", frozen=True)


class DataFile(BaseModel):
    """One file, as it lies in a data folder and at its public source."""

    model_config = _STRICT
    path: Annotated[str, Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)*$")]  # relative to the data folder
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    url: str | None = None  # none: no public source that we could name

    def check(self, found: Path, called: str = "") -> None:
        """Compare a file with this entry by size and sha256, without interpreting its content.

        Raises DataCorrupt naming the file (or what it is ``called``), what was expected and what was found.
        """
        state = found.stat()
        if state.st_size != self.bytes:
            raise DataCorrupt(f"{called or found} has {state.st_size} bytes, expected {self.bytes}: cut off or altered")
        digest = _sha256(found, state.st_size, state.st_mtime_ns)
        if digest != self.sha256:
            raise DataCorrupt(f"{called or found} is altered: its sha256 is {digest}, expected {self.sha256}")


class Variant(BaseModel):
    """One form in which a data set exists: a set of files, all of which are needed."""

    model_config = _STRICT
    label: str
    title: str  # what figures and tables must call it
    content: str
    files: Annotated[tuple[DataFile, ...], Field(min_length=1)]
    note: str = ""  # what must be said wherever it is shown
    package: str | None = None  # comes inside this installed package

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def downloadable(self) -> bool:
        """Whether each file has a public source."""
        return all(file.url for file in self.files)


class Entry(BaseModel):
    """A data set; its variants in the order in which they are preferred."""

    model_config = _STRICT
    licence: str
    citation: str  # BibTeX key
    homepage: str
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]


def registry(folder: Path | None = None) -> dict[str, Entry]:
    """The data sets of this book and, for a ``folder`` that has its own ``registry.json``, its further files.

    A further file gets its path as name; it can be listed and verified, but has no loader.
    Raises DataCorrupt if the two registries disagree on a file.
    """
    ours = {name: Entry.model_validate(facts) for name, facts in json.loads(REGISTRY.read_text()).items()}
    theirs = folder / "registry.json" if folder else None
    if theirs is None or not theirs.is_file():
        return ours
    known = {file.path: file for entry in ours.values() for variant in entry.variants for file in variant.files}
    for path, facts in json.loads(theirs.read_text()).items():
        file = DataFile(path=path, sha256=facts["sha256"], bytes=facts["bytes"])
        if path not in known:
            variant = Variant(
                label="file", title=facts["content"], content=facts["content"], files=(file,), note=facts["status"]
            )
            ours[path] = Entry(
                licence=facts["license"], citation=facts["citation"], homepage=facts["upstream"], variants=(variant,)
            )
        elif (file.sha256, file.bytes) != (known[path].sha256, known[path].bytes):
            raise DataCorrupt(
                f"{theirs} has another {path} than this book: sha256 {file.sha256}, expected {known[path].sha256}"
            )
    return ours


@lru_cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Hashes a file once in a process as long as its size and time stand."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
