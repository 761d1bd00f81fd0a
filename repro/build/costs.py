"""What each chapter costs, measured: seconds and peak memory of its runs, kept beside the verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from repro.claims import CLAIMS, SCALES
from repro.results import read_table, write_atomically

COSTS = CLAIMS / "costs.csv"
COLUMNS = ["chapter", "scale", "seconds", "peak_mb", "device", "cpu", "cores", "commit", "date"]

HEAD = """# What a chapter costs

Seconds and peak memory of the process that ran a chapter, as its own record has them: not a promise, but what one
run took on one machine, with one thread and perhaps other chapters beside it. Kept together with the verdicts, by
`python -m repro verdicts --accept`.

"""

FOOT = """
Where a chapter draws a stored run, what that took is not counted: it stands in the JSON file beside the stored
table. Memory is the largest resident set, in MB (10⁶ bytes); programs that a chapter starts are not counted.
"""


def table(runs: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Costs of runs, one row a run; a run recorded without its peak of memory is left out."""
    rows = []
    for run in runs:
        where = run["provenance"]
        if "peak_mb" in where:
            facts = (
                where["device"],
                where["machine"]["cpu"],
                where["machine"]["cores"],
                where["commit"],
                where["date"],
            )
            rows.append((run["chapter"], run["scale"], where["wall_s"], where["peak_mb"], *facts))
    return pd.DataFrame(rows, columns=COLUMNS)


def accept(runs: Iterable[dict[str, Any]], kept: Path = COSTS) -> None:
    """Put the costs of these runs in place of those kept for the same chapters and scales."""
    now = table(runs)
    before = read_table(kept) if kept.exists() else pd.DataFrame(columns=COLUMNS)
    again = set(zip(now.chapter, now.scale, strict=True))
    stays = [pair not in again for pair in zip(before.chapter, before.scale, strict=True)]
    both = [part for part in (before[stays], now) if len(part)]
    together = pd.concat(both) if both else now
    content = together.sort_values(["chapter", "scale"]).to_csv(index=False, lineterminator="\n")
    write_atomically(kept, content.encode())


def page(chapters: list[str], kept: Path = COSTS) -> str:
    """The page in Markdown: a row a chapter, a column a scale; what was not measured is a dash."""
    known = read_table(kept) if kept.exists() else pd.DataFrame(columns=COLUMNS)
    measured = {(row.chapter, row.scale): f"{row.seconds:.0f} s, {row.peak_mb:.0f} MB" for row in known.itertuples()}
    rows = [f"| chapter | {' | '.join(SCALES)} |", "|---|" + "---|" * len(SCALES)]
    for chapter in chapters:
        cells = (measured.get((chapter, scale), "–") for scale in SCALES)
        rows.append(f"| `{chapter}` | {' | '.join(cells)} |")
    machines = dict.fromkeys(f"{row.cpu}, {row.cores} cores, device {row.device}" for row in known.itertuples())
    where = (
        f"\nMeasured on: {'; '.join(machines)}. A dash: not measured.\n" if machines else "\nA dash: not measured.\n"
    )
    return HEAD + "\n".join(rows) + "\n" + where + FOOT
