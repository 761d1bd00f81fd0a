"""Serve the built site on this machine, build again what a change touches, and reload the browser."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from livereload import Server

from repro.build.layout import Layout
from repro.errors import Mistake
from repro.provenance import ROOT

WATCHED = ("notebooks", "repro", "data/claims", "book", "_config.yml", "_toc.yml", "CITATION.cff")
DELAY_S = 1.0  # an editor writes a file more than once


def command(scale: str, jobs: int) -> list[str]:
    """The build that ``make book`` does."""
    snakemake = str(Path(sys.executable).parent / "snakemake")
    quiet = ["--quiet", "rules", "progress", "reason", "host"]
    options = ["--nolock", "--keep-going", "--rerun-incomplete", *quiet]
    return [snakemake, "--cores", str(jobs), *options, "--config", f"scale={scale}"]


@cache
def ignored(path: str) -> bool:
    """Whether git ignores a file, as it does all that a build makes: to watch that would build without end."""
    return subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 0


def rebuild(scale: str, jobs: int) -> bool:
    """Build what changed; a build that fails is told, and the pages of before stay."""
    failed = subprocess.run(command(scale, jobs), cwd=ROOT, check=False).returncode != 0
    print("the build failed, see above; the pages are those of before" if failed else "built", flush=True)
    return not failed


def watching(scale: str, jobs: int) -> Server:
    """A server that watches the sources of the book."""
    server = Server()
    for name in WATCHED:
        server.watch(str(ROOT / name), lambda: rebuild(scale, jobs), delay=DELAY_S, ignore=ignored)
    return server


def serve(where: Layout, jobs: int, port: int) -> None:
    """Build, then serve until stopped. Raises Mistake if there is no site to serve."""
    rebuild(where.scale, jobs)
    site = ROOT / where.site
    if not (site / "index.html").exists():
        raise Mistake(f"{where.site}: there is no site to serve")
    watching(where.scale, jobs).serve(root=str(site), host="127.0.0.1", port=port)
