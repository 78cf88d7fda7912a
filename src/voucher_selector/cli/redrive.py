"""The command `redrive`."""

from __future__ import annotations

import click

from voucher_selector.cli import options, screen
from voucher_selector.errors import Exit
from voucher_selector.operations import redrive as redriving
from voucher_selector.stack import deployed

OUTCOMES = {
    "duplicate": "counted already",
    "late": "overtaken by a newer event",
    "superseded": "its object has been replaced or deleted, of which another event tells",
}
"""What an event that changed nothing has come to."""


@click.command(epilog=options.examples("make redrive", ".venv/bin/voucher-selector redrive --json"))
@options.json_option
def redrive(*, as_json: bool) -> None:
    """Hand the failed events on once more.

    The ingest function gets them, from the queue of the failed events; those that fail again stay there. It
    ends with 1 if one failed again.
    """
    done: list[redriving.Redriven] = []
    with screen.step("Handing on the failed events"):
        redriving.redrive(deployed(), done.append)
    failed = [each for each in done if each.answer.error]
    if as_json:
        screen.print_json(_as_json(done))
    else:
        _show(done, len(failed))
    if failed:
        raise click.exceptions.Exit(Exit.NO)


def _as_json(done: list[redriving.Redriven]) -> dict[str, object]:
    return {
        "redriven": [
            {"sources": each.sources, "outcomes": each.answer.outcomes}
            for each in done
            if each.answer.error is None
        ],
        "failed": [{"sources": e.sources, "error": e.answer.error} for e in done if e.answer.error],
    }


def _show(done: list[redriving.Redriven], failed: int) -> None:
    for each in done:
        if each.answer.error:
            click.echo(each.answer.error)
        else:
            outcomes = (OUTCOMES.get(outcome, outcome) for outcome in each.answer.outcomes)
            click.echo(f"{', '.join(each.sources)}: {', '.join(outcomes)}")
    if done:
        click.echo(f"Redriven: {len(done) - failed:,}; failed again and left in the queue: {failed:,}")
    else:
        click.echo("There are no failed events")
