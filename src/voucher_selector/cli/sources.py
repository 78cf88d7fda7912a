"""The commands on what was uploaded: `sources`, `rejected`, `delete` and `expire`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import click

from voucher_selector.cli import options, screen
from voucher_selector.cli.upload import delete_with_progress, document
from voucher_selector.error_messages import name_variables
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.sources import find_keys, list_states, read_rejected_rows, source_key
from voucher_selector.stack import AWS, endpoint_variable, find_stack
from vouchers.dynamodb.sources_table import State, Status
from vouchers.text import truncate


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
    rows = []
    for key, state in states.items():
        numbers = [f"{state.report[name]:,}" if state.report else "" for name in ("rows", "rejected")]
        rows.append([key, state.status, (state.as_of or "").partition(".")[0], *numbers])
    screen.print_table(("source", "status", "as of"), ("rows", "rejected"), rows)
    for state in states.values():
        if state.error:
            click.echo(name_variables(state.error))


@options.command(
    "make rejected KEY=august.parquet",
    "make rejected KEY=datasets/history/ LIMIT=100",
    "voucher-selector rejected august.parquet --json",
)
@options.argument("key")
@options.option(
    "--limit",
    type=options.number_type(int, 1_000_000),
    default=20,
    help="Number of rows to print; default: 20.",
)
@options.json_option
def rejected(key: str, limit: int, *, as_json: bool) -> None:
    """Print the rejected rows of the source KEY.

    KEY is the name of a file under vouchers/, or a dataset such as datasets/history/. Rows are numbered from
    0. The exit code is 1 if there is no such source, or it could not be counted.
    """
    stack = find_stack()
    source = source_key(stack, key)
    state = stack.sources_table().load(source).state
    if state is None or state.status is not Status.COUNTED:
        problem = state and state.error
        raise CommandError(problem or f"There is no source {source}", Exit.NO)
    number, rows = state.report["rejected"], list(islice(read_rejected_rows(stack, state), limit))
    if as_json:
        screen.print_json({"source": source, "rejected": number, "rows": rows})
        return
    if rows:
        show_rows(rows)
    left = f", of which {number - len(rows):,} are not shown" if number > len(rows) else ""
    click.echo(f"Rejected rows of {source}: {number:,}{left}")


def show_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table, without the columns that have no value in any of them."""
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    texts = ([truncate("" if row[name] is None else str(row[name])) for name in names] for row in rows)
    screen.print_table(names, (), texts)


@options.command(
    "make delete KEY=2018/august.parquet", "voucher-selector delete 2018/august.parquet 2017/ --json"
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


@options.command("make expire OLDER_THAN=90d", "voucher-selector expire --older-than 90d --json")
@options.option(
    "--older-than",
    type=options.age,
    required=True,
    metavar="AGE",
    help="Age since the upload, such as 90d, 12h or 30m.",
)
@options.json_option
def expire(older_than: timedelta, *, as_json: bool) -> None:
    """Delete old objects, and wait until the counts are removed.

    This does in an emulator what S3 does on AWS with the stack parameter UploadsExpireAfterDays. The command
    therefore refuses a stack on AWS. Datasets do not expire.
    """
    if endpoint_variable() == AWS:
        raise CommandError("On AWS, S3 expires objects. Set the stack parameter UploadsExpireAfterDays")
    stack = find_stack()
    deleted = delete_with_progress(stack, [*list_objects(stack, until=datetime.now(UTC) - older_than)])
    if as_json:
        screen.print_json({"deleted": deleted})
    else:
        click.echo(f"Expired objects: {len(deleted):,}")
