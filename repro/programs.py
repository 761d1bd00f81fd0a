"""How the programs of this book begin and end: checked counts, and one line for a user's mistake."""

from __future__ import annotations

from collections.abc import Callable

import click

from repro.errors import Mistake


def count(name: str, default: int, says: str = "") -> Callable[[Callable], Callable]:
    """An option of a command that counts something: 1 or more."""
    return click.option(name, type=click.IntRange(min=1), default=default, show_default=True, help=says or None)


def run(command: click.Command) -> None:
    """Run a program's command line; what the user got wrong ends in one line on standard error, with code 1."""
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        raise SystemExit(f"error: {error.format_message()}") from None
    except click.Abort:
        raise SystemExit("stopped") from None
    except Mistake as mistake:
        raise SystemExit(f"error: {mistake}") from None
