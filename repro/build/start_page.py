"""The start page: all claims in one picture, and a card a chapter with its striking figure."""

from __future__ import annotations

import html

from repro.build import gather
from repro.build.chapter_facts import Facts
from repro.build.finish import FIGURES
from repro.build.layout import Layout
from repro.build.page_parts import counted, link, minutes, squares
from repro.provenance import ROOT
from repro.tables import SYMBOLS


def picture_html(chapters: list[Facts]) -> str:
    """Chapters by claims: a square for each claim, its verdict by colour and shape."""
    legend = " ".join(
        f'<li><span class="square verdict-{verdict.replace(" ", "-")}" aria-hidden="true">{symbol}</span> '
        f"{verdict}</li>"
        for verdict, symbol in SYMBOLS.items()
    )
    lines = "".join(
        f"<div><dt>{link(f'chapters/{facts.name}.html', facts.name)}</dt>"
        f"<dd>{squares(facts.run['claims'], f'chapters/{facts.name}.html')}</dd></div>"
        for facts in chapters
    )
    scales = ", ".join(sorted({facts.run["scale"] for facts in chapters}))
    return (
        f'<ul class="squares-legend">{legend}</ul><dl class="squares-picture">{lines}</dl>'
        f"<p>Each square is a claim and leads to where it is judged. Scale: {scales}.</p>"
    )


def cards_html(where: Layout, chapters: list[Facts]) -> str:
    """A card a chapter: question, striking figure, verdicts, what reading and running take."""
    parts = []
    for facts in chapters:
        page, label = f"chapters/{facts.name}.html", facts.entry.figure
        ending, _ = gather.read_figure(ROOT / where.executed(facts.name), label)
        alt = html.escape(facts.run["figures"][label]["alt"])
        parts.append(
            f'<section class="repro-card"><h3>{link(page, facts.title)}</h3><p>{html.escape(facts.entry.question)}</p>'
            f'<img src="{FIGURES}/{facts.name}/{label}.{ending}" alt="{alt}" loading="lazy">'
            f"<p>{facts.mark} {counted(facts.counts)}. {facts.reading_minutes} min to read, "
            f"{minutes(facts.run['provenance']['wall_s'])} to run.</p></section>"
        )
    return f'<div class="repro-cards">{"".join(parts)}</div>'
