"""The command `verify`."""

from __future__ import annotations

import click
from rich.markup import escape
from rich.table import Table

from voucher_selector.cli import options, screen
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.findings import Problem, Verification
from voucher_selector.operations.replay import list_objects
from voucher_selector.operations.upload import DATASETS
from voucher_selector.stack import find_stack

MAX_SHOWN = 100
"""Differences that are printed; the JSON document has all."""

AGAIN = "Verify again while nothing is uploaded."


@options.command("make verify", "make verify REPAIR=1", "voucher-selector verify --json")
@options.flag("--repair", "repairing", help="Correct counters if only the table is wrong.")
@options.json_option
def verify(*, repairing: bool, as_json: bool) -> None:
    """Compare the counts with a fresh count.

    This machine counts every object of the bucket, and compares the table with the sums. Datasets are not
    counted: their recorded counts are used if their objects have not changed. The exit code is 1 if a problem
    was found; with --repair, if a problem is left. A file that is correctly recorded as failed is named, but
    is no problem. With --repair, counters that fell to 0 are removed as well.
    """
    from voucher_selector.operations.verify import compare, repair  # noqa: PLC0415 - importing pyarrow is slow

    stack = find_stack()
    keys = list(list_objects(stack))
    with screen.bar(f"Counting {len(keys):,} objects", len(keys)) as advance:
        found = compare(stack, keys, advance)
    if as_json:
        screen.print_json(found.to_dict())
    else:
        _show(found)
    if repairing:
        table = stack.segments_table()
        for cell in table.cells_with_zeros():
            table.remove_zeros(cell)
    if not repairing or not found.differences:
        if not found.is_clean:
            raise click.exceptions.Exit(Exit.NO)
        return
    if not found.can_be_repaired:
        problem = "Nothing was repaired: some sources are inconsistent, not only the table."
        raise CommandError(f"{problem} {_advice(found)}", Exit.NO)
    if left := repair(stack, found.differences):
        problem = f"{left:,} counters were not repaired, because they changed meanwhile."
        raise CommandError(f"{problem} {AGAIN}", Exit.NO)
    screen.err.print(f"Counters repaired: {len(found.differences):,}")


def _show(found: Verification) -> None:
    for error in found.failed.values():
        click.echo(error)
    for finding in found.problems:
        click.echo(f"{finding.source} {finding.problem}")
    if found.differences:
        table = Table()
        for name in ("country", "cell", "counter"):
            table.add_column(name, overflow="fold")
        for name in ("in the table", "fresh count"):
            table.add_column(name, justify="right")
        for d in found.differences[:MAX_SHOWN]:
            names = map(escape, (d.country, d.cell, d.counter))
            table.add_row(*names, f"{d.in_table:,}", f"{d.counted:,}")
        screen.out.print(table)
        if len(found.differences) > MAX_SHOWN:
            click.echo(f"and {len(found.differences) - MAX_SHOWN:,} more; --json prints all")
    if found.is_clean:
        failed = f" ({len(found.failed):,} failed)" if found.failed else ""
        datasets = f", recorded datasets: {found.datasets:,}" if found.datasets else ""
        numbers = f"objects: {found.objects:,}{failed}{datasets}, counters: {found.counters:,}"
        click.echo(f"The table matches a fresh count; {numbers}")
    else:
        numbers = f"differences: {len(found.differences):,}, problems: {len(found.problems):,}"
        click.echo(f"The table does not match a fresh count; {numbers}. {_advice(found)}")


def _advice(found: Verification) -> str:
    """Return what to do about the findings; the first cause that applies."""
    problems = {finding.problem for finding in found.problems}
    if Problem.CHANGED in problems:
        return AGAIN
    if dataset := next((f.source for f in found.problems if f.source.startswith(DATASETS)), None):
        return f"Count the dataset again: make dataset NAME={dataset.removeprefix(DATASETS).rstrip('/')}"
    if problems & {Problem.FAILS, Problem.MISTAKEN, Problem.LOST}:
        return "Count all objects again: make replay FORCE=1"
    if problems - ({Problem.GARBAGE} if found.differences else set()):
        return "Re-count the stale objects: make replay"
    return "Repair the table: make verify REPAIR=1"
