"""What stands under a chapter's title: verdict, what reading and running take, how to rerun and cite it, its run."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import yaml

from repro.build import chapter_facts
from repro.build.chapter_facts import Facts
from repro.build.page_parts import Repository, badges, copyable, folded, link, minutes
from repro.provenance import ROOT

CITATION = ROOT / "CITATION.cff"

MARKS = {
    "[Re]": "Of the claims tested, none failed.",
    "[¬Re]": "Of the claims tested, none held.",
    "[Re, ¬Re]": "Of the claims tested, some held and some failed.",
    "[?]": "No tested claim was decided.",
    "[Study]": "A study of this book's own: edges were set before the run; there is no published result to reproduce.",
}
"""What each mark says."""


def head_html(facts: Facts, repository: Repository | None) -> str:
    """The head of a chapter's page, to be put after its title."""
    return (
        '<div class="repro-added repro-head">'
        f'<p class="repro-question">{html.escape(facts.entry.question)}</p>'
        f"{_stale(facts)}"
        f'<p class="repro-verdict"><strong class="repro-mark" title="{MARKS[facts.mark]}">{facts.mark}</strong> '
        f"{badges(facts.counts)}</p>"
        f'<p class="repro-small">{MARKS[facts.mark]} '
        f"Judged at scale {facts.run['scale']}: {link('../scorecard.html', 'scorecard')}. "
        f"{facts.reading_minutes} min to read, {minutes(facts.run['provenance']['wall_s'])} to run at this scale. "
        '<button type="button" class="repro-code" hidden>Show all code</button></p>'
        f"{folded('Rerun this', _rerun(facts, repository))}"
        f"{folded('Cite this', _cite(facts, repository))}"
        f"{folded('Where this page comes from', _provenance(facts))}"
        "</div>"
    )


def _stale(facts: Facts) -> str:
    if not facts.stale:
        return ""
    return (
        '<p class="repro-stale" role="note"><strong>Stale.</strong> The code, the data or the environment of this '
        "chapter changed after it ran. What you see is the older run; <code>make book "
        f"SCALE={facts.run['scale']} CHAPTERS={facts.name}</code> renews it.</p>"
    )


def rerun_command(facts: Facts) -> str:
    """The line that runs the chapter again at this run's scale and seed."""
    parameters = facts.run["parameters"]
    return f"papermill notebooks/{facts.name}.py out.ipynb -p scale {parameters['scale']} -p seed {parameters['seed']}"


def _rerun(facts: Facts, repository: Repository | None) -> str:
    name = facts.name
    places = [
        link(f"../_downloads/{name}.ipynb", "executed notebook (.ipynb)", download=""),
        link(f"../_downloads/{name}.py", "source (.py)", download=""),
        link(f"../_code/{name}.html", "source with line numbers"),
    ]
    if repository is not None:
        places.append(link(repository.binder(f"notebooks/{name}.py"), "Binder"))
    colab = repository.colab(f"_downloads/{name}.ipynb") if repository is not None else None
    if colab is not None:
        places.append(link(colab, "Colab"))
    return (
        f"<p>In a checkout of this book, with its environment active, {minutes(facts.run['provenance']['wall_s'])} "
        f"on {facts.run['provenance']['machine']['cores']} cores:</p>{copyable(rerun_command(facts))}"
        f"<p>Then <code>python -m repro compare out.ipynb</code> says what differs. {' · '.join(places)}</p>"
        f"{_colab(repository)}"
    )


def _colab(repository: Repository | None) -> str:
    """What Colab needs before a chapter runs there: it comes without this book."""
    if repository is None or repository.site_branch is None:
        return ""
    cell = f"!git clone --depth 1 {repository.url} /content/book\n%cd /content/book\n%pip install -q -e ."
    return f"<p>In Colab, run this cell first; its Python may be another than the one pinned here:</p>{copyable(cell)}"


def own_bibtex(facts: Facts, repository: Repository | None, citation: Path = CITATION) -> str:
    """The BibTeX entry by which this chapter is cited, from ``CITATION.cff`` and the run."""
    book = yaml.safe_load(citation.read_text())
    authors = " and ".join(_author(each) for each in book["authors"])
    run = facts.run["provenance"]
    name = facts.name.replace("_", r"\_")
    fields = {
        "author": authors,
        "title": f"{{{facts.title}}}",
        "booktitle": f"{{{book['title']}}}",
        "year": run["date"][:4],
        "note": f"Version {book['version']}, chapter {name}, scale {facts.run['scale']}, commit {run['commit']}",
    }
    if repository is not None:
        fields["url"] = repository.url
    width = max(map(len, fields))
    lines = [f"  {name:{width}} = {{{value}}}" for name, value in fields.items()]
    return f"@incollection{{synaptic_book_{facts.name},\n" + ",\n".join(lines) + "\n}"


def _author(author: dict[str, Any]) -> str:
    """A person as ``Family, Given``, a group in braces so that BibTeX takes it for one name."""
    if "name" in author:
        return f"{{{author['name']}}}"
    return f"{author['family-names']}, {author['given-names']}"


def _cite(facts: Facts, repository: Repository | None) -> str:
    lead = "What this study starts from" if facts.entry.study else "The papers"
    parts = [f"<p>{lead}:</p>"]
    for key in facts.entry.papers:
        says, where = chapter_facts.reference(key), chapter_facts.address(key)
        line = link(where, says) if where else html.escape(says)
        parts.append(f"<p>{line}</p>{copyable(chapter_facts.bibtex(key))}")
    return "".join(parts) + f"<p>This chapter:</p>{copyable(own_bibtex(facts, repository))}"


def _provenance(facts: Facts) -> str:
    where = facts.run["provenance"]
    said = {
        "scale": facts.run["scale"],
        "seed": facts.run["parameters"]["seed"],
        "commit": where["commit"],
        "date": where["date"],
        "machine": f"{where['machine']['cpu']}, {where['machine']['cores']} cores; device {where['device']}",
        "run time": f"{where['wall_s']} s",
        "data": ", ".join(where["data"]) or "none",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(str(value))}</dd>" for name, value in said.items())
    return (
        f'<dl class="repro-provenance">{rows}</dl>'
        "<p>Parameters, versions and hashes of the data stand at the end of this page.</p>"
    )
