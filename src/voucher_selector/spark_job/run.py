"""The steps of a run: list a dataset, count it and commit it, or evaluate it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from ingest.commit.committer import Committer
from ingest.commit.event_bus import EventBus
from ingest.counting.as_of import AsOf, microseconds, recorded
from ingest.counting.report import MAX_COUNTERS
from ingest.errors import FileError
from ingest.parquet.column_names import ColumnMapping
from ingest.retry import ConflictError
from ingest.service import Action, CountedRows, IngestService, Plan, Target
from ingest.storage.results_bucket import ResultKeys, ResultsBucket
from voucher_selector.spark_job.clients import dynamodb_client, events_client, s3_client
from voucher_selector.spark_job.counting import DatedUseCounter, PieceCounter, TaskCounter
from voucher_selector.spark_job.listing import Dataset, Task, list_dataset
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Outcome, Progress, write_progress
from voucher_selector.spark_job.sums import (
    FAILED,
    REPLACED,
    Sums,
    build_contribution,
    build_report,
    errors_by_object,
)
from vouchers.dynamodb.sources_table import SourcesTable, State, Status
from vouchers.segments import load_definitions
from vouchers.text import list_names
from vouchers.timestamps import iso, parse_timestamp

Count = Callable[[Sequence[Task], PieceCounter], Sums]
"""Runs tasks, and returns the sums over all of them."""

MAX_USES = 1_000_000
"""Sums of an evaluation, which fit into the memory of the driver and of the command line."""

MAX_COMMIT_SECONDS = 600.0
"""How long a commit may wait for other commits."""


class RunError(Exception):
    """A run broke off and changed nothing; the message says why and what to do."""


def run(order: Order, count: Count) -> Progress:
    """List a dataset, count it unless it is up to date, and commit it; return the outcome.

    An order with a date to evaluate by changes no counts, and the outcome has the uses.

    Raises:
        RunError: if the dataset has no objects and never had any, if an object was replaced while it was
            counted, or if another run of the dataset has committed meanwhile.
        ingest.retry.RetryTimeoutError: if other commits were in the way for too long.
        ingest.commit.event_bus.EventBusError: if the outcome could not be told.
        botocore.exceptions.ClientError: if AWS refuses.
    """
    listed_at, rule = datetime.now(UTC), AsOf.parse(order.as_of)
    results = ResultsBucket(s3_client(), order.results_bucket)
    write_progress(results, order.run, Progress("listing"))
    dataset = list_dataset(s3_client(), order.uploads_bucket, order.dataset)
    if order.train_until:
        return evaluate(order, dataset, count)
    committer = Committer(
        dynamodb_client(),
        SourcesTable(dynamodb_client(), order.sources_table),
        order.segments_table,
        results,
        now=lambda: datetime.now(UTC),
        seconds_left=lambda: MAX_COMMIT_SECONDS,
    )
    service = IngestService(
        s3_client(),
        committer,
        load_definitions(),
        rule,
        event_bus=EventBus(events_client(), order.event_bus, order.uploads_bucket)
        if order.event_bus
        else None,
    )
    source = committer.load_settled(order.dataset)
    if not dataset.objects and source.state is None:
        raise RunError(f"there are no objects to count under '{order.dataset}'; upload some first")
    # Runs are ordered by the time at which they listed the dataset.
    state = State(Status.DELETED, "", iso(listed_at), "", service.definitions.version)
    if source.state and source.state.order >= state.order:
        return Progress("done", outcome=Outcome.LATE)
    target = Target(state)
    if dataset.objects:
        as_of, uploaded_at = rule.at(dataset.uploaded), iso(dataset.uploaded)
        state = replace(state, status=Status.COUNTED, as_of=recorded(as_of))
        state = replace(state, uploaded_at=uploaded_at, etag=dataset.etag, columns=order.columns or None)
        target = Target(state, partial(count_rows, order, dataset, microseconds(as_of), count))
    plan = service.plan(source, target, check=not order.forced)
    if plan.state:
        write_progress(results, order.run, Progress("committing"))
    action, error = plan.action, plan.state.error if plan.state else None
    try:
        outcome = service.carry_out(source, plan)
        action, error = outcome.action, outcome.error
    except ConflictError:
        current = committer.load_settled(order.dataset)
        results.delete((plan.state.objects if plan.state else set()) - current.objects)
        if current.state is None or current.state.order < state.order:
            raise RunError(f"another run counted '{order.dataset}' meanwhile; count it again") from None
        if current.state.order > state.order:
            return Progress("done", outcome=Outcome.LATE)
        # Another run has completed this commit, or withdrawn it.
        service.carry_out(current, Plan(Action.DUPLICATE))
        action, error = Action(current.state.status), current.state.error
    if action is Action.DUPLICATE:
        return Progress("done", outcome=Outcome.UP_TO_DATE)
    return Progress("done", outcome=Outcome(action), error=error)


def evaluate(order: Order, dataset: Dataset, count: Count) -> Progress:
    """Count the uses of a dataset before and from the date of an order on, and change nothing.

    Raises:
        RunError: if the dataset has no objects, if the job has other segments than the command line, or if an
            object was replaced or deleted while it was read.
    """
    if not dataset.objects:
        raise RunError(f"there are no objects to evaluate under '{order.dataset}'; upload some first")
    if load_definitions().version != order.segments:
        raise RunError("the image of the Spark job has other segments than this command; build it again")
    until, as_of = parse_timestamp(order.train_until), AsOf.parse(order.as_of).moment
    try:
        counter = DatedUseCounter(until, as_of, ColumnMapping.parse(order.columns))
        sums = count_objects(dataset, counter, count)
        if len(sums) > MAX_USES:
            message = f"it has more than {MAX_USES:,} combinations of country, amount, month and ranges"
            raise FileError(message, "is 'voucher_amount' an amount?")  # noqa: TRY301 - reported like the others
    except FileError as error:
        message = f"'{order.dataset}' cannot be evaluated: {error}; {error.advice}"
        return Progress("done", outcome=Outcome.FAILED, error=message)
    return Progress("done", outcome=Outcome.EVALUATED, uses=[*sums.items()])


def count_objects(dataset: Dataset, counter: PieceCounter, count: Count) -> Sums:
    """Return the sums over all objects of a dataset.

    Raises:
        FileError: if objects cannot be counted.
        RunError: if an object was replaced or deleted meanwhile.
    """
    if dataset.error:
        raise dataset.error
    sums = count(dataset.tasks(), counter)
    if replaced := [*errors_by_object(sums, REPLACED).values()]:
        raise RunError(replaced[0])
    if failures := [*errors_by_object(sums, FAILED).values()]:
        message = f"{len(failures):,} of its {len(dataset.objects):,} objects cannot be counted"
        raise FileError(message, list_names(failures, form=str))
    return sums


def count_rows(
    order: Order, dataset: Dataset, as_of: int | None, count: Count, keys: ResultKeys
) -> CountedRows:
    """Count all objects of a dataset; the rejected rows go to a folder of this run.

    Recency is measured to ``as_of``, microseconds since 1970 (UTC), or to each row's ``timestamp`` if None.

    Raises:
        FileError: if objects cannot be counted.
        RunError: if an object was replaced or deleted while it was counted.
    """
    rejected = f"{keys.rejected}{order.run}/"
    counter = TaskCounter(as_of, order.results_bucket, rejected, ColumnMapping.parse(order.columns))
    try:
        sums = count_objects(dataset, counter, count)
        if len(sums) > MAX_COUNTERS:
            message = f"it has more than {MAX_COUNTERS:,} different counts"
            raise FileError(message, "is 'voucher_amount' an amount?")  # noqa: TRY301 - its rows are deleted, too
    except (FileError, RunError):
        ResultsBucket(s3_client(), order.results_bucket).delete([rejected])
        raise
    report = build_report(sums) | {"objects": len(dataset.objects)}
    rejected_object = rejected if report["rejected"] else None
    return CountedRows(build_contribution(sums), report, rejected_object)
