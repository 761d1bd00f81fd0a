"""Serve the built site on this machine, build again what a change touches, and reload the browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

from livereload import Server
from livereload.handlers import LiveReloadHandler
from tornado.ioloop import IOLoop

from repro.build.layout import Layout
from repro.errors import Mistake
from repro.provenance import ROOT

WATCHED = ("notebooks", "repro", "data/claims", "book", "_config.yml", "_toc.yml", "CITATION.cff")
TOLD = re.compile(r"error: |\w+: (executed|prose only)")  # what a build says to a writer; the rest is snakemake's
WAIT_S = 1.0  # an editor writes a file more than once


def command(scale: str, jobs: int) -> list[str]:
    """The build that ``make book`` does."""
    snakemake = str(Path(sys.executable).parent / "snakemake")
    quiet = ["--quiet", "rules", "progress", "reason", "host"]
    options = ["--nolock", "--keep-going", "--rerun-incomplete", *quiet]
    return [snakemake, "--cores", str(jobs), *options, "--config", f"scale={scale}"]


@cache
def ignored(path: str) -> bool:
    """Whether git ignores a file, as it does all that a build makes: to watch that would build without end."""
    folder = Path(path).parent
    if ROOT in folder.parents and ignored(str(folder)):  # one question for thousands of pages
        return True
    return subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 0


def show(site: Path, shown: Path) -> None:
    """Bring the pages that a browser is given up to date with those that were built; unchanged files are left alone."""

    def copy(source: str, target: str) -> None:
        old, new = Path(target), Path(source).stat()
        if not old.exists() or (old.stat().st_mtime, old.stat().st_size) != (new.st_mtime, new.st_size):
            shutil.copy2(source, target)

    shutil.copytree(site, shown, copy_function=copy, dirs_exist_ok=True)


class Builder:
    """Builds beside the server, one build at a time, so that the pages of before can be read meanwhile."""

    def __init__(self, where: Layout, jobs: int, reload: Callable[[], None]) -> None:
        self.where, self.jobs, self.reload = where, jobs, reload
        self.changed = threading.Event()
        self.stopped = threading.Event()
        self.shown = ROOT / where.toc.parent / "shown"  # a build that fails leaves unfinished pages in the site
        self._build: subprocess.Popen[str] | None = None

    def rebuild(self) -> bool:
        """Build what changed; a build that fails is told, and the pages of before stay."""
        print("building", flush=True)
        build = subprocess.Popen(
            command(self.where.scale, self.jobs), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._build = build
        said = build.communicate()[0].splitlines()
        if self.stopped.is_set():
            return False
        told = list(dict.fromkeys(line for line in said if TOLD.match(line)))
        if build.returncode != 0:
            print("\n".join([*(told or said), "the build failed; the pages are those of before"]), flush=True)
            return False
        show(ROOT / self.where.site, self.shown)
        print("\n".join([*told, "built"]), flush=True)
        return True

    def work(self) -> None:
        """Build after each change, until stopped."""
        while True:
            self.changed.wait()
            if self.stopped.wait(WAIT_S):
                return
            self.changed.clear()
            if self.rebuild():
                self.reload()

    def stop(self) -> None:
        """End the build that is under way."""
        self.stopped.set()
        self.changed.set()
        if self._build is not None and self._build.poll() is None:
            self._build.terminate()
            self._build.wait()


def watching(changed: threading.Event) -> Server:
    """A server that watches the sources of the book."""
    server = Server()
    for name in WATCHED:
        server.watch(str(ROOT / name), changed.set, delay="forever", ignore=ignored)  # no reload before the build
    return server


def serve(where: Layout, jobs: int, port: int) -> None:
    """Build, then serve until stopped. Raises Mistake if there is no site to serve."""
    loop = IOLoop.current()
    builder = Builder(where, jobs, lambda: loop.add_callback(LiveReloadHandler.reload_waiters))
    if not builder.rebuild() and not (builder.shown / "index.html").exists():
        raise Mistake(f"{where.site}: there is no site to serve")
    worker = threading.Thread(target=builder.work, daemon=True)
    worker.start()
    try:
        watching(builder.changed).serve(root=str(builder.shown), host="127.0.0.1", port=port)
    finally:
        builder.stop()
        worker.join()
