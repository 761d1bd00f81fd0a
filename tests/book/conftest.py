"""The site built at scale smoke, served on this machine and opened in a headless Chromium."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from repro.build.layout import Layout, chapters
from repro.provenance import ROOT

SMOKE = Layout("smoke")
PAGES = [
    "index",
    "scorecard",
    "gallery",
    "map",
    "rerun",
    "sweeps",
    "data",
    "references",
    *(f"chapters/{name}" for name in chapters()),
]


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

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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


@pytest.fixture
def page(browser, address) -> Iterator[Page]:
    """A page that reaches this machine only, and remembers what it complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
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
