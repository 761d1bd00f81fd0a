"""Sweeps: a table of runs, one a row, each of which goes on where it was stopped: ``python -m repro.sweeps``.

A table is a CSV file with the columns ``name``, ``program``, ``options`` and, if wanted, ``gpus``. A program is

- ``train``, short for ``repro.weight_alignment.train``, or any other module that takes ``--out FOLDER``, goes on by
  itself when it is started again with the same options, and writes ``FOLDER/result.json`` when it is done;
- ``papermill``, whose options begin with the notebook; what it executed stands in ``executed.ipynb``.

``sweeps/Snakefile`` runs all rows, on one machine or on a cluster. A run that is done is never started again, and two
processes never work at the same one: the second waits for the first.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from repro import programs, provenance
from repro.errors import Mistake
from repro.provenance import ROOT
from repro.results import write_atomically

SHORT = {"train": "repro.weight_alignment.train"}
"""Programs that have a short name in a table."""

RESULT = "result.json"  # what a program writes at its end
NOTEBOOK = "executed.ipynb"  # what papermill leaves
# what this module keeps in a run's folder
BEGUN, DONE, FAILED, LOCK = "row.json", "run.json", "failed.json", "sweep.lock"


@dataclass(frozen=True)
class Row:
    """One run of a sweep."""

    name: str  # of its folder
    program: str  # train, papermill or a module
    options: tuple[str, ...]
    gpus: int = 0

    @property
    def is_notebook(self) -> bool:
        """Whether papermill runs it."""
        return self.program == "papermill"

    def command(self, folder: Path) -> list[str]:
        """The command line that does it in ``folder``."""
        if self.is_notebook:
            notebook, *options = self.options
            return [sys.executable, "-m", "papermill", notebook, str(folder / f".{NOTEBOOK}"), *options]
        return [sys.executable, "-m", SHORT.get(self.program, self.program), *self.options, "--out", str(folder)]

    def described(self) -> dict[str, Any]:
        """What makes it this run and no other."""
        return {"program": self.program, "options": list(self.options)}


def read_table(path: Path | str) -> dict[str, Row]:
    """The rows of a sweep by name, in the order of the table. Raises Mistake naming the line that is wrong."""
    path = Path(path)
    if not path.is_file():
        raise Mistake(f"there is no table {path}")
    with open(path, newline="") as file:
        lines = csv.DictReader(file)
        columns = set(lines.fieldnames or ())
        if not {"name", "program", "options"} <= columns <= {"name", "program", "options", "gpus"}:
            found = ", ".join(lines.fieldnames or ())
            raise Mistake(f"{path}: columns are {found}; there must be name, program, options and may be gpus")
        rows: dict[str, Row] = {}
        for line in lines:
            row = _row(line, f"{path}, line {lines.line_num}")
            if row.name in rows:
                raise Mistake(f"{path}, line {lines.line_num}: name {row.name!r} is there twice")
            rows[row.name] = row
    if not rows:
        raise Mistake(f"{path} has no rows")
    return rows


def _row(line: Mapping[str, str | None], where: str) -> Row:
    name, program, text, gpus = (line.get(key) or "" for key in ("name", "program", "options", "gpus"))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise Mistake(f"{where}: name {name!r}; allowed are letters, digits, '_', '-' and '.'")
    if program != "papermill" and program not in SHORT and not re.fullmatch(r"\w+(\.\w+)+", program):
        raise Mistake(
            f"{where}: program {program!r}; allowed are {', '.join(SHORT)}, papermill or a module such as a.b"
        )
    if not re.fullmatch(r"\d*", gpus):
        raise Mistake(f"{where}: gpus {gpus!r}; allowed is a whole number, 0 or more")
    try:
        options = tuple(shlex.split(text))
    except ValueError as error:
        raise Mistake(f"{where}: options {text!r}: {error}") from None
    if program == "papermill" and not options:
        raise Mistake(f"{where}: papermill needs a notebook as its first option")
    if "--out" in options:
        raise Mistake(f"{where}: --out is set by the sweep; leave it out")
    return Row(name, program, options, int(gpus or 0))


def folder_of(table: Path | str) -> Path:
    """Where the runs of a table are kept unless it is said otherwise: ``runs/TABLE`` of this checkout."""
    return ROOT / "runs" / Path(table).stem


def run(row: Row, runs: Path) -> int:
    """Do one run, or go on with it, or return at once if it is done; the program's exit code.

    Raises
    ------
    Mistake
        If the folder holds a run with other options, or the program ended without a result.
    """
    folder = runs / row.name
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder) as lock:
        _check_same(row, folder)
        if (folder / DONE).exists():
            print(f"{row.name}: done before")
            return 0
        _write(folder / BEGUN, row.described())
        (folder / FAILED).unlink(missing_ok=True)
        began = time.perf_counter()
        code = _call(row.command(folder), lock)
        seconds = round(time.perf_counter() - began, 1)
        if row.is_notebook and (folder / f".{NOTEBOOK}").exists():
            os.replace(folder / f".{NOTEBOOK}", folder / (NOTEBOOK if code == 0 else f"failed.{NOTEBOOK}"))
        if code != 0:
            _write(folder / FAILED, {"code": code, "seconds": seconds})
            return code
        facts = {"status": _status(row, folder), "commit": provenance.commit(), "last_seconds": seconds}
        _write(folder / DONE, row.described() | facts)
        return 0


def _status(row: Row, folder: Path) -> str:
    if row.is_notebook:
        return "done"
    path = folder / RESULT
    if not path.exists():
        raise Mistake(f"{row.name}: {row.program} ended well but left no {path}")
    return str(json.loads(path.read_text()).get("status", "done"))


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(facts, indent=1) + "\n").encode())


def _check_same(row: Row, folder: Path) -> None:
    """Raises Mistake if the folder was begun with other options."""
    path = folder / BEGUN
    before = json.loads(path.read_text()) if path.exists() else row.described()
    if before != row.described():
        was, now = (f"{each['program']} {shlex.join(each['options'])}" for each in (before, row.described()))
        raise Mistake(f"{folder} was begun as '{was}', the table now says '{now}': give the row another name")


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Hold the folder's lock, waiting for it if need be. The program inherits it: it may outlive a killed sweep."""
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    try:
        if not _taken(lock):
            print(f"{folder.name}: another process works at it; waiting", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _call(command: list[str], lock: int) -> int:
    """Run a program that shares the lock, and hand on the signal that asks it to stop; its exit code."""
    with subprocess.Popen(command, cwd=ROOT, pass_fds=(lock,)) as process:
        before = signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # the terminal has told it too; it may be writing its checkpoint
            raise
        finally:
            signal.signal(signal.SIGTERM, before)


def state(row: Row, runs: Path) -> str:
    """How far a run is: waiting, running, stopped, failed, other options, or the status that its program gave."""
    folder = runs / row.name
    try:
        _check_same(row, folder)
    except Mistake:
        return "other options"
    if (folder / DONE).exists():
        return str(json.loads((folder / DONE).read_text())["status"])
    if not (folder / LOCK).exists():
        return "waiting"
    lock = os.open(folder / LOCK, os.O_RDWR)
    try:
        if not _taken(lock):
            return "running"
    finally:
        os.close(lock)
    return "failed" if (folder / FAILED).exists() else "stopped"


@click.group()
def sweeps() -> None:
    """Run tables of runs; sweeps/Snakefile runs all rows of one."""


_runs = click.option("--runs", type=click.Path(path_type=Path), help="folder of the runs [default: runs/TABLE]")
_table = click.argument("table", type=click.Path(path_type=Path))


@sweeps.command("run")
@_table
@click.argument("name")
@_runs
def run_command(table: Path, name: str, runs: Path | None) -> None:
    """Do the run NAME of TABLE, or go on with it."""
    rows = read_table(table)
    if name not in rows:
        raise Mistake(f"{table} has no row {name!r}; it has {', '.join(rows)}")
    code = run(rows[name], (runs or folder_of(table)).resolve())
    if code:
        raise SystemExit(code if code > 0 else 128 - code)


@sweeps.command("state")
@_table
@_runs
def state_command(table: Path, runs: Path | None) -> None:
    """Say how far every run of TABLE is."""
    rows, where = read_table(table), (runs or folder_of(table)).resolve()
    states = {name: state(row, where) for name, row in rows.items()}
    for name, found in states.items():
        click.echo(f"{found:14} {name}")
    counts = ", ".join(f"{list(states.values()).count(each)} {each}" for each in dict.fromkeys(states.values()))
    click.echo(f"{len(rows)} runs: {counts}")


if __name__ == "__main__":
    programs.run(sweeps)
