"""What is done to pages after jupyter-book: heads of chapters, figures in files of their own, links to their source.

Sphinx writes again only the pages that changed, so each step first takes away what it put there before: finishing twice
gives the same pages as finishing once.
"""

from __future__ import annotations

import base64
import html
import posixpath
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from repro.build import chapter_facts, source_page
from repro.build.chapter_facts import Facts
from repro.build.chapter_head import head_html
from repro.build.layout import Layout
from repro.build.page_parts import Repository
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.results import write_atomically

FIGURES, CODE, DOWNLOADS = "_figures", "_code", "_downloads"
EXPORTED = re.compile(r"\bexport\{[^{}]*?(\w+) as default[^{}]*\};?")


def finish(where: Layout, chapters: list[Facts], repository: Repository | None) -> None:
    """Finish the pages of a built site in place."""
    site = ROOT / where.site
    # Sphinx copies styles and scripts only when it writes a page
    shutil.copytree(ROOT / where.source / "_static", site / "_static", dirs_exist_ok=True)
    for facts in chapters:
        text = chapter_facts.source_text(where, facts)
        write_new(site / CODE / f"{facts.name}.html", source_page.source_html(facts.name, text))
        write_new(site / DOWNLOADS / f"{facts.name}.py", text)
        write_new(site / DOWNLOADS / f"{facts.name}.ipynb", (ROOT / where.executed(facts.name)).read_text())
    by_name = {facts.name: facts for facts in chapters}
    used: set[Path] = set()
    for path in sorted(site.rglob("*.html")):
        text = path.read_text()
        if "repro-figure" not in text:
            continue
        soup = BeautifulSoup(text, "html.parser")
        known = by_name.get(path.stem) if path.parent.name == "chapters" else None
        clear(soup)
        if known is not None:
            put_head(soup, head_html(known, repository))
            link_sources(soup, known, chapter_facts.source_text(where, known), repository)
        used |= move_figures(soup, path, site)
        write_new(path, str(soup))
    for file in (site / FIGURES).rglob("*.*"):
        if file.resolve() not in used:
            file.unlink()
    tables_script(site)


def write_new(path: Path, text: str) -> None:
    """Leave a file's time alone if nothing changed."""
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text.encode())


def clear(soup: BeautifulSoup) -> None:
    """Take away what an earlier finishing put on a page."""
    for each in soup.select(".repro-added"):
        each.decompose()
    for each in soup.select("a.repro-zoom"):
        each.unwrap()


def put_head(soup: BeautifulSoup, head: str) -> None:
    """Put a chapter's head after its title. Raises Mistake if the page has none."""
    title = soup.select_one("article h1")
    if title is None:
        raise Mistake("a chapter's page has no title to put its head after")
    title.insert_after(BeautifulSoup(head, "html.parser"))


def link_sources(soup: BeautifulSoup, facts: Facts, text: str, repository: Repository | None) -> None:
    """Put a link to the line that shows it under each figure."""
    calls = source_page.figure_calls(text)
    for figure in soup.select("figure.repro-figure"):
        line = source_page.figure_line(calls, str(figure["id"]))
        caption = figure.select_one("figcaption")
        if line is None or caption is None:
            continue
        links = f'<a href="../{CODE}/{facts.name}.html#line-{line}">source, line {line}</a>'
        if repository is not None and not facts.stale:
            place = repository.file(f"notebooks/{facts.name}.py", facts.run["provenance"]["commit"])
            links += f' · <a href="{html.escape(place)}#L{line}">on GitHub</a>'
        caption.append(
            BeautifulSoup(f'<span class="repro-added repro-source repro-facts"> · {links}</span>', "html.parser")
        )


def move_figures(soup: BeautifulSoup, page: Path, site: Path) -> set[Path]:
    """Write each figure out as a file that its image names, and link the image to it; returns the files used."""
    used = set()
    for figure in soup.select("figure.repro-figure"):
        image = figure.select_one("img")
        if image is None:
            continue
        source = str(image["src"])
        if source.startswith("data:image/"):
            kind, _, content = source.removeprefix("data:image/").partition(";base64,")
            name = f"{FIGURES}/{page.stem}/{figure['id']}.{kind.split('+')[0]}"
            written = base64.b64decode(content)
            if not (site / name).exists() or (site / name).read_bytes() != written:
                write_atomically(site / name, written)
            image["src"] = source = posixpath.relpath(name, str(page.parent.relative_to(site)))
        image["loading"] = "lazy"
        used.add((page.parent / source).resolve())
        _size(image, (page.parent / source).resolve())
        image.wrap(soup.new_tag("a", attrs={"class": "repro-zoom", "href": source}))
    return used


def _size(image: Tag, file: Path) -> None:
    """Tell the browser a drawing's size, so that the page does not jump when it comes."""
    if file.suffix == ".svg":
        found = re.search(r'<svg[^>]* width="([\d.]+)pt"[^>]*', file.read_text())
        tall = re.search(r'<svg[^>]* height="([\d.]+)pt"', file.read_text())
        if found and tall:  # a point is 4/3 of a pixel
            image["width"], image["height"] = (str(round(float(each[1]) * 4 / 3)) for each in (found, tall))
    elif file.suffix == ".png":
        header = file.read_bytes()[16:24]  # the first chunk of a PNG holds width and height
        image["width"], image["height"] = (str(int.from_bytes(header[at : at + 4])) for at in (0, 4))


def tables_script(site: Path) -> None:
    """Lay out DataTables, as the package itables ships it, as a plain script: pages opened from a disk load no modules.

    Raises Mistake if the bundle no longer exports its default once.
    """
    package = find_spec("itables")
    if package is None or package.origin is None:
        raise Mistake("itables is not installed; it brings the scorecard's filters")
    folder = Path(package.origin).parent / "html"
    bundle = (folder / "dt_bundle.js").read_text()
    plain, found = EXPORTED.subn(r"return \1;", bundle)
    if found != 1:
        raise Mistake(f"{folder / 'dt_bundle.js'}: {found} statements export its default; there must be one")
    script = f"window.DataTable = (() => {{{plain}}})();\n"
    write_new(site / "_static" / "itables" / "datatables.js", script)
    target = site / "_static" / "itables" / "datatables.css"
    if not target.exists():
        shutil.copyfile(folder / "dt_bundle.css", target)
