"""``make serve`` for real, on a book of one page."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from repro.provenance import ROOT

pytestmark = pytest.mark.browser

LIMIT_S = 120  # of a build of one page, on a busy machine
FILES = ("Snakefile", "_config.yml", "CITATION.cff", "requirements.lock", "pyproject.toml", ".gitignore", "Makefile")
SOURCES = ("_static", "chapters.yml", "notation.yml", "references.bib")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A checkout whose book has a start page and no chapter."""
    folder = tmp_path_factory.mktemp("serve")
    (folder / "book").mkdir()
    (folder / "notebooks").mkdir()
    for name in ("repro", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in SOURCES:
        source = ROOT / "book" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / "book" / name)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (folder / "book" / "index.md").write_text("# Start\n\nThe first words.\n")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The file that holds what the server says."""
    return tmp_path_factory.mktemp("told") / "told.txt"


@pytest.fixture(scope="module")
def server(copy, told):
    """The address of the running server, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "repro.build", "serve", "--scale", "smoke", "--jobs", "1", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONUNBUFFERED": "1"}
    with told.open("w") as out:
        running = subprocess.Popen(
            command,
            cwd=copy,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore Ctrl-C
        )
    try:
        until(lambda: "Start watching" in told.read_text(), told)
        yield f"http://127.0.0.1:{port}", running
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def until(holds, told):
    """Wait until something holds."""
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, told.read_text()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def reader(browser, server):
    """The start page as a reader opened it, once for all tests."""
    page = browser.new_page()
    page.goto(f"{server[0]}/index.html", wait_until="networkidle")
    yield page
    page.close()


def test_a_mistake_is_told_in_one_line_and_the_page_of_before_stays(reader, server, copy, told):
    before = told.read_text()
    (copy / "book" / "index.md").write_text("# Start\n\nThe second words.\n\n```{nosuchthing}\n```\n")
    until(lambda: "the build failed" in told.read_text()[len(before) :], told)
    lines = told.read_text()[len(before) :].splitlines()
    (line,) = [line for line in lines if "error" in line.lower()]
    assert re.search(r"index\.md:5: WARNING: Unknown directive type: 'nosuchthing'", line)
    assert "Traceback" not in "".join(lines)
    reader.reload()
    assert "The first words." in reader.inner_text("article")


def test_a_saved_page_is_built_and_the_browser_reloads_it(reader, copy):
    (copy / "book" / "index.md").write_text("# Start\n\nThe third words.\n")
    reader.wait_for_function("document.body.innerText.includes('The third words.')", timeout=LIMIT_S * 1000)


def test_ctrl_c_leaves_nothing_running(server, told):
    _, running = server
    family = [running.pid, *(child.pid for child in psutil.Process(running.pid).children(recursive=True))]
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    running.wait(timeout=20)
    until(lambda: not any(psutil.pid_exists(each) for each in family), told)
    assert "Traceback" not in told.read_text()
