"""Stored runs: a tidy table and where it came from, side by side in ``data/results/ROOM``."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from repro.errors import Mistake
from repro.provenance import ROOT, sha256

RESULTS = ROOT / "data" / "results"
LIMIT_BYTES = 1_000_000  # stored results are read by people and kept in git


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there: beside its place, flushed, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def save(
    room: str, name: str, table: pd.DataFrame, provenance: dict[str, Any], folder: Path = RESULTS, digits: int = 6
) -> Path:
    """Store a tidy table (one row a measurement) as ``ROOM/NAME.csv`` with its provenance in ``NAME.json``.

    Fractions are written with so many significant digits.

    Raises Mistake if the table is larger than what is kept in git.
    """
    text = io.StringIO()
    table.to_csv(text, index=False, float_format=f"%.{digits}g", lineterminator="\n")
    content = text.getvalue().encode()
    if len(content) > LIMIT_BYTES:
        raise Mistake(f"{room}/{name}.csv has {len(content)} bytes, allowed are {LIMIT_BYTES}: summarise it")
    path = folder / room / f"{name}.csv"
    described = provenance | {"sha256": hashlib.sha256(content).hexdigest()}
    write_atomically(path.with_suffix(".json"), (json.dumps(described, indent=1, sort_keys=True) + "\n").encode())
    write_atomically(path, content)
    return path


def load(room: str, name: str, folder: Path = RESULTS) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A stored table and its provenance.

    Raises Mistake naming the file that is missing, or the table that is not the one its provenance describes.
    """
    path = folder / room / f"{name}.csv"
    for needed in (path, path.with_suffix(".json")):
        if not needed.exists():
            there = ", ".join(stored(room, folder)) or "none"
            raise Mistake(f"no stored result {needed.relative_to(folder)}; there are: {there}")
    provenance = json.loads(path.with_suffix(".json").read_text())
    if sha256(path) != provenance["sha256"]:
        raise Mistake(f"{path.relative_to(folder)} is not the table that {path.stem}.json describes: run it again")
    return read_table(path), provenance


def read_table(path: Path) -> pd.DataFrame:
    """A tidy table as it was written: only an empty field is missing, words such as "null" are words."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def stored(room: str, folder: Path = RESULTS) -> list[str]:
    """The names of the stored results of a room."""
    return sorted(path.stem for path in (folder / room).glob("*.csv"))
