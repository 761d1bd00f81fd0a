"""``python -m repro data``: which data sets there are, where they are, whether they are whole; fetch one."""

from __future__ import annotations

from pathlib import Path

import click

from repro.data.catalogue import Entry, registry
from repro.data.download import fetch
from repro.data.errors import DataCorrupt
from repro.data.places import VARIABLE, cache, data_folder, find, found_all
from repro.errors import Mistake

PATH = click.option(
    "--path", type=click.Path(exists=True, path_type=Path), help=f"Look here, not in {VARIABLE} and the cache."
)


@click.group("data")
def data() -> None:
    """Look after the data sets."""


@data.command("list")
@PATH
def list_command(path: Path | None) -> None:
    """List all data sets: name, size, licence, citation, and where they are."""
    rows = [("NAME", "SIZE", "LICENCE", "CITATION", "WHERE")]
    notes = []
    for name, entry in _entries(path).items():
        found = find(entry, path)
        variant = found.variant if found else entry.variants[0]
        where = found.place if found else "not here"
        rows.append((name, f"{variant.bytes / 1e6:.1f} MB", entry.licence, entry.citation, where))
        if variant.note:
            notes.append(f"{name}: {variant.title}. {variant.note}")
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for note in notes:
        click.echo(note)


@data.command("fetch")
@click.argument("name")
def fetch_command(name: str) -> None:
    """Download NAME from its public source to the cache; what is there and whole stays."""
    entry = _entry(name, None)
    packages = [variant.package for variant in entry.variants if variant.package]
    if packages:
        click.echo(f"{name} comes with the package {packages[0]}: nothing to fetch")
        return
    fetch(name, entry, progress=True)
    click.echo(f"{name} is in {cache()}, checked")


@data.command("verify")
@click.argument("name", required=False)
@PATH
def verify_command(name: str | None, path: Path | None) -> None:
    """Compare the files of NAME, or of all data sets that are here, with the registry; exit with 1 if any is bad."""
    chosen = {name: _entry(name, path)} if name else _entries(path)
    bad = checked = 0
    for label, entry in chosen.items():
        for found in found_all(entry, path):
            for file, where in zip(found.variant.files, found.paths, strict=True):
                checked += 1
                try:
                    file.check(where)
                except DataCorrupt as error:
                    bad += 1
                    click.echo(f"bad: {label}: {error}")
    if name and not checked:
        raise Mistake(f"{name} is not here, so there is nothing to verify")
    click.echo(f"{checked} files checked, {bad} bad")
    if bad:
        raise SystemExit(1)


def _entries(path: Path | None) -> dict[str, Entry]:
    return registry(path if path is not None and path.is_dir() else data_folder())


def _entry(name: str, path: Path | None) -> Entry:
    entries = _entries(path)
    if name not in entries:
        raise Mistake(f"no data set is called {name!r}; there are {', '.join(entries)}")
    return entries[name]
