"""The command `dataset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_report
from voucher_selector.cli.upload import checked_as_of, document
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations import dataset_run as datasets
from voucher_selector.operations import spark_runs as engines
from voucher_selector.operations.invoke import ingest_function
from voucher_selector.spark_job.progress import Outcome
from voucher_selector.stack import deployed
from vouchers.dynamodb.sources_table import SourcesTable

if TYPE_CHECKING:
    from voucher_selector.operations.dataset_run import Followed
    from voucher_selector.spark_job.order import Order
    from voucher_selector.spark_job.progress import Progress
    from voucher_selector.stack import Deployed

EXAMPLES = options.examples(
    "make dataset NAME=history FROM=years AS_OF=2018-08-05",
    "make dataset NAME=history",
    ".venv/bin/voucher-selector dataset history --from years --as-of row --json",
)


@click.command(epilog=EXAMPLES)
@click.argument("name")
@click.option("--from", "folder", help="A folder whose files are uploaded under datasets/NAME/ first.")
@click.option("--as-of", help="To when recency is measured: a date as 2018-08-05, row, or upload.")
@click.option("--force", "forced", is_flag=True, help="Count it even if it seems up to date.")
@options.json_option
def dataset(name: str, folder: str | None, as_of: str | None, *, forced: bool, as_json: bool) -> None:
    """Count all objects under datasets/NAME/ with Spark.

    They count as one source, which takes the place of what was counted of the dataset before; where there are
    no objects any longer, nothing is. Spark runs on EMR Serverless if the stack has it, else on this machine.
    It ends with 1 if the dataset cannot be counted.
    """
    key, moment = datasets.dataset_key(name), checked_as_of(as_of)
    stack = deployed()
    if folder:
        _send(stack, Path(folder).expanduser(), key)
    order = datasets.new_order(stack, key, moment or _rule(stack), forced=forced)
    last = _followed(stack, order)
    _tell(stack, key, last, as_json=as_json)


def _rule(stack: Deployed) -> str:
    return ingest_function(stack).as_of_rule()


def _send(stack: Deployed, folder: Path, key: str) -> None:
    files = datasets.files_in(folder)
    with screen.bar(f"Uploading {len(files):,} files to {key}", len(files)) as advance:
        datasets.send(stack, folder, files, key, advance)


def _followed(stack: Deployed, order: Order) -> Progress:
    with screen.step(f"Starting Spark for {order.dataset}"):
        run = engines.start(stack, order)
    followed = datasets.Followed(stack, order, run)
    try:
        last = _watch(followed)
    except BaseException:
        run.stop()
        raise
    finally:
        followed.forget()
    if last.outcome == Outcome.BROKEN_OFF:
        raise CommandError(f"The run broke off: {last.error}; {run.traces()}", Exit.STACK)
    return last


def _watch(followed: Followed) -> Progress:
    """Show how far a run is, in hundredths of its tasks, and return what came of it."""
    shown = 0
    with screen.bar(f"Counting {followed.order.dataset}", 100) as advance:
        for now in followed.progress():
            done = 100 * now.finished // now.tasks if now.tasks else shown
            advance(done - shown)
            shown = done
    return now


def _tell(stack: Deployed, key: str, last: Progress, *, as_json: bool) -> None:
    state = SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"]).load(key).state
    if as_json:
        screen.print_json({"outcome": last.outcome, **(document(stack, key, state) if state else {})})
    elif last.outcome == Outcome.COUNTED and state:
        show_report(stack, key, state)
    elif not last.error:
        click.echo(f"{key}: {last.outcome}")
    if last.error:
        raise CommandError(last.error, Exit.NO)
