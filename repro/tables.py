"""Claims, runs and scorecards as HTML and as plain text."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from repro.claims import Claim, Outcome

SYMBOLS = {"reproduced": "✔", "not reproduced": "✘", "inconclusive": "?", "not tested here": "–"}
"""A shape for each verdict, so that none is told by colour alone."""


def verdict_html(verdict: str) -> str:
    """A verdict as a badge."""
    kind = verdict.replace(" ", "-")
    return f'<span class="verdict verdict-{kind}">{SYMBOLS[verdict]} {verdict}</span>'


def measured(outcome: dict[str, Any]) -> str:
    """What was measured, in one phrase: mean, interval, n."""
    if outcome["value"] is None:
        return "–"
    text = f"{outcome['value']:.3g}"
    if outcome["interval"] is not None:
        low, high = outcome["interval"]
        text += f" [{low:.3g}, {high:.3g}]"
    return f"{text}, n = {outcome['n']}"


def claim_html(claim: Claim, outcome: Outcome) -> str:
    """A claim where it is judged: what it says, what was measured, what was expected, the verdict."""
    note = f"<br><em>{html.escape(outcome.note)}</em>" if outcome.note else ""
    return (
        f'<div class="claim" id="claim-{html.escape(outcome.id)}">{verdict_html(outcome.verdict)} '
        f"<strong>{html.escape(outcome.id)}</strong> {html.escape(claim.says)}<br>"
        f"<small>{html.escape(claim.measure)}: <strong>{html.escape(measured(outcome.model_dump()))}</strong>; "
        f"expected {html.escape(claim.expected)}.{note}</small></div>"
    )


def source_text(claim: dict[str, Any]) -> str:
    """Where a claim stands and whether it was read there."""
    return f"{claim['source']['where']} ({'read' if claim['source']['read'] else 'not read'})"


def claims_html(claims: list[dict[str, Any]], page: str = "") -> str:
    """The table of claims; ``page`` is put before the link to each claim's figure."""
    rows = []
    for claim in claims:
        paper = claim.get("paper_value")
        note = f"<br><small>{html.escape(claim['note'])}</small>" if claim["note"] else ""
        cells = (
            f'<a href="{page}#{html.escape(claim["figure"])}">{html.escape(claim["id"])}</a>',
            verdict_html(claim["verdict"]) + note,
            html.escape(claim["says"]),
            html.escape(measured(claim)),
            html.escape(claim["expected"]),
            html.escape(source_text(claim)),
            "not read" if paper is None else f"{paper:g}",
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = ("claim", "verdict", "says", "ours [95 %]", "expected", "source", "paper's value")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="table-scroll" tabindex="0" role="region" aria-label="Table of claims">'
        f'<table class="claims"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        text = "–" if value != value else f"{value:.3g}"
        return f'<td class="number">{text}</td>'
    return f"<td>{html.escape(str(value))}</td>"


def frame_html(frame: pd.DataFrame, caption: str) -> str:
    """A table of results; numbers are shown to three digits and a number that is not there as a dash."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    rows = ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in frame.itertuples(index=False)]
    return (
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="results"><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def run_html(record: dict[str, Any]) -> str:
    """The end of a chapter: its claims, its parameters, where the run came from."""
    where = record["provenance"]
    facts = {
        "scale": record["scale"],
        "commit": where["commit"],
        "date": where["date"],
        "machine": f"{where['machine']['cpu']}, {where['machine']['cores']} cores; device {where['device']}",
        "seconds": where["wall_s"],
        "peak memory (MB)": where["peak_mb"],
        "parameters": ", ".join(f"{k} = {v}" for k, v in record["parameters"].items()),
        "versions": ", ".join(f"{k} {v}" for k, v in where["versions"].items()),
        "data": "; ".join(f"{k}: {', '.join(f'{a} {b}' for a, b in v.items())}" for k, v in where["data"].items())
        or "none",
    }
    rows = "".join(
        f'<tr><th scope="row">{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>' for k, v in facts.items()
    )
    return (
        claims_html(record["claims"])
        + '<div class="table-scroll" tabindex="0" role="region" aria-label="Where this run came from">'
        + f'<table class="provenance"><tbody>{rows}</tbody></table></div>'
    )


def run_text(record: dict[str, Any]) -> str:
    """The claims of a run, one line each."""
    lines = [f"{c['id']:8} {c['verdict']:16} {measured(c)}" for c in record["claims"]]
    return "\n".join([f"{record['chapter']}, scale {record['scale']}, commit {record['provenance']['commit']}", *lines])
