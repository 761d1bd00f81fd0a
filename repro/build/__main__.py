"""The steps of a build, as the Snakefile calls them."""

from __future__ import annotations

import click

from repro import programs
from repro.build import site
from repro.build.execute import execute
from repro.build.layout import Layout, chapters, choose
from repro.claims import SCALES
from repro.errors import Mistake
from repro.provenance import ROOT


@click.group()
def build() -> None:
    """Steps of a build; ``make book`` runs them all."""


@build.command("check")
@click.option("--scale", required=True)
@click.option("--chapters", "wanted", default="")
@click.option("--jobs", required=True)
def check_command(scale: str, wanted: str, jobs: str) -> None:
    """Refuse what make was given, in one line, before anything is built."""
    if scale not in SCALES:
        raise Mistake(f"SCALE is {scale!r}; it can be {', '.join(SCALES)}")
    if not jobs.isdecimal() or int(jobs) < 1:
        raise Mistake(f"JOBS is {jobs!r}; it can be 1 or more")
    choose(wanted)


@build.command("execute")
@click.argument("chapter")
@click.option("--scale", required=True)
def execute_command(chapter: str, scale: str) -> None:
    """Execute a chapter, unless only its prose changed."""
    click.echo(f"{chapter}: {execute(chapter, scale)}")


@build.command("site")
@click.option("--scale", required=True)
def site_command(scale: str) -> None:
    """Build and check the pages."""
    site.build(Layout(scale))


@build.command("summary")
@click.option("--scale", required=True)
def summary_command(scale: str) -> None:
    """Say what was built, what it took, and which verdicts changed."""
    layout = Layout(scale)
    click.echo(site.summary(layout, [name for name in chapters() if (ROOT / layout.executed(name)).exists()]))


@build.command("serve")
@click.option("--scale", required=True)
@programs.count("--jobs", 1, "chapters that run side by side")
@click.option("--port", default=5500, show_default=True)
def serve_command(scale: str, jobs: int, port: int) -> None:
    """Serve the site on this machine, and build and reload on every change."""
    from repro.build.serve import serve  # what only this step needs is not loaded by each step of a build

    serve(Layout(scale), jobs, port)


@build.command("pdf")
@click.option("--scale", required=True)
def pdf_command(scale: str) -> None:
    """Print the built site to one PDF."""
    from repro.build import pdf

    click.echo(f"The book is at {pdf.build(Layout(scale))}")


@build.command("links")
@click.option("--scale", required=True)
def links_command(scale: str) -> None:
    """Check the links that leave the book; needs the network."""
    from repro.build import links

    click.echo(links.check(Layout(scale)))


if __name__ == "__main__":
    programs.run(build)
