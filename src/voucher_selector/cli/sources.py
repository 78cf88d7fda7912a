"""The commands on what was uploaded: `sources` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from voucher_selector.cli import options, screen
from voucher_selector.cli.upload import delete_with_progress, document
from voucher_selector.operations.delete import find_keys
from voucher_selector.operations.sources import list_states
from voucher_selector.stack import find_stack
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vouchers.dynamodb.sources_table import State


@options.command(
    "make sources",
    "make sources PREFIX=2018/ STATUS=failed",
    "voucher-selector sources 2018/ --status failed --json",
)
@options.argument("prefix", default="")
@options.option("--status", type=options.Choice([*map(str, Status)]), help="Only sources with this status.")
@options.json_option
def sources(prefix: str, status: str | None, *, as_json: bool) -> None:
    """List the uploaded files and datasets under PREFIX.

    Deleted sources are listed only if --status names them; they are kept for 30 days.
    """
    stack = find_stack()
    statuses = (Status(status),) if status else (Status.COUNTED, Status.FAILED)
    states = list_states(stack, prefix, statuses)
    if as_json:
        screen.print_json({"sources": [document(stack, key, state) for key, state in states.items()]})
    elif states:
        show_states(states)
    else:
        click.echo(f"There are no sources under {prefix}" if prefix else "There are no sources")


def show_states(states: Mapping[str, State]) -> None:
    """Print sources as a table, and below it the errors of those that failed."""
    table = Table()
    for name in ("source", "status", "as of"):
        table.add_column(name, overflow="fold")
    for name in ("rows", "rejected"):
        table.add_column(name, justify="right")
    for key, state in states.items():
        numbers = [f"{state.report[name]:,}" if state.report else "" for name in ("rows", "rejected")]
        table.add_row(escape(key), state.status, (state.as_of or "").partition(".")[0], *numbers)
    screen.out.print(table)
    for state in states.values():
        if state.error:
            click.echo(state.error)


@options.command(
    "make delete KEY=2018/august.parquet",
    "voucher-selector delete 2018/august.parquet 2017/ --json",
)
@options.argument("key", nargs=-1, required=True)
@options.json_option
def delete(key: tuple[str, ...], *, as_json: bool) -> None:
    """Delete every KEY, and wait until the counts are removed.

    KEY is the name of an object under vouchers/. If it ends in a slash, all objects of the folder are
    deleted. Nothing is deleted, and the exit code is 1, if there is no such object.
    """
    stack = find_stack()
    deleted = delete_with_progress(stack, find_keys(stack, key))
    if as_json:
        screen.print_json({"deleted": deleted})
