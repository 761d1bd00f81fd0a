"""Lets stock papermill read a chapter as it is kept, ``notebooks/NAME.py`` (jupytext py:percent)."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import jupytext
import nbformat

# papermill warns that a .py is no notebook; here it is one
warnings.filterwarnings("ignore", message=r"The specified file \((\./)?notebooks/.*\.py\) does not end in one of")


class JupytextHandler:
    """A papermill input and output handler for paths under ``notebooks/``.

    A ``.py`` is read through jupytext and handed on as a notebook; everything else is read and written as it is.
    """

    @classmethod
    def read(cls, path: str) -> str:
        """The notebook at ``path`` as JSON text."""
        if path.endswith(".py"):
            return nbformat.writes(jupytext.read(path))
        return Path(path).read_text(encoding="utf-8")

    @classmethod
    def write(cls, buf: str, path: str) -> None:
        """Write ``buf`` to ``path``; refuses to overwrite a chapter with its own output."""
        if path.endswith(".py"):
            raise ValueError(f"{path}: the output must end in .ipynb, a chapter's source is not overwritten")
        Path(path).write_text(buf, encoding="utf-8")

    @classmethod
    def listdir(cls, path: str) -> list[str]:
        """The files in the folder ``path``."""
        return [os.path.join(path, name) for name in sorted(os.listdir(path))]

    @classmethod
    def pretty_path(cls, path: str) -> str:
        """The path as papermill shows it."""
        return path
