"""Cochleograms kept from one run to the next: all 3,000 recordings take about 9 MB in the cache."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from repro.data.places import cache
from repro.results import write_atomically
from repro.speech.clips import Clips
from repro.speech.cochleogram import EAR, Cochleograms, Ear, cochleograms

FORM = 2  # raised when what ``matched`` gives from the same clip and ear changes


def load_cochleograms(clips: Clips, ear: Ear = EAR, folder: Path | None = None) -> Cochleograms:
    """The same as :func:`cochleograms`, from the cache if they were made before, else made and put there.

    A file's name is the sha256 of all samples, of the ear's constants and of the library's version, so that it can be
    of no other clips. One that is damaged is made anew, and a printed line says so; where nothing can be written, a
    line says that too.

    Raises Mistake as :func:`cochleograms` does.
    """
    path = (cache() / "cochleograms" if folder is None else folder) / f"{_key(clips, ear)}.npz"
    if path.exists():
        levels = _read(path, (len(clips), ear.bins, ear.channels))
        if levels is not None:
            return Cochleograms(clips, ear, levels)
        print(f"{path} is damaged: the cochleograms are made anew")
    made = cochleograms(clips, ear)
    try:
        write_atomically(path, _packed(made.levels))
    except OSError as error:
        print(f"the cochleograms can't be kept in {path.parent} ({error.strerror}): they are made again next time")
    return made


def _key(clips: Clips, ear: Ear) -> str:
    facts = {"ear": asdict(ear), "gammatone": version("gammatone"), "form": FORM}
    total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for recording in clips:
        total.update(len(recording.samples).to_bytes(8, "little"))
        total.update(recording.samples.astype("<i2").tobytes())
    return total.hexdigest()


def _packed(levels: UInt8[np.ndarray, "clips bins channels"]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, levels=levels)
    return file.getvalue()


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The levels, if the file is whole (a zip file has a checksum of each member) and of this shape."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            levels = stored["levels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return levels if levels.dtype == np.uint8 and levels.shape == shape else None
