"""The command `replay`."""

from __future__ import annotations

import click

from ingest.events import PREFIX
from voucher_selector.cli import options, screen
from voucher_selector.errors import Exit
from voucher_selector.operations import replay as operation
from voucher_selector.operations.garbage import delete_garbage
from voucher_selector.operations.upload import DATASETS, object_key
from voucher_selector.stack import find_stack

OUTCOMES = {
    "counted": "counted",
    "duplicate": "up to date",
    "deleted": "deleted",
    "superseded": "replaced meanwhile",
}
"""Texts for the outcomes."""


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
    stack, key_prefix = find_stack(), object_key(prefix)
    sources = operation.list_sources(stack, key_prefix)
    with screen.bar(f"Checking {len(sources):,} objects", len(sources)) as advance:
        replayed = operation.replay(stack, sources, advance, forced=force)
    deleted = sum(delete_garbage(stack, p) for p in ([key_prefix] if prefix else [PREFIX, DATASETS]))
    failed = sorted(replayed.failed.items())
    if as_json:
        numbers = {text.replace(" ", "_"): replayed.outcomes[name] for name, text in OUTCOMES.items()}
        errors = [{"source": source, "error": error} for source, error in failed]
        screen.print_json({**numbers, "failed": errors, "swept": deleted})
    else:
        for _, error in failed:
            click.echo(error)
        parts = [f"{n:,} {OUTCOMES.get(name, name)}" for name, n in sorted(replayed.outcomes.items())]
        parts += [f"{len(failed):,} failed"] if failed else []
        click.echo(", ".join(parts) if sources else f"There are no objects under {key_prefix}")
        if deleted:
            click.echo(f"Unreferenced results deleted: {deleted:,}")
    if failed:
        raise click.exceptions.Exit(Exit.NO)
