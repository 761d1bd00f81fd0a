"""Checkpoints that are whole or not there, and are not trusted until their checksums hold."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from repro.results import write_atomically

NAME = re.compile(r"step-(\d+)\.pt")


class Corrupt(Exception):
    """A checkpoint that isn't what was written; the message names it."""


def paths(folder: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    found = [(int(match[1]), path) for path in folder.glob("step-*.pt") if (match := NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found, reverse=True)]


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write the state after ``step`` steps as ``step-N.pt``, then remove all but the newest ``keep``."""
    content = io.BytesIO()
    torch.save(state, content)
    path = folder / f"step-{step}.pt"
    write_atomically(path, content.getvalue())
    for old in paths(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def read(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, on the CPU. Raises Corrupt naming the file if a checksum doesn't hold."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch writes the checksum of each record but doesn't read it
            bad = archive.testzip()
        if bad is not None:
            raise Corrupt(f"checkpoint {path} is damaged: the checksum of {bad} doesn't hold")
        return torch.load(path, map_location="cpu", weights_only=True)
    except Corrupt:
        raise
    except Exception as error:  # whatever a damaged file makes its readers raise
        raise Corrupt(f"checkpoint {path} is damaged: {type(error).__name__}") from error


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest state that is whole; damaged checkpoints are named on standard error and removed."""
    for path in paths(folder):
        try:
            return read(path)
        except Corrupt as error:
            print(f"{error}; the one before it is used", file=sys.stderr)
            path.unlink()
    return None
