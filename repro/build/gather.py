"""What executed notebooks say of themselves: runs, scorecard, verdicts."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

from repro.claims import CLAIMS
from repro.errors import Mistake
from repro.provenance import MIME
from repro.results import write_atomically

VERDICTS = CLAIMS / "verdicts.csv"
COLUMNS = ["chapter", "claim", "scale", "verdict"]


def read_run(path: Path) -> dict[str, Any]:
    """The record of the run inside an executed notebook. Raises Mistake if there is none."""
    if not path.exists():
        raise Mistake(f"{path}: no such notebook")
    for cell in reversed(nbformat.read(path, as_version=4).cells):
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                return output["data"][MIME]
    raise Mistake(f"{path}: holds no run; was its last cell, run.close(), executed?")


def read_figure(path: Path, label: str) -> tuple[str, bytes]:
    """File ending and content of a figure inside an executed notebook. Raises Mistake naming the figures there are."""
    figures: dict[str, str] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            soup = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
            for figure in soup.select("figure.repro-figure"):
                figures |= {str(figure["id"]): str(image["src"]) for image in figure.select("img")}
    if label not in figures:
        raise Mistake(f"{path}: there is no figure {label!r}; there are {', '.join(figures) or 'none'}")
    kind, _, content = figures[label].removeprefix("data:image/").partition(";base64,")
    return kind.split("+")[0], base64.b64decode(content)


def gallery(paths: Iterable[Path]) -> str:
    """The figures of executed notebooks whose labels begin with ``gallery-``, as tabs in HTML: a set a chapter."""
    parts = []
    for number, path in enumerate(paths):
        tabs: list[str] = []
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                soup = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
                for figure in soup.select('figure.repro-figure[id^="gallery-"]'):
                    name = str(figure["id"]).removeprefix("gallery-")
                    figure["id"] = f"large-{name}"
                    tab, checked = f"gallery-{number}-{name}", "" if tabs else " checked"
                    tabs.append(
                        f'<input type="radio" name="gallery-{number}" id="{tab}"{checked}>'
                        f'<label class="sd-tab-label" for="{tab}">{name.replace("_", " ")}</label>'
                        f'<div class="sd-tab-content">{figure}</div>'
                    )
        if tabs:
            link = f'<a href="chapters/{path.stem}.html">{path.stem}</a>'
            parts.append(f'<p>From {link}.</p>\n<div class="sd-tab-set">{"".join(tabs)}</div>')
    return "\n".join(parts or ["<p>No chapter with a gallery was built.</p>"]) + "\n"


def verdicts(runs: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The verdicts of runs, one row a claim."""
    rows = [(run["chapter"], claim["id"], run["scale"], claim["verdict"]) for run in runs for claim in run["claims"]]
    return pd.DataFrame(rows, columns=COLUMNS)


def changed_verdicts(runs: list[dict[str, Any]], kept: Path = VERDICTS) -> list[str]:
    """One line for each verdict that is not the one in ``verdicts.csv``, at the chapters and scales of these runs."""
    now = verdicts(runs)
    before = _read(kept)
    before = before[_in_scope(before, now)]
    both = before.merge(now, on=["chapter", "claim", "scale"], how="outer", suffixes=("_before", "_now"))
    both = both.fillna("absent")
    both = both[both.verdict_before != both.verdict_now]
    known = set(zip(before.chapter, before.scale, strict=True))
    lines = []
    for (chapter, scale), rows in both.groupby(["chapter", "scale"]):
        if (chapter, scale) not in known:
            lines.append(f"{chapter}: {len(rows)} verdicts at scale {scale} were not kept before")
            continue
        lines += [
            f"{chapter} {row.claim} at scale {scale}: {row.verdict_before} -> {row.verdict_now}"
            for row in rows.itertuples()
        ]
    return lines


def accept_verdicts(runs: list[dict[str, Any]], kept: Path = VERDICTS) -> None:
    """Put the verdicts of these runs in place of those kept for the same chapters and scales."""
    now = verdicts(runs)
    before = _read(kept)
    table = pd.concat([before[~_in_scope(before, now)], now]).sort_values(["chapter", "scale", "claim"])
    write_atomically(kept, table.to_csv(index=False, lineterminator="\n").encode())


def _in_scope(before: pd.DataFrame, now: pd.DataFrame) -> np.ndarray:
    """Which rows of ``before`` are of a chapter and scale that ``now`` has too."""
    scope = set(zip(now.chapter, now.scale, strict=True))
    return np.array([pair in scope for pair in zip(before.chapter, before.scale, strict=True)], dtype=bool)


def _read(kept: Path) -> pd.DataFrame:
    return pd.read_csv(kept) if kept.exists() else pd.DataFrame(columns=COLUMNS)
