"""What is known of a chapter when its page is finished: its entry in chapters.yml, its run, whether it is stale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from bs4 import BeautifulSoup
from pybtex.database import Entry, parse_file
from pybtex.richtext import Text
from pydantic import BaseModel, ConfigDict

from repro.build import gather, layout
from repro.entries import read_entries
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.tables import SYMBOLS

ENTRIES = ROOT / "book" / "chapters.yml"
BIBLIOGRAPHY = ROOT / "book" / "references.bib"
WORDS_A_MINUTE = 200


class Chapter(BaseModel):
    """An entry of ``book/chapters.yml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str
    papers: tuple[str, ...]  # keys of references.bib
    figure: str  # label of the figure on the start page
    study: bool = False  # of this book's own: there is nothing to reproduce


@dataclass(frozen=True)
class Facts:
    """A chapter as its page tells of it."""

    name: str
    title: str
    entry: Chapter
    run: dict[str, Any]
    figure_seconds: dict[str, float]  # by label: from the end of the figure before
    words: int  # of prose, said by the run or written
    stale: bool

    @property
    def reading_minutes(self) -> int:
        """Minutes to read the prose, rounded, at least one."""
        return max(1, round(self.words / WORDS_A_MINUTE))

    @property
    def counts(self) -> dict[str, int]:
        """Number of claims by verdict, verdicts that do not occur left out."""
        found = [claim["verdict"] for claim in self.run["claims"]]
        return {verdict: found.count(verdict) for verdict in SYMBOLS if verdict in found}

    @property
    def mark(self) -> str:
        """ReScience C's mark: [Re] if no tested claim failed, [¬Re] if none held, both if some did each."""
        if self.entry.study:
            return "[Study]"
        held, failed = (verdict in self.counts for verdict in ("reproduced", "not reproduced"))
        return {(True, False): "[Re]", (False, True): "[¬Re]", (True, True): "[Re, ¬Re]"}.get((held, failed), "[?]")


@lru_cache
def entries(path: Path = ENTRIES) -> dict[str, Chapter]:
    """The chapters of ``chapters.yml``. Raises Mistake naming the first entry that breaks the schema."""
    return read_entries(path, Chapter)


def entry(name: str, path: Path = ENTRIES) -> Chapter:
    """A chapter's entry. Raises Mistake if there is none, or if it names a paper that the bibliography lacks."""
    known = entries(path)
    if name not in known:
        raise Mistake(f"{path.name}: there is no entry for chapter {name!r}; there are {', '.join(known)}")
    for key in known[name].papers:
        if key not in _bibliography():
            raise Mistake(f"{path.name}: {name}: references.bib has no {key!r}")
    return known[name]


def facts(where: layout.Layout, name: str) -> Facts:
    """Gather the facts of an executed chapter. Raises Mistake for an entry or a figure that is not there."""
    path = ROOT / where.executed(name)
    notebook = nbformat.read(path, as_version=4)
    run, known = gather.read_run(path), entry(name)
    if known.figure not in run["figures"]:
        raise Mistake(
            f"{ENTRIES.name}: {name}: there is no figure {known.figure!r}; there are {', '.join(run['figures'])}"
        )
    return Facts(
        name=name,
        title=_title(notebook),
        entry=known,
        run=run,
        figure_seconds=_figure_seconds(notebook),
        words=_words(notebook),
        stale=notebook.metadata.get("repro", {}).get("key") != layout.key(name, where.scale),
    )


def _title(notebook: nbformat.NotebookNode) -> str:
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    return first.source.splitlines()[0].removeprefix("# ")


def _html_outputs(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def _figure_seconds(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """What each figure took, as it stands under it."""
    found = {}
    for figure in BeautifulSoup(_html_outputs(notebook), "html.parser").select("figure.repro-figure"):
        seconds = re.search(r"seconds ([\d.]+)", figure.select_one(".repro-facts").text)  # type: ignore[union-attr]
        if seconds:
            found[str(figure["id"])] = float(seconds[1])
    return found


def _words(notebook: nbformat.NotebookNode) -> int:
    """Words of Markdown, written or said by the run, and of captions; formulas count by their blanks."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts += ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]
    captions = BeautifulSoup(_html_outputs(notebook), "html.parser").select("figcaption")
    return sum(len(text.split()) for text in texts + [caption.text for caption in captions])


def source_text(where: layout.Layout, facts: Facts) -> str:
    """The chapter's source as it was run: the file or, if that has gone on since, what the executed notebook holds."""
    if not facts.stale:
        return (ROOT / "notebooks" / f"{facts.name}.py").read_text()
    notebook = nbformat.read(ROOT / where.executed(facts.name), as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:  # what papermill and the build noted of it is no source
        cell.metadata = {"tags": ["parameters"]} if "parameters" in cell.metadata.get("tags", []) else {}
    return jupytext.writes(notebook, fmt="py:percent")


@lru_cache
def _bibliography() -> dict[str, Entry]:
    return dict(parse_file(str(BIBLIOGRAPHY)).entries)


def reference(key: str) -> str:
    """A paper in one line: authors, year, title."""
    found = _bibliography()[key]
    names = [" ".join(person.last_names) for person in found.persons.get("author", ())]
    names = names or [found.fields.get("organization", found.fields.get("howpublished", "Anonymous"))]
    authors = " & ".join(names) if len(names) < 3 else f"{names[0]} et al."
    plain = [str(Text.from_latex(text)) for text in (authors, found.fields["title"])]
    return f"{plain[0]} ({found.fields.get('year', 'no year')}). {plain[1]}."


def address(key: str) -> str | None:
    """Where a paper is found, by its DOI or its own address; None if the bibliography has neither."""
    fields = _bibliography()[key].fields
    return f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url")


def bibtex(key: str, path: Path = BIBLIOGRAPHY) -> str:
    """A paper's entry as it stands in the bibliography, from ``@`` to ``}`` in the first column."""
    found = re.search(rf"^@\w+\{{{re.escape(key)},.*?^\}}", path.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise Mistake(f"{path.name}: there is no entry {key!r}")
    return found[0]
