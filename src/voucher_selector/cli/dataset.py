"""The command `dataset`."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click

from ingest.storage.tables import find_tables, is_left_out, is_table_metadata
from voucher_selector.cli import options, screen
from voucher_selector.cli.report import show_report
from voucher_selector.cli.upload import delete_with_progress, document, send_with_progress, warn_about
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations import dataset_run
from voucher_selector.operations.sources import list_states
from voucher_selector.operations.upload import DATASETS, find_failure, list_files
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Outcome, Progress
from voucher_selector.stack import Deployed, find_stack
from vouchers.dynamodb.sources_table import Status
from vouchers.text import list_names


@options.command(
    "make dataset NAME=history FROM=years AS_OF=2020-06-15",
    "make dataset NAME=history",
    "make dataset NAME=history FROM=years SYNC=1",
    "voucher-selector dataset history --from years --as-of row --json",
)
@options.argument("name")
@options.option("--from", "folder", help="Folder to upload to datasets/NAME/ first.")
@options.flag("--sync", help="Delete the objects under datasets/NAME/ that are not in the folder.")
@options.metadata_options
@options.max_rejected_option
@options.flag("--force", "forced", help="Count the dataset even if it is up to date.")
@options.json_option
def dataset(  # noqa: PLR0913 - click passes each option
    name: str,
    folder: str | None,
    metadata: Mapping[str, str],
    max_rejected: float,
    *,
    sync: bool,
    forced: bool,
    as_json: bool,
) -> None:
    """Count all objects under datasets/NAME/ with Spark.

    Spark counts the current version of a Delta Lake or Iceberg table. The dataset is one source, and its new
    counts replace the old ones. Without --as-of, recency is measured as in the earlier count. Without
    objects, the source is deleted. Spark runs on EMR Serverless if the stack has it, otherwise on this
    machine. The exit code is 1 if the dataset cannot be counted, or all its rows are rejected.
    """
    if sync and not folder:
        raise CommandError(
            f"{options.spelled('sync')} needs a folder. Name it with {options.spelled('folder')}"
        )
    key, stack = dataset_run.dataset_key(name), find_stack()
    _check_objects(stack, key, folder)
    if folder:
        _upload(stack, key, folder, sync=sync)
    earlier = dataset_run.earlier_metadata(stack.sources_table().load(key).state)
    order = dataset_run.new_order(stack, key, {**earlier, **metadata}, forced=forced)
    last = run_with_progress(stack, order, "Counting")
    state = stack.sources_table().load(key).state
    error = CommandError(last.error, Exit.NO) if last.error else None
    if last.outcome in {Outcome.COUNTED, Outcome.UP_TO_DATE} and state and state.report:
        objects = dataset_run.find_dataset(stack, key).objects
        warn_about(stack, {key: state}, max_rejected, {found.key: found.etag for found in objects})
        error = error or find_failure(key, state)
    if as_json:
        screen.print_json({"outcome": last.outcome, **(document(stack, key, state) if state else {})})
    elif last.outcome == Outcome.COUNTED and state:
        show_report(key, state.report, stack.rejected_rows(state))
    elif not error:
        click.echo(f"{key}: {last.outcome}")
    if error:
        raise error


def _check_objects(stack: Deployed, key: str, folder: str | None) -> None:
    """Check that a dataset that is not counted has objects, and none of another dataset."""
    counted = list_states(stack, DATASETS, (Status.COUNTED,))
    for other in counted if key not in counted else ():
        if other.startswith(key) or key.startswith(other):
            message = f"{other} is a dataset, and objects that {key} shares with it would count twice"
            raise CommandError(f"{message}. Use another {options.spelled('name')}")
    if not (folder or stack.sources_table().load(key).state or dataset_run.has_objects(stack, key)):
        raise CommandError(
            f"There are no objects under {key}. To upload some, add {options.spelled('folder')}"
        )


def _upload(stack: Deployed, key: str, folder: str, *, sync: bool) -> None:
    """Upload a folder to a dataset, and delete or name the objects that are not in the folder."""
    from voucher_selector.spark_job.listing import list_objects  # noqa: PLC0415 - importing pyarrow is slow

    path = Path(folder).expanduser()
    files = {key + file.relative_to(path).as_posix(): file for file in list_files(path, is_left_out)}
    there = list_objects(stack.s3(), stack.outputs["UploadsBucket"], key)
    others = [name for name in there if name not in files and not is_left_out(name.removeprefix(key))]
    if not sync and find_tables(files) and (old := sorted(filter(is_table_metadata, others))):
        message = f"{len(old):,} metadata files of a table are not in {folder}: {list_names(old)}"
        advice = f"To delete all objects that are not in it, add {options.spelled('sync')}"
        raise CommandError(f"{message}. {advice}")
    send_with_progress(stack, files, f"{len(files):,} files to {key}")
    if sync:
        delete_with_progress(stack, others)
    elif others := [o.key for o in dataset_run.find_dataset(stack, key).objects if o.key not in files]:
        names = list_names(others)
        message = f"{len(others):,} objects that are not in {folder} are counted, too: {names}"
        screen.warn(f"{message}. To delete them, add {options.spelled('sync')}")


def run_with_progress(stack: Deployed, order: Order, doing: str) -> Progress:
    """Run an order, show its progress in percent of the tasks, and return the last progress.

    Raises:
        CommandError: if the run was interrupted.
    """
    with screen.step(f"Starting Spark for {order.dataset}"):
        run = dataset_run.start(stack, order)
    percent = 0
    updates = dataset_run.follow(stack, order, run)
    with screen.bar(f"{doing} {order.dataset}", 100) as advance, closing(updates):
        for progress in updates:
            now = 100 * progress.finished // progress.tasks if progress.tasks else percent
            advance(now - percent)
            percent = now
    if progress.outcome == Outcome.BROKEN_OFF:
        raise CommandError(f"The run was interrupted: {progress.error}. {run.describe()}", Exit.STACK)
    return progress
