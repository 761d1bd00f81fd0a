"""The site built at scale smoke, served on this machine and opened in a headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from repro.build.layout import Layout, chapters
from repro.build.serving import served
from repro.provenance import ROOT

SMOKE = Layout("smoke")
DESKTOP = {"width": 1280, "height": 900}
MADE = ("_", "genindex", "search")  # what Sphinx makes beside the pages


def pages() -> list[str]:
    """The pages that were built, or those of the chapters if nothing was: their tests are then skipped."""
    folder = ROOT / SMOKE.site
    names = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.html"))
    return [name for name in names if not name.startswith(MADE)] or [f"chapters/{name}" for name in chapters()]


PAGES = pages()


@pytest.fixture(scope="session")
def site():
    """The folder of the built pages."""
    folder = ROOT / SMOKE.site
    if not (folder / "index.html").exists():
        pytest.skip("the site is not built: 'make test' builds it")
    return folder


@pytest.fixture(scope="session")
def address(site) -> Iterator[str]:
    """Where the site is served."""
    with served(site) as where:
        yield where


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system; none is downloaded."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine: the pages were not opened in a browser")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*quiet, "--disable-sync", "--no-first-run"])
        yield opened
        opened.close()


@contextmanager
def new_page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that reaches this machine only, and remembers what it complained about."""
    context = browser.new_context(viewport=DESKTOP)
    context.set_default_timeout(120_000)  # a page that is slow on a busy machine is not broken
    opened = context.new_page()
    opened.complaints = []
    host = urlparse(address).netloc

    def decide(route):
        if urlparse(route.request.url).netloc in (host, ""):
            route.continue_()
        else:  # the book is whole without the network
            opened.complaints.append(f"asks for {route.request.url}")
            route.abort()

    opened.route("**/*", decide)
    opened.on("console", lambda m: opened.complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("response", lambda r: opened.complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    yield opened
    context.close()


@pytest.fixture
def page(browser, address) -> Iterator[Page]:
    """A new page, to be led to an address."""
    with new_page(browser, address) as page:
        yield page
