"""The command `upload`."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voucher_selector.cli import options, screen
from voucher_selector.cli.report import rejected_rows, show_report
from voucher_selector.errors import CommandError
from voucher_selector.operations.upload import NotCountedError, load, object_key
from voucher_selector.stack import deployed

if TYPE_CHECKING:
    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State

EXAMPLES = options.examples(
    "make upload FILE=vouchers.parquet AS_OF=2018-08-05",
    "make upload FILE=vouchers.parquet AS_OF=row KEY=2018/august.parquet",
    ".venv/bin/voucher-selector upload vouchers.parquet --as-of 2018-08-05 --json",
)


@click.command(epilog=EXAMPLES)
@click.argument("file")
@click.option("--as-of", help="To when recency is measured: a date as 2018-08-05, row, or upload.")
@click.option("--key", help="The object's name under vouchers/; else the file's own.")
@options.json_option
def upload(file: str, as_of: str | None, key: str | None, *, as_json: bool) -> None:
    """Upload FILE, and print what became of its rows.

    It waits until the file is counted, and ends with 1 if that cannot be done, with a sentence that says why.
    """
    path, moment = readable(file), checked_as_of(as_of)
    name, stack = object_key(key or path.name), deployed()
    try:
        state = load(stack, path, name, moment)
    except NotCountedError as error:
        if as_json:
            screen.print_json(document(stack, name, error.state))
        raise
    if as_json:
        screen.print_json(document(stack, name, state))
    else:
        show_report(stack, name, state)


def document(stack: Deployed, source: str, state: State) -> dict[str, object]:
    """Return what became of a source, as the JSON document tells it."""
    return {
        "source": source,
        "status": state.status,
        "as_of": state.as_of,
        "error": state.error,
        "report": state.report,
        "rejected_rows": rejected_rows(stack, state),
    }


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
        CommandError: if it is no date, nor ``row`` or ``upload``.
    """
    if text in (None, "row", "upload"):
        return text
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise CommandError(f"AS_OF must be a date as 2018-08-05, row or upload, not '{text}'") from None
