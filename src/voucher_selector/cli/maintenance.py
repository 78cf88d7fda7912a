"""The commands that check and repair the counts: `replay`, `verify` and `redrive`."""

from collections.abc import Sequence

import click

from voucher_selector.cli import options, screen
from voucher_selector.error_messages import name_variables
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.findings import Problem, Verification
from voucher_selector.operations.garbage import delete_garbage
from voucher_selector.operations.redrive import Redriven
from voucher_selector.operations.redrive import redrive as redrive_events
from voucher_selector.operations.replay import list_objects, list_sources
from voucher_selector.operations.replay import replay as replay_sources
from voucher_selector.operations.upload import DATASETS
from voucher_selector.stack import find_stack

REPLAYED = {
    "counted": "counted",
    "duplicate": "up to date",
    "deleted": "deleted",
    "superseded": "replaced meanwhile",
}
"""Texts for the outcomes of a replay."""

REDRIVEN = {
    "duplicate": "already counted",
    "late": "superseded by a newer event",
    "superseded": "the object was replaced or deleted; another event counts it",
}
"""Texts for the outcomes of redriven events that change nothing."""

MAX_SHOWN = 100
"""Differences that are printed; the JSON document has all."""

AGAIN = "Verify again while nothing is uploaded."


@options.command("make replay", "make replay PREFIX=2018/ FORCE=1", "voucher-selector replay 2018/ --json")
@options.argument("prefix", default="")
@options.flag("--force", help="Count objects that are up to date, too.")
@options.json_option
def replay(prefix: str, *, force: bool, as_json: bool) -> None:
    """Re-count stale objects under PREFIX.

    An object is stale if an event of it is missing, if it failed, if it was counted with other segment
    definitions, or if its segmented rows are missing or obsolete. An interrupted replay can be started again.
    At the end, unreferenced results are deleted. The exit code is 1 if a file failed.
    """
    stack = find_stack()
    key_prefix = stack.upload_key(prefix)
    sources = list_sources(stack, key_prefix)
    with screen.bar(f"Checking {len(sources):,} objects", len(sources)) as advance:
        replayed = replay_sources(stack, sources, advance, forced=force)
    deleted = sum(delete_garbage(stack, p) for p in ([key_prefix] if prefix else [stack.prefix, DATASETS]))
    failed = sorted(replayed.failed.items())
    if as_json:
        numbers = {text.replace(" ", "_"): replayed.outcomes[name] for name, text in REPLAYED.items()}
        errors = [{"source": source, "error": error} for source, error in failed]
        screen.print_json({**numbers, "failed": errors, "swept": deleted})
    else:
        for _, error in failed:
            click.echo(name_variables(error))
        parts = [f"{n:,} {REPLAYED.get(name, name)}" for name, n in sorted(replayed.outcomes.items())]
        parts += [f"{len(failed):,} failed"] if failed else []
        click.echo(", ".join(parts) if sources else f"There are no objects under {key_prefix}")
        if deleted:
            click.echo(f"Unreferenced results deleted: {deleted:,}")
    if failed:
        raise click.exceptions.Exit(Exit.NO)


@options.command("make verify", "make verify REPAIR=1", "voucher-selector verify --json")
@options.flag("--repair", "repairing", help="Correct counters if only the table is wrong.")
@options.json_option
def verify(*, repairing: bool, as_json: bool) -> None:
    """Compare the counts with a fresh count.

    This machine counts every object of the bucket, and compares the table with the sums. Datasets are not
    counted: their recorded counts are used if their objects have not changed. The exit code is 1 if a problem
    was found; with --repair, if a problem is left. A file that is correctly recorded as failed is named, but
    is not a problem. With --repair, counters that fell to 0 are removed as well, and datasets inside others
    are withdrawn.
    """
    from voucher_selector.operations.verify import compare, repair, withdraw  # noqa: PLC0415 - importing pyarrow is slow

    stack = find_stack()
    keys = list(list_objects(stack))
    with screen.bar(f"Counting {len(keys):,} objects", len(keys)) as advance:
        found = compare(stack, keys, advance)
    if as_json:
        screen.print_json(found.to_dict())
    else:
        show_verification(found)
    if repairing:
        table = stack.segments_table()
        for cell in table.cells_with_zeros():
            table.remove_zeros(cell)
    if repairing and (found.differences or found.nested):
        if not found.can_be_repaired:
            problem = "Nothing was repaired: some sources are inconsistent, not only the table."
            raise CommandError(f"{problem} {advise(found)}", Exit.NO)
        if left := repair(stack, found.differences):
            problem = f"{left:,} counters were not repaired, because they changed meanwhile."
            raise CommandError(f"{problem} {AGAIN}", Exit.NO)
        for dataset in found.nested:
            withdraw(stack, dataset)
        repaired: dict[str, Sequence[object]] = {
            "Counters repaired": found.differences,
            "Datasets withdrawn": found.nested,
        }
        screen.err.print("\n".join(f"{what}: {len(done):,}" for what, done in repaired.items() if done))
    elif not found.is_clean:
        raise click.exceptions.Exit(Exit.NO)


def show_verification(found: Verification) -> None:
    """Print the differences and the problems, and what to do about them."""
    for error in found.failed.values():
        click.echo(name_variables(error))
    for finding in found.problems:
        click.echo(f"{finding.source} {finding.problem}")
    if found.differences:
        rows = [
            (d.country, d.cell, d.counter, f"{d.in_table:,}", f"{d.counted:,}")
            for d in found.differences[:MAX_SHOWN]
        ]
        screen.print_table(("country", "cell", "counter"), ("in the table", "fresh count"), rows)
        if len(found.differences) > MAX_SHOWN:
            click.echo(f"and {len(found.differences) - MAX_SHOWN:,} more; --json prints all")
    if found.is_clean:
        failed = f" ({len(found.failed):,} failed)" if found.failed else ""
        datasets = f", recorded datasets: {found.datasets:,}" if found.datasets else ""
        numbers = f"objects: {found.objects:,}{failed}{datasets}, counters: {found.counters:,}"
        click.echo(f"The table matches a fresh count; {numbers}")
    else:
        numbers = f"differences: {len(found.differences):,}, problems: {len(found.problems):,}"
        click.echo(f"The table does not match a fresh count; {numbers}. {advise(found)}")


def advise(found: Verification) -> str:
    """Return what to do about the findings; the first cause that applies."""
    problems = {finding.problem for finding in found.problems}
    if Problem.CHANGED in problems:
        return AGAIN
    problems -= {Problem.NESTED}
    changed = (f.source for f in found.problems if f.source.startswith(DATASETS) and f.problem in problems)
    if dataset := next(changed, None):
        return f"Count the dataset again: make dataset NAME={dataset.removeprefix(DATASETS).rstrip('/')}"
    if problems & {Problem.FAILS, Problem.MISTAKEN, Problem.LOST}:
        return "Count all objects again: make replay FORCE=1"
    if problems - ({Problem.GARBAGE} if found.differences else set()):
        return "Re-count the stale objects: make replay"
    if found.nested:
        return "Count these objects in the outer dataset only: make verify REPAIR=1"
    return "Repair the table: make verify REPAIR=1"


@options.command("make redrive", "voucher-selector redrive --json")
@options.json_option
def redrive(*, as_json: bool) -> None:
    """Send the failed events to the ingest function again.

    The events come from the queue of failed events. Events that fail again stay in the queue; then the exit
    code is 1.
    """
    done: list[Redriven] = []
    with screen.step("Redriving the failed events"):
        redrive_events(find_stack(), done.append)
    failed = [event for event in done if event.answer.error]
    succeeded = [event for event in done if not event.answer.error]
    if as_json:
        redriven = [{"sources": event.sources, "outcomes": event.answer.outcomes} for event in succeeded]
        errors = [{"sources": event.sources, "error": event.answer.error} for event in failed]
        screen.print_json({"redriven": redriven, "failed": errors})
    else:
        for event in done:
            outcomes = (REDRIVEN.get(outcome, outcome) for outcome in event.answer.outcomes)
            sentence = event.answer.error or f"{', '.join(event.sources)}: {', '.join(outcomes)}"
            click.echo(name_variables(sentence))
        summary = f"Succeeded: {len(succeeded):,}, failed again: {len(failed):,}"
        click.echo(summary if done else "There are no failed events")
    if failed:
        raise click.exceptions.Exit(Exit.NO)
