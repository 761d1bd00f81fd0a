"""The book as one PDF: a browser prints each page of the built site, in the order of the contents, with bookmarks."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup
from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import IndirectObject

from repro.build.layout import Layout
from repro.build.serving import served
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.results import write_atomically

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
MARGIN = {"top": "15mm", "bottom": "15mm", "left": "12mm", "right": "12mm"}

# drawings that wait until they are scrolled to, and what stands one click away of the head, are printed too
PREPARE = """async () => {
  document.documentElement.dataset.theme = "light";
  const images = [...document.images];
  images.forEach(image => { image.loading = "eager"; });
  await Promise.all(images.map(image => image.decode().catch(() => null)));
}"""


@dataclass(frozen=True)
class Printed:
    """A page of the contents."""

    part: str  # caption above it; empty for the start page
    title: str
    file: str  # relative to the site


def contents(index: str) -> list[Printed]:
    """The pages in the order of the contents, from the start page's HTML."""
    soup = BeautifulSoup(index, "html.parser")
    title = soup.select_one("article h1")
    pages = [Printed("", title.get_text().rstrip("#") if title else "Start", "index.html")]
    part = ""
    for each in soup.select("nav.bd-links p.caption, nav.bd-links a.reference.internal"):
        if each.name == "p":
            part = each.get_text(strip=True)
        elif "#" not in str(each["href"]):
            pages.append(Printed(part, each.get_text(strip=True), str(each["href"])))
    return list(dict.fromkeys(pages))


def _print(browser: Browser, address: str, pages: list[Printed]) -> list[bytes]:
    """Each page as a PDF."""
    printed = []
    context = browser.new_context(color_scheme="light")
    for each in pages:
        page = context.new_page()
        page.goto(f"{address}/{each.file}", wait_until="load")
        page.evaluate(PREPARE)
        printed.append(page.pdf(format="A4", margin=MARGIN, print_background=True))  # type: ignore[arg-type]
        page.close()
    context.close()
    return printed


def join(pages: list[Printed], printed: list[bytes], title: str) -> bytes:
    """One PDF, with a bookmark for each part and each page."""
    writer = PdfWriter()
    writer.add_metadata({"/Title": title})
    parts: dict[str, IndirectObject] = {}
    for each, content in zip(pages, printed, strict=True):
        first = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(content)), import_outline=False)
        if each.part and each.part not in parts:
            parts[each.part] = writer.add_outline_item(title=each.part, page_number=first)
        writer.add_outline_item(title=each.title, page_number=first, parent=parts.get(each.part))
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def build(where: Layout) -> Path:
    """Print the built site. Returns the file. Raises Mistake if there is no site, or no browser on this machine."""
    site, target = ROOT / where.site, ROOT / where.toc.parent / "book.pdf"
    if not (site / "index.html").exists():
        raise Mistake(f"{where.site}: there is no site to print; 'make book SCALE={where.scale}' builds it")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise Mistake(f"no browser to print with; one of {', '.join(BROWSERS)} must be installed")
    pages = contents((site / "index.html").read_text())
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        printed = _print(browser, address, pages)
        browser.close()
    write_atomically(target, join(pages, printed, pages[0].title))
    return target
