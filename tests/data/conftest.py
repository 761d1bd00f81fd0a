"""A cache of its own for each test, a registry of small files, and a source on this machine that can misbehave."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.data.samples import MNIST_FILES, small_mnist


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; no data folder is set."""
    monkeypatch.delenv("REPRO_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "synaptic-book"


@dataclass
class Source:
    """A web server whose answers a test can change; it counts what was asked for."""

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)  # by path
    declared: dict[str, int] = field(default_factory=dict)  # a Content-Length that is not the true one
    status: int = 200
    asked: list[str] = field(default_factory=list)
    meeting: threading.Barrier | None = None  # those who ask for the first file wait for each other half-way


@pytest.fixture
def source() -> Iterator[Source]:
    """A running source on 127.0.0.1."""
    here = Source()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            here.asked.append(path)
            self.send_response(here.status)
            content = here.content[path]
            self.send_header("Content-Length", str(here.declared.get(path, len(content))))
            self.end_headers()
            self.wfile.write(content[:9])
            if here.meeting is not None and path == next(iter(here.content)):
                here.meeting.wait(timeout=60)
            self.wfile.write(content[9:])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    here.url = f"http://127.0.0.1:{server.server_port}"
    yield here
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts files under a data set's name into a registry that this test reads instead of the book's."""
    facts: dict[str, dict] = {}

    def add(name: str, label: str, files: dict[str, bytes], url: str | None) -> None:
        entries = [
            {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            | ({"url": f"{url}/{path}"} if url else {})
            for path, content in files.items()
        ]
        entry = facts.setdefault(name, {"licence": "free", "citation": "nobody2000", "homepage": "x", "variants": []})
        entry["variants"].append({"label": label, "title": f"small {name}", "content": "", "files": entries})
        (tmp_path / "registry.json").write_text(json.dumps(facts))
        monkeypatch.setattr("repro.data.catalogue.REGISTRY", tmp_path / "registry.json")

    return add


@pytest.fixture
def mnist(source: Source, register: Callable[..., None]) -> dict[str, bytes]:
    """MNIST with 40 training and 20 test images, registered and served; its files by path."""
    files = dict(zip(MNIST_FILES, small_mnist(), strict=True))
    register("mnist", "original", files, source.url)
    source.content = dict(files)
    return files


def put(files: dict[str, bytes], folder: Path) -> Path:
    """Write files below a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def left_in(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
