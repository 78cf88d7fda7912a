"""The command `upload`."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import click

from infra.cli import screen
from infra.cli.errors import CommandError
from infra.cli.report import show_report
from infra.cli.target import deployed
from infra.cli.uploading import load, object_key


@click.command()
@click.argument("file")
@click.option("--as-of", help="From when recency is measured: a date as 2018-08-05, or row.")
@click.option("--key", help="The object's name under vouchers/; else the file's own.")
@screen.json_option
def upload(file: str, as_of: str | None, key: str | None, *, as_json: bool) -> None:
    """Upload FILE to the running stack, wait until it is counted, and print the report."""
    path, moment = readable(file), checked_as_of(as_of)
    name = object_key(key or path.name)
    state = load(deployed(), path, name, moment)
    if as_json:
        screen.print_json(
            {"source": name, "status": state.status, "as_of": state.as_of, "report": state.report}
        )
    else:
        show_report(name, state)


def readable(file: str) -> Path:
    """Return the path of a file that can be read.

    Raises:
        CommandError: if there is no name, or no file of that name that can be read.
    """
    if not file:
        raise CommandError("Name a file, as in: make upload FILE=vouchers.parquet")
    path = Path(file).expanduser()
    if not path.is_file():
        raise CommandError(f"{file} is no file" if path.exists() else f"There is no file {file}")
    if not os.access(path, os.R_OK):
        raise CommandError(f"{file} cannot be read: permission denied")
    return path


def checked_as_of(text: str | None) -> str | None:
    """Return an as-of date as the object's metadata has it.

    Raises:
        CommandError: if it is neither a date nor ``row``.
    """
    if text in (None, "row"):
        return text
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise CommandError(f"AS_OF must be a date as 2018-08-05, or row, not '{text}'") from None
