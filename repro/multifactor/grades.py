"""Whether a page keeps note, derivation, interpretation and proposal apart: what stands there without its grade."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext

GRADE = re.compile(r"\[[NEISKP]\b[^\]]*\]")
"""A grade in brackets, such as [E] or [S, equation K]; words may stand behind it."""
ITEM = re.compile(r"^(?:[-*]|\d+\.)\s+", re.MULTILINE)


def statements(markdown: str) -> list[str]:
    """The items of the lists in Markdown, each with its indented further lines."""
    found: list[str] = []
    for line in markdown.splitlines():
        if ITEM.match(line):
            found.append(line)
        elif line.startswith("  ") and found:
            found[-1] += line
    return found


def ungraded(notebook: Path, record: Mapping[str, Any]) -> list[str]:
    """Figures, claims and listed statements of a chapter that show no grade.

    Parameters
    ----------
    notebook : the chapter's source, whose lists are read
    record : that of its run, with captions of figures and words of claims
    """
    cells = [cell.source for cell in jupytext.read(notebook).cells if cell.cell_type == "markdown"]
    bare = [f"statement: {text[:60]}" for cell in cells for text in statements(cell) if not GRADE.search(text)]
    bare += [f"figure: {label}" for label, each in record["figures"].items() if not GRADE.search(each["caption"])]
    return bare + [f"claim: {each['id']}" for each in record["claims"] if not GRADE.search(each["says"])]
