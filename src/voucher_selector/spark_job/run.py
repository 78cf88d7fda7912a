"""Dataset → counts: the steps of a run, whatever carries out its tasks."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.commit.committer import Committer, results_key
from ingest.counting.as_of import microseconds, recorded
from ingest.counting.report import MAX_COUNTERS
from ingest.storage.results_bucket import ResultsBucket
from voucher_selector.spark_job.clients import dynamodb_client, s3_client
from voucher_selector.spark_job.committing import commit
from voucher_selector.spark_job.counting import Counting
from voucher_selector.spark_job.errors import RunError
from voucher_selector.spark_job.listing import list_dataset
from voucher_selector.spark_job.progress import Outcome, Progress, tell
from voucher_selector.spark_job.sums import FAILED, REPLACED, contribution_of, report_of, sentences_of
from vouchers.dynamodb.sources_table import SourcesTable, State, Status
from vouchers.segments import load_definitions
from vouchers.text import listed
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from voucher_selector.spark_job.listing import Dataset, Task
    from voucher_selector.spark_job.order import Order
    from voucher_selector.spark_job.sums import Sums
    from vouchers.counts import Contribution
    from vouchers.dynamodb.sources_table import Source

    Count = Callable[[Sequence[Task], Counting], Sums]
    """Carries out tasks, and returns the sums over all of them."""

SECONDS_TO_COMMIT = 600.0
"""How long a commit may be held up by others."""

MAX_NAMED = 5
"""Objects that a sentence names of those that cannot be counted."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a run makes of a dataset: its state, without the contribution, and that."""

    state: State
    contribution: Contribution


def run(order: Order, count: Count) -> Progress:
    """List a dataset, count it unless that is up to date, commit it, and return what came of that.

    Raises:
        RunError: if there is nothing of the dataset, and never was; if an object of it was replaced while it
            was counted; or if another run of it has committed meanwhile.
        ingest.retry.BusyError: if other commits stood in the way for too long.
        botocore.exceptions.ClientError: if AWS refuses.
    """
    now, results = datetime.now(UTC), ResultsBucket(s3_client(), order.results_bucket)
    tell(results, order.run, Progress("listing"))
    dataset = list_dataset(s3_client(), order.uploads_bucket, order.dataset)
    committer = _ledger(order, results)
    source = committer.clean_up(committer.load_settled(order.dataset))
    if not dataset.objects and source.state is None:
        raise RunError(f"there are no objects under '{order.dataset}'; upload them there first")
    state = _state(order, dataset, now)
    if not order.forced and _is_up_to_date(source, state):
        return Progress("done", outcome=Outcome.UP_TO_DATE)
    aim = _counted(order, dataset, source, state, count) if dataset.objects else Aim(state, {})
    tell(results, order.run, Progress("committing"))
    return Progress(
        "done", outcome=commit(committer, source, aim.state, aim.contribution), error=aim.state.error
    )


def _ledger(order: Order, results: ResultsBucket) -> Committer:
    return Committer(
        dynamodb_client(),
        SourcesTable(dynamodb_client(), order.sources_table),
        order.segments_table,
        results,
        now=lambda: datetime.now(UTC),
        seconds_left=lambda: SECONDS_TO_COMMIT,
    )


def _state(order: Order, dataset: Dataset, now: datetime) -> State:
    """Return the state that counting a dataset would lead to; runs are ordered by when they listed it."""
    common: dict[str, Any] = {
        "sequencer": "",
        "event_time": iso(now),
        "committed_at": iso(now),
        "definitions": load_definitions().version,
    }
    if not dataset.objects:
        return State(Status.DELETED, **common)
    as_of = recorded(order.rule.at(dataset.uploaded))
    uploaded_at = iso(dataset.uploaded)
    return State(Status.COUNTED, **common, as_of=as_of, uploaded_at=uploaded_at, etag=dataset.etag)


def _is_up_to_date(source: Source, aim: State) -> bool:
    same = ("status", "etag", "definitions", "as_of")
    return source.state is not None and all(getattr(source.state, n) == getattr(aim, n) for n in same)


def _counted(order: Order, dataset: Dataset, source: Source, state: State, count: Count) -> Aim:
    started = time.monotonic()
    as_of = microseconds(order.rule.at(dataset.uploaded))
    counting = Counting(as_of, order.results_bucket, results_key("rejected", source, f"{order.run}/"))
    sums = count(dataset.tasks(), counting)
    seconds = round(time.monotonic() - started, 3)
    state = replace(state, committed_at=iso(datetime.now(UTC)))
    error = _error(order.dataset, sums, len(dataset.objects))
    replaced = [*sentences_of(sums, REPLACED).values()]
    if error or replaced:
        ResultsBucket(s3_client(), order.results_bucket).delete([counting.rejected])
    if replaced:
        raise RunError(replaced[0])
    if error:
        return Aim(replace(state, status=Status.FAILED, error=error), {})
    more = {"as_of": state.as_of, "seconds": seconds, "objects": len(dataset.objects)}
    report = report_of(sums) | more
    rejected = counting.rejected if report["rejected"] else None
    return Aim(replace(state, report=report, rejected_object=rejected), contribution_of(sums))


def _error(key: str, sums: Sums, objects: int) -> str | None:
    said = f"'{key}' was not counted"
    if failures := sentences_of(sums, FAILED):
        sentences = listed([*failures.values()], MAX_NAMED, str)
        return f"{said}: {len(failures):,} of its {objects:,} objects cannot be counted; {sentences}"
    if len(sums) > MAX_COUNTERS:
        many = f"it has more than {MAX_COUNTERS:,} different counts"
        return f"{said}: {many}; is 'voucher_amount' an amount?"
    return None
