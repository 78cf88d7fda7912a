"""The command `verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from voucher_selector.cli import options, screen
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.findings import Problem
from voucher_selector.operations.replay import objects
from voucher_selector.operations.upload import DATASETS
from voucher_selector.stack import deployed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voucher_selector.operations.findings import Difference, Verification
    from voucher_selector.stack import Deployed

MAX_SHOWN = 100
"""Differences that are printed for a person; a program gets them all."""

AGAIN = "verify again while nothing is being uploaded"
FORCE = "count all anew with: make replay FORCE=1"
REPLAY = "count what needs it with: make replay"
DATASET = "count the dataset again with: make dataset NAME={}"
REPAIR = "set the table right with: make verify REPAIR=1"


EXAMPLES = options.examples(
    "make verify",
    "make verify REPAIR=1",
    ".venv/bin/voucher-selector verify --json",
)


@click.command(epilog=EXAMPLES)
@click.option("--repair", "mend", is_flag=True, help="Set counters right where the table alone is wrong.")
@options.json_option
def verify(*, mend: bool, as_json: bool) -> None:
    """Compare the counts with a fresh count.

    Every object of the bucket is counted on this machine, and the table compared with the sums; of datasets,
    what is recorded is taken, if it is of the objects that are there now. It ends with
    1 if anything is not as it should be; with --repair, if any of it is left. Files that cannot be counted
    are named; where that is what is recorded of them, it is as it should be.
    """
    stack = deployed()
    found = _compare(stack)
    if as_json:
        screen.print_json(_as_json(found))
    else:
        _show(found)
    if mend and found.differences:
        _repair(stack, found)
    elif not found.all_is_well:
        raise click.exceptions.Exit(Exit.NO)


def _compare(stack: Deployed) -> Verification:
    from voucher_selector.operations.verify import compare  # noqa: PLC0415 - arrow takes long, and only this needs it

    keys = list(objects(stack))
    with screen.bar(f"Counting {len(keys):,} objects afresh", len(keys)) as advance:
        return compare(stack, keys, advance)


def _repair(stack: Deployed, found: Verification) -> None:
    from voucher_selector.operations.verify import repair  # noqa: PLC0415 - as above

    if not found.can_be_repaired:
        said = "Nothing was set right, for not the table alone is wrong"
        raise CommandError(f"{said}; {_advice(found)}", Exit.NO)
    if left := repair(stack, found.differences):
        said = f"Counters that changed meanwhile were not set right: {left:,}"
        raise CommandError(f"{said}; {AGAIN}", Exit.NO)
    screen.err.print(f"Counters set right: {len(found.differences):,}")


def _as_json(found: Verification) -> dict[str, object]:
    return {
        "objects": found.objects,
        "datasets": found.datasets,
        "counters": found.counters,
        "failed": [{"source": source, "error": error} for source, error in found.failed.items()],
        "problems": [{"source": f.source, "problem": f.problem} for f in found.findings],
        "differences": [
            {
                "country": d.cell.country,
                "cell": d.cell.name,
                "counter": d.counter,
                "in_table": d.in_table,
                "counted": d.counted,
            }
            for d in found.differences
        ],
    }


def _show(found: Verification) -> None:
    for error in found.failed.values():
        click.echo(error)
    for finding in found.findings:
        click.echo(f"{finding.source} {finding.problem}")
    if found.differences:
        _show_differences(found.differences)
    if found.all_is_well:
        failed = f", of which failed: {len(found.failed):,}" if found.failed else ""
        recorded = f", datasets as they are recorded: {found.datasets:,}" if found.datasets else ""
        what = f"objects: {found.objects:,}{failed}{recorded}, counters: {found.counters:,}"
        click.echo(f"The table is what a fresh count gives ({what})")
    else:
        what = f"differences: {len(found.differences):,}, problems: {len(found.findings):,}"
        click.echo(f"The table is not what a fresh count gives ({what}); {_advice(found)}")


def _show_differences(differences: Sequence[Difference]) -> None:
    shown = Table()
    for name in ("country", "cell", "counter"):
        shown.add_column(name, overflow="fold")
    for name in ("in the table", "counted afresh"):
        shown.add_column(name, justify="right")
    for each in differences[:MAX_SHOWN]:
        names = (each.cell.country, each.cell.name, each.counter)
        shown.add_row(*map(escape, names), f"{each.in_table:,}", f"{each.counted:,}")
    screen.out.print(shown)
    if len(differences) > MAX_SHOWN:
        click.echo(f"and {len(differences) - MAX_SHOWN:,} more, all of them with --json")


def _advice(found: Verification) -> str:
    problems = {finding.problem for finding in found.findings}
    if Problem.CHANGED in problems:
        return AGAIN
    if dataset := next((f.source for f in found.findings if f.source.startswith(DATASETS)), None):
        return DATASET.format(dataset.removeprefix(DATASETS).rstrip("/"))
    if problems & {Problem.FAILS, Problem.MISTAKEN, Problem.LOST}:
        return FORCE
    return REPLAY if problems - ({Problem.GARBAGE} if found.differences else set()) else REPAIR
