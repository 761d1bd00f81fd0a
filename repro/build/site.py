"""Build the pages with jupyter-book, and assert that each chapter has its page, its figures and no error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from bs4 import BeautifulSoup

from repro.build import chapter_facts, gather, made_pages, scorecard, sheet_page, start_page
from repro.build.chapter_facts import Facts
from repro.build.finish import finish, write_new
from repro.build.layout import Layout, chapters
from repro.build.page_parts import repository
from repro.errors import Mistake
from repro.provenance import ROOT

COLOUR = re.compile(r"\x1b\[[\d;]*m")


def _keep(node: object, built: list[str]) -> object:
    """A table of contents without the chapters that were not built."""
    if isinstance(node, list):
        kept = [_keep(item, built) for item in node]
        return [item for item in kept if item is not None]
    if isinstance(node, dict):
        file = str(node.get("file", ""))
        if file.startswith("chapters/") and file.removeprefix("chapters/") not in built:
            return None
        pruned = {name: _keep(value, built) for name, value in node.items()}
        return None if "chapters" in pruned and not pruned["chapters"] and "caption" in pruned else pruned
    return node


def stage(layout: Layout, known: list[Facts]) -> None:
    """Lay out what jupyter-book reads: pages (a copy, if the scale is not the book's), contents, what is gathered."""
    source = ROOT / layout.source
    if source != ROOT / "book":
        left = shutil.ignore_patterns("chapters", "_build")
        shutil.copytree(ROOT / "book", source, ignore=left, dirs_exist_ok=True)
        if not (source.parent / "data").exists():  # stored tables that a page lets its reader download
            (source.parent / "data").symlink_to(ROOT / "data", target_is_directory=True)
    built = [facts.name for facts in known]
    contents = _keep(yaml.safe_load((ROOT / "_toc.yml").read_text()), built)
    write_new(ROOT / layout.toc, yaml.safe_dump(contents, sort_keys=False))
    made = source / "chapters"
    write_new(made / "scorecard.html", scorecard.scorecard_html(known))
    write_new(made / "picture.html", start_page.picture_html(known))
    write_new(made / "cards.html", start_page.cards_html(layout, known))
    write_new(made / "gallery.html", gather.gallery(ROOT / layout.executed(name) for name in built))
    write_new(made / "sheet.html", sheet_page.page())
    for name, text in made_pages.pages(built).items():
        write_new(source / name, text)


def known_chapters(layout: Layout) -> list[Facts]:
    """The facts of the chapters that were executed, in the order of the contents."""
    return [chapter_facts.facts(layout, name) for name in chapters() if (ROOT / layout.executed(name)).exists()]


def jupyter_book(layout: Layout, *more: str) -> subprocess.CompletedProcess[str]:
    """Run jupyter-book on what was laid out, warnings as errors."""
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", str(layout.source)]
    command += ["--config", "_config.yml", "--toc", str(ROOT / layout.toc), "--path-output", str(layout.source)]
    command += ["-W", "--keep-going", "-q", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})


def complaints(said: str) -> list[str]:
    """Warnings and errors among what jupyter-book said."""
    return [line for line in COLOUR.sub("", said).splitlines() if "WARNING" in line or "ERROR" in line]


def forget(layout: Layout, lines: list[str]) -> None:
    """Have the pages complained of read again: Sphinx warns once, and would call the same build good the next time."""
    made = ROOT / layout.site.parent / ".doctrees"
    for line in lines:
        source = re.split(r":\d+: |: (?:WARNING|ERROR)", line, maxsplit=1)[0]
        page = Path(source).with_suffix(".doctree")
        if page.is_relative_to(ROOT / layout.source):
            (made / page.relative_to(ROOT / layout.source)).unlink(missing_ok=True)
        else:  # not of one page
            shutil.rmtree(made, ignore_errors=True)


def read_references_again(layout: Layout) -> None:
    """Have Sphinx write the list of references anew: it lists what pages cite, and they may cite other works now.

    Where the bibliography changed, entries have other numbers, and every page that links to them is read again.
    """
    made, page = ROOT / layout.site.parent / ".doctrees", ROOT / layout.site / "references.html"
    if page.exists() and (ROOT / "book" / "references.bib").stat().st_mtime > page.stat().st_mtime:
        shutil.rmtree(made, ignore_errors=True)
    (made / "references.doctree").unlink(missing_ok=True)


def only_of_absent(said: str, absent: set[str]) -> bool:
    """Whether all complaints are of links to chapters that this build leaves out."""
    lines = complaints(said)
    return bool(lines) and all(any(f"target not found: '{name}.ipynb'" in line for name in absent) for line in lines)


def build(layout: Layout) -> list[str]:
    """Build the site from the executed notebooks that are there, and check it.

    Returns the chapters built. Raises Mistake with jupyter-book's complaint, or what a page lacks.
    """
    where, known = repository(), known_chapters(layout)
    stage(layout, known)
    read_references_again(layout)
    done = jupyter_book(layout)
    absent = set(chapters()) - {facts.name for facts in known}
    if done.returncode != 0 and not only_of_absent(done.stderr, absent):
        forget(layout, complaints(done.stderr))
        raise Mistake("jupyter-book: " + ("; ".join(complaints(done.stderr)) or done.stderr.strip()[-2000:]))
    finish(layout, known, where)
    for name, content in scorecard.files(known).items():
        write_new(ROOT / layout.site / name, content)
    built = [facts.name for facts in known]
    faults = [fault for name in built for fault in page_faults(layout, name)]
    if faults:
        raise Mistake("; ".join(faults))
    return built


def page_faults(layout: Layout, chapter: str) -> list[str]:
    """What a chapter's page lacks: the page, a figure, an alt text; or an error output or warning that it shows."""
    page = ROOT / layout.site / "chapters" / f"{chapter}.html"
    if not page.exists():
        return [f"{chapter}: no page was built"]
    notebook = nbformat.read(ROOT / layout.executed(chapter), as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    faults = [f"{chapter}: error output {o['ename']}" for o in outputs if o.output_type == "error"]
    faults += [
        f"{chapter}: a bare value on the page: {o['data'].get('text/plain', '')[:200]}"
        for o in outputs
        if o.get("output_type") == "execute_result"
    ]
    faults += [f"{chapter}: a warning on the page: {o['text'][:200]}" for o in outputs if o.get("name") == "stderr"]
    soup = BeautifulSoup(page.read_text(), "html.parser")
    for label in gather.read_run(ROOT / layout.executed(chapter))["figures"]:
        figure = soup.find("figure", id=label)
        image = figure.find("img") if figure else None
        if image is None or not image.get("alt"):
            faults.append(f"{chapter}: figure {label} is missing or has no alt text")
    return faults


def summary(layout: Layout, built: list[str]) -> str:
    """What a build says at its end: what each chapter took, what failed, which verdicts changed, where the site is."""
    runs = [gather.read_run(ROOT / layout.executed(name)) for name in built]
    lines = [f"{'chapter':20} {'scale':6} {'seconds':>8}  claims"]
    for run in runs:
        counts: dict[str, int] = {}
        for claim in run["claims"]:
            counts[claim["verdict"]] = counts.get(claim["verdict"], 0) + 1
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        lines.append(f"{run['chapter']:20} {run['scale']:6} {run['provenance']['wall_s']:8.1f}  {said}")
    for path in sorted((ROOT / layout.source / "chapters").glob("*.failed.ipynb")):
        failed = nbformat.read(path, as_version=4).metadata["repro"]["failed"]
        lines.append(f"FAILED {failed} (kept: {path.relative_to(ROOT)})")
    changed = gather.changed_verdicts(runs)
    if changed:
        lines += ["Verdicts that differ from data/claims/verdicts.csv:", *(f"  {line}" for line in changed)]
    index = ROOT / layout.site / "index.html"
    return "\n".join([*lines, f"The book is at {index}" if index.exists() else "The book was not built"])
