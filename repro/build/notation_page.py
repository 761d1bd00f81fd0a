"""The page of notation: every symbol once, what it means in which chapter, and what differs between papers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from repro.provenance import ROOT

SYMBOLS = ROOT / "book" / "notation.yml"

HEAD = """# Notation

Each chapter keeps the letters of its paper, so that both can be read side by side. The price is that a letter
changes its meaning from one chapter to the next. Here every symbol stands once, with what it means where, its
unit if it has one, and the equation that brings it in.
"""

DIFFER = """
## One letter, different things

These need care when you go from chapter to chapter. Above all: $V$ is a membrane potential, a matrix of
inhibition or an estimate of an effect; $\\theta$ a threshold or an orientation; $x$ an activity, a trace or a
column; $B$ feedback weights, a count or bursts.
"""

ALIKE = """
## One letter, one thing
"""

SAME = """
## One thing, different letters

How the papers hang together: what one calls by one letter, another calls by a different one.
"""

AROUND = """
## Everywhere

$\\langle\\cdot\\rangle$ is a mean over inputs, samples or time; $(\\cdot)_+$ is the argument where it is
positive and 0 elsewhere; $\\lVert\\cdot\\rVert$ is the Euclidean norm, of a matrix the root of the sum of its
squares; a dot over a letter is a derivative in time; $\\propto$ leaves out a learning rate.
"""


def read(path: Path = SYMBOLS) -> dict[str, Any]:
    """What stands in ``notation.yml``: ``differ`` and ``alike`` by symbol, and ``same``, one entry a thing."""
    return yaml.safe_load(path.read_text())


def page(built: Collection[str], notation: dict[str, Any]) -> str:
    """The page in Markdown; chapters that were not built are named without a link, and their equations left out."""
    parts = [HEAD, DIFFER, _letters(notation["differ"], built), ALIKE, _letters(notation["alike"], built)]
    return "\n".join([*parts, SAME, _things(notation["same"], built), AROUND])


def _chapter(name: str, built: Collection[str]) -> str:
    return f"[{name}](chapters/{name}.ipynb)" if name in built else name


def _letters(symbols: dict[str, list[list[str]]], built: Collection[str]) -> str:
    """A table of symbols, a row a meaning; the symbol stands in the first of its rows."""
    lines = ["| symbol | what it is, by chapter | brought in by |", "|---|---|---|"]
    for symbol, rows in symbols.items():
        for place, (chapter, means, *equation) in enumerate(rows):
            number = f"{{eq}}`{equation[0]}`" if equation and chapter in built else ""
            shown = f"${symbol}$" if place == 0 else ""
            lines.append(f"| {shown} | {_chapter(chapter, built)}: {means} | {number} |")
    return "\n".join(lines) + "\n"


def _things(things: list[dict[str, str]], built: Collection[str]) -> str:
    """A list of things with their letters by chapter."""
    lines = []
    for thing in things:
        letters = (f"{_chapter(name, built)} {letter}" for name, letter in thing.items() if name != "what")
        lines.append(f"{thing['what']}\n: {'; '.join(letters)}\n")
    return "\n".join(lines)
