"""The command `redrive`."""

from __future__ import annotations

import click

from voucher_selector.cli import options, screen
from voucher_selector.errors import Exit
from voucher_selector.operations import redrive as operation
from voucher_selector.stack import find_stack

OUTCOMES = {
    "duplicate": "already counted",
    "late": "superseded by a newer event",
    "superseded": "the object was replaced or deleted; another event counts it",
}
"""Texts for the outcomes of events that change nothing."""


@options.command("make redrive", "voucher-selector redrive --json")
@options.json_option
def redrive(*, as_json: bool) -> None:
    """Send the failed events to the ingest function again.

    The events come from the queue of failed events. Events that fail again stay in the queue; then the exit
    code is 1.
    """
    done: list[operation.Redriven] = []
    with screen.step("Redriving the failed events"):
        operation.redrive(find_stack(), done.append)
    failed = [event for event in done if event.answer.error]
    succeeded = [event for event in done if not event.answer.error]
    if as_json:
        redriven = [{"sources": event.sources, "outcomes": event.answer.outcomes} for event in succeeded]
        errors = [{"sources": event.sources, "error": event.answer.error} for event in failed]
        screen.print_json({"redriven": redriven, "failed": errors})
    else:
        for event in done:
            outcomes = (OUTCOMES.get(outcome, outcome) for outcome in event.answer.outcomes)
            click.echo(event.answer.error or f"{', '.join(event.sources)}: {', '.join(outcomes)}")
        summary = f"Succeeded: {len(succeeded):,}, failed again: {len(failed):,}"
        click.echo(summary if done else "There are no failed events")
    if failed:
        raise click.exceptions.Exit(Exit.NO)
