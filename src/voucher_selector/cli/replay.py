"""The command `replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voucher_selector.cli import options, screen
from voucher_selector.errors import Exit
from voucher_selector.operations.garbage import sweep
from voucher_selector.operations.replay import Replayed, look_again, to_replay
from voucher_selector.operations.upload import DATASETS, PREFIX, object_key
from voucher_selector.stack import deployed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voucher_selector.stack import Deployed

OUTCOMES = {
    "counted": "counted",
    "duplicate": "up to date",
    "deleted": "deleted",
    "superseded": "replaced meanwhile",
}
"""What a replay can come to, and how it is said."""


EXAMPLES = options.examples(
    "make replay",
    "make replay PREFIX=2018/ FORCE=1",
    ".venv/bin/voucher-selector replay 2018/ --json",
)


@click.command(epilog=EXAMPLES)
@click.argument("prefix", default="")
@click.option("--force", is_flag=True, help="Count even what seems up to date.")
@options.json_option
def replay(prefix: str, *, force: bool, as_json: bool) -> None:
    """Count again what needs it under PREFIX.

    An object needs it if no event told of it or of its deletion, if it failed, if it was counted by other
    segment definitions, or if its segmented rows are not kept as they should be. Broken off, it goes on
    where it was when it is started again. The results bucket is tidied afterwards. It ends with 1 if a file
    failed.
    """
    stack, under = deployed(), object_key(prefix)
    sources = to_replay(stack, under)
    replayed = _replay(stack, sources, forced=force)
    swept = sum(sweep(stack, each) for each in ([under] if prefix else [PREFIX, DATASETS]))
    if as_json:
        screen.print_json(_as_json(replayed, swept))
    else:
        _show(under, len(sources), replayed, swept)
    if replayed.failed:
        raise click.exceptions.Exit(Exit.NO)


def _replay(stack: Deployed, sources: Sequence[str], *, forced: bool) -> Replayed:
    with screen.bar(f"Looking at {len(sources):,} objects again", len(sources)) as advance:
        return look_again(stack, sources, advance, forced=forced)


def _as_json(replayed: Replayed, swept: int) -> dict[str, object]:
    numbers = {said.replace(" ", "_"): replayed.outcomes.get(name, 0) for name, said in OUTCOMES.items()}
    failed = [{"source": source, "error": error} for source, error in sorted(replayed.failed.items())]
    return {**numbers, "failed": failed, "swept": swept}


def _show(under: str, sources: int, replayed: Replayed, swept: int) -> None:
    for _, error in sorted(replayed.failed.items()):
        click.echo(error)
    numbers = [f"{n:,} {OUTCOMES.get(name, name)}" for name, n in sorted(replayed.outcomes.items())]
    if replayed.failed:
        numbers.append(f"{len(replayed.failed):,} failed")
    click.echo(", ".join(numbers) if sources else f"There is nothing under {under}")
    if swept:
        click.echo(f"Deleted from the results bucket, for nothing refers to it: {swept:,}")
