"""``python -m repro``: compare runs, accept verdicts, look after data."""

from __future__ import annotations

from pathlib import Path

import click

from repro import programs
from repro.build import costs, gather
from repro.build.layout import Layout, chapters
from repro.claims import SCALES
from repro.compare import compare
from repro.data.cli import data
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.results import write_atomically


@click.group()
def repro() -> None:
    """The book on synaptic learning rules."""


@repro.command("compare")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path), required=False)
def compare_command(out: Path, other: Path | None) -> None:
    """Say which claims flipped and which numbers moved in OUT, against OTHER or the book's own run."""
    here = gather.read_run(out)
    against = other or ROOT / Layout("book").executed(here["chapter"])
    if other is None and not against.exists():
        raise Mistake(
            f"the book's run of {here['chapter']} is not there: run 'make book' first, or name another notebook"
        )
    click.echo(compare(here, gather.read_run(against)))


@repro.command("figure")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("label")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def figure_command(out: Path, label: str, file: Path | None) -> None:
    """Take the figure LABEL out of the executed notebook OUT, and write it to FILE (by default LABEL.svg or .png)."""
    gather.read_run(out)
    ending, content = gather.read_figure(out, label)
    file = file or Path(f"{label}.{ending}")
    if file.suffix != f".{ending}":
        raise Mistake(f"figure {label} is {ending}; name the file {file.stem}.{ending}")
    write_atomically(file, content)
    click.echo(f"wrote {file}")


@repro.command("verdicts")
@click.option("--scale", type=click.Choice(SCALES), default="book", show_default=True)
@click.option("--accept", is_flag=True, help="Keep the verdicts, and what each run cost, in data/claims.")
def verdicts_command(scale: str, accept: bool) -> None:
    """Say which verdicts of the executed chapters differ from those kept; exit with 1 if any does."""
    paths = [ROOT / Layout(scale).executed(name) for name in chapters()]
    runs = [gather.read_run(path) for path in paths if path.exists()]
    changed = gather.changed_verdicts(runs)
    for line in changed:
        click.echo(line)
    click.echo(
        f"{len(changed)} of {len(gather.verdicts(runs))} verdicts differ from {gather.VERDICTS.relative_to(ROOT)}"
    )
    if accept:
        gather.accept_verdicts(runs)
        costs.accept(runs)
    elif changed:
        raise SystemExit(1)


repro.add_command(data)


def main() -> None:
    """Run the command line; a user's mistake ends in one line."""
    programs.run(repro)


if __name__ == "__main__":
    main()
