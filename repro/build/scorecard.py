"""The scorecard: every claim of every executed chapter as a table to filter and sort, as CSV and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from repro.build.chapter_facts import Facts
from repro.build.page_parts import claim_anchor, counted, link, minutes
from repro.claims import Scale, Verdict
from repro.tables import SYMBOLS, measured, verdict_html


class ClaimRow(BaseModel):
    """A claim as one run of its chapter judged it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    chapter: str
    id: str = Field(description="name of the claim in data/claims/CHAPTER.yml")
    says: str
    figure: str = Field(description="label of its figure, which is the anchor on the chapter's page")
    source: str = Field(description="where it stands in the paper")
    source_read: bool = Field(description="whether somebody here has read it there")
    paper_value: float | None = Field(description="the paper's number; null if nobody here has read it")
    measure: str = Field(description="what is measured, its unit, and what one sample is")
    expected: str = Field(description="the range set before the run")
    verdict: Verdict
    value: float | None = Field(description="mean of the samples, or the deviation of an exact claim")
    low: float | None = Field(description="lower end of the 95 % interval of the mean")
    high: float | None = Field(description="upper end of the 95 % interval of the mean")
    n: int = Field(description="number of samples")
    note: str
    scale: Scale
    figure_seconds: float | None = Field(description="seconds from the end of the figure before to this figure")
    chapter_seconds: float = Field(description="seconds of the whole chapter")
    commit: str
    date: str


ROWS = TypeAdapter(list[ClaimRow])


def rows(chapters: Iterable[Facts]) -> list[ClaimRow]:
    """The claims of chapters in order."""
    found = []
    for facts in chapters:
        where = facts.run["provenance"]
        for claim in facts.run["claims"]:
            low, high = claim["interval"] or (None, None)
            found.append(
                ClaimRow(
                    chapter=facts.name,
                    source=claim["source"]["where"],
                    source_read=claim["source"]["read"],
                    paper_value=claim.get("paper_value"),
                    low=low,
                    high=high,
                    scale=facts.run["scale"],
                    figure_seconds=facts.figure_seconds.get(claim["figure"]),
                    chapter_seconds=where["wall_s"],
                    commit=where["commit"],
                    date=where["date"],
                    **{
                        name: claim[name]
                        for name in ("id", "says", "figure", "measure", "expected", "verdict", "value", "n", "note")
                    },
                )
            )
    return found


def files(chapters: Iterable[Facts]) -> dict[str, str]:
    """What the scorecard offers for download: name and content of each file."""
    found = rows(chapters)
    frame = pd.DataFrame([row.model_dump() for row in found], columns=list(ClaimRow.model_fields))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Claims of the book"}
    return {
        "claims.csv": frame.to_csv(index=False, lineterminator="\n"),
        "claims.json": ROWS.dump_json(found, indent=1).decode() + "\n",
        "claims.schema.json": json.dumps(schema | ROWS.json_schema(mode="serialization"), indent=1) + "\n",
    }


COLUMNS = ("claim", "verdict", "says", "ours [95 %]", "expected", "paper's value", "source", "scale", "cost")

HEAD = """<link rel="stylesheet" href="_static/itables/datatables.css">
<p>As files: <a href="claims.csv" download>claims.csv</a>, <a href="claims.json" download>claims.json</a>,
with its schema <a href="claims.schema.json" download>claims.schema.json</a>.</p>
"""
SCRIPTS = (
    '<script defer src="_static/itables/datatables.js"></script>\n<script defer src="_static/scorecard.js"></script>\n'
)


def scorecard_html(chapters: list[Facts]) -> str:
    """The scorecard: a line for each chapter, then all claims in one table."""
    summary = "".join(
        f'<li id="{facts.name}">{link(f"chapters/{facts.name}.html", facts.name)} {facts.mark}: '
        f"{counted(facts.counts)}; scale {facts.run['scale']}, {minutes(facts.run['provenance']['wall_s'])}, "
        f"commit {html.escape(facts.run['provenance']['commit'])}"
        f"{', <strong>stale</strong>' if facts.stale else ''}.</li>"
        for facts in chapters
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    claims = [claim for facts in chapters for claim in facts.run["claims"]]
    body = "".join(_row(claim, row) for claim, row in zip(claims, rows(chapters), strict=True))
    return (
        f"{HEAD}<ul>{summary}</ul>{_filters(chapters)}"
        '<div class="table-scroll" tabindex="0" role="region" aria-label="Table of claims">'
        f'<table class="claims scorecard" id="scorecard-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f"{SCRIPTS}"
    )


def _filters(chapters: list[Facts]) -> str:
    """Choices by chapter, verdict, and whether the source was read; shown once the script is there to obey them."""
    choices = {
        ("chapter", "claim"): [facts.name for facts in chapters],
        ("verdict", "verdict"): list(SYMBOLS),
        ("source", "source"): ["read", "not read"],
    }
    parts = []
    for (name, column), values in choices.items():
        options = "".join(f'<option value="{value}">{value}</option>' for value in values)
        parts.append(
            f'<label>{name} <select data-column="{column}"><option value="">all</option>{options}</select></label>'
        )
    return (
        f'<form class="scorecard-filters" hidden>{"".join(parts)}'
        '<label>words <input type="search" autocomplete="off"></label> <output aria-live="polite"></output></form>'
    )


def _cell(content: str, order: float | None = None, search: str | None = None) -> str:
    """A cell; it sorts and is searched by its text if not told by what else."""
    more = "" if order is None else f' data-order="{order}"'
    more += "" if search is None else f' data-search="{html.escape(search)}"'
    return f"<td{more}>{content}</td>"


def _row(claim: dict[str, Any], row: ClaimRow) -> str:
    page = f"chapters/{row.chapter}.html"
    note = f"<br><small>{html.escape(row.note)}</small>" if row.note else ""
    part = "" if row.figure_seconds is None else f"{row.figure_seconds:g} s of "
    read = "read" if row.source_read else "not read"
    least = -1e308  # what has no number sorts below all that have one
    cells = (
        _cell(
            f"{link(f'{page}#{row.figure}', row.id, title='to its figure')}<br><small>"
            f"{link(f'{page}#{claim_anchor(claim)}', row.chapter, title='to where it is judged')}</small>",
            search=f"{row.chapter}; {row.id}",
        ),
        _cell(verdict_html(row.verdict) + note, list(SYMBOLS).index(row.verdict), row.verdict),
        _cell(f"{html.escape(row.says)}<br><small>{html.escape(row.measure)}</small>"),
        _cell(html.escape(measured(claim)), least if row.value is None else row.value),
        _cell(html.escape(row.expected)),
        _cell("not read", least) if row.paper_value is None else _cell(f"{row.paper_value:g}", row.paper_value),
        _cell(f"{html.escape(row.source)} ({read})", search=f"{read}; {row.source}"),
        _cell(row.scale),
        _cell(f"{part}{row.chapter_seconds:g} s", row.figure_seconds or row.chapter_seconds),
    )
    return f"<tr>{''.join(cells)}</tr>"
