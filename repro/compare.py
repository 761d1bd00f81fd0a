"""Compare two runs of a chapter: which claims flipped, which numbers moved, which figures plot something else."""

from __future__ import annotations

from typing import Any

import pandas as pd

from repro.errors import Mistake
from repro.tables import measured


def compare(here: dict[str, Any], there: dict[str, Any]) -> str:
    """The differences between two records of a run, as text; ``there`` is the run to compare against.

    Raises Mistake if they are of different chapters.
    """
    if here["chapter"] != there["chapter"]:
        raise Mistake(f"cannot compare chapter {here['chapter']} with chapter {there['chapter']}")
    lines = [f"{here['chapter']}: {_label(here)}, against {_label(there)}"]
    changed = {
        name: (there["parameters"].get(name), value)
        for name, value in here["parameters"].items()
        if there["parameters"].get(name) != value
    }
    lines += [f"  parameter {name}: {before} -> {now}" for name, (before, now) in changed.items()]
    table = claim_differences(here, there)
    flipped = table[table.verdict_there != table.verdict_here]
    lines.append(f"{len(flipped)} of {len(table)} verdicts differ")
    lines += [f"  {row.Index}: {row.verdict_there} -> {row.verdict_here}" for row in flipped.itertuples()]
    moved = table[table.measured_there != table.measured_here]
    lines.append(f"{len(moved)} of {len(table)} measured numbers differ")
    lines += [f"  {row.Index}: {row.measured_there} -> {row.measured_here}" for row in moved.itertuples()]
    figures = [
        name
        for name in sorted({*here["figures"], *there["figures"]})
        if here["figures"].get(name, {}).get("digest") != there["figures"].get(name, {}).get("digest")
    ]
    lines.append(f"figures that plot something else: {', '.join(figures) or 'none'}")
    return "\n".join(lines)


def claim_differences(here: dict[str, Any], there: dict[str, Any]) -> pd.DataFrame:
    """Verdict and measured number of every claim in the two runs, one row a claim."""
    sides = {"here": here, "there": there}
    columns = {}
    for side, run in sides.items():
        columns[f"verdict_{side}"] = {c["id"]: c["verdict"] for c in run["claims"]}
        columns[f"measured_{side}"] = {c["id"]: measured(c) for c in run["claims"]}
    return pd.DataFrame(columns).fillna("absent")


def _label(run: dict[str, Any]) -> str:
    return f"scale {run['scale']}, seed {run['parameters']['seed']}, commit {run['provenance']['commit']}"
