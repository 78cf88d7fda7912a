"""A run of the job: dataset → counts. Spark starts it with its order as the only argument."""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.spark.clients import dynamodb_client, s3_client
from infra.spark.committing import OvertakenError, commit
from infra.spark.listing import list_dataset
from infra.spark.order import read_order
from infra.spark.progress import Progress, tell, telling
from infra.spark.sums import contribution_of, failures_of, report_of
from ingest.as_of import microseconds, recorded
from ingest.commit import Ledger, results_key
from ingest.objects import Results
from ingest.report import MOST_COUNTERS
from ingest.transact import BusyError
from vouchers.excerpts import listed
from vouchers.segments import load_definitions
from vouchers.sources import SourcesTable, State, Status, iso

if TYPE_CHECKING:
    from infra.spark.listing import Dataset
    from infra.spark.order import Order
    from infra.spark.sums import Sums
    from vouchers.counts import Contribution
    from vouchers.sources import Source

UP_TO_DATE, BROKEN_OFF = "up to date", "broken off"

SECONDS_TO_COMMIT = 600.0
"""How long a commit may be held up by others."""

MOST_NAMED = 5
"""Objects that a sentence names of those that cannot be counted."""


class NothingThereError(Exception):
    """There is neither an object nor a source of the dataset; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a run makes of a dataset: its state, without the contribution, and that."""

    state: State
    contribution: Contribution


def main(document: str) -> int:
    """Carry out an order, telling its progress; return the exit status."""
    order = read_order(document)
    results = Results(s3_client(), order.results_bucket)
    try:
        last = run(order, results)
    except (OvertakenError, NothingThereError, BusyError, BotoCoreError, ClientError) as error:
        last = Progress("done", outcome=BROKEN_OFF, error=str(error))
    except BaseException as error:
        traceback.print_exc()
        tell(results, order.run, Progress("done", outcome=BROKEN_OFF, error=_told(error)))
        raise
    tell(results, order.run, last)
    return int(last.error is not None)


def run(order: Order, results: Results) -> Progress:
    """List a dataset, count it unless that is up to date, commit it, and return what came of that."""
    now = datetime.now(UTC)
    tell(results, order.run, Progress("listing"))
    dataset = list_dataset(s3_client(), order.uploads_bucket, order.dataset)
    ledger = _ledger(order, results)
    source = ledger.settled(order.dataset)
    if not dataset.objects and source.state is None:
        raise NothingThereError(f"there are no objects under '{order.dataset}'; upload them there first")
    state = _state(order, dataset, now)
    if not order.forced and _is_up_to_date(source, state):
        return Progress("done", outcome=UP_TO_DATE)
    aim = _counted(order, dataset, source, state, results) if dataset.objects else Aim(state, {})
    tell(results, order.run, Progress("committing"))
    return Progress(
        "done", outcome=commit(ledger, source, aim.state, aim.contribution), error=aim.state.error
    )


def _ledger(order: Order, results: Results) -> Ledger:
    return Ledger(
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


def _counted(order: Order, dataset: Dataset, source: Source, state: State, results: Results) -> Aim:
    started = time.monotonic()
    folder = results_key("rejected", source, f"{order.run}/")
    sums = _sums(order, dataset, results, folder)
    seconds = round(time.monotonic() - started, 3)
    state = replace(state, committed_at=iso(datetime.now(UTC)))
    error = _error(order.dataset, sums, len(dataset.objects))
    if error:
        results.discard([folder])
        return Aim(replace(state, status=Status.FAILED, error=error), {})
    more = {"as_of": state.as_of, "seconds": seconds, "objects": len(dataset.objects)}
    report = report_of(sums) | more
    rejected = folder if report["rejected"] else None
    return Aim(replace(state, report=report, rejected_object=rejected), contribution_of(sums))


def _sums(order: Order, dataset: Dataset, results: Results, folder: str) -> Sums:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - only counting needs Spark, and a JVM with it

    from infra.spark.counting import Counting, count_on  # noqa: PLC0415 - as above

    tasks = dataset.tasks()
    counting = Counting(microseconds(order.rule.at(dataset.uploaded)), results.bucket, folder)
    with (
        SparkContext(conf=SparkConf().setAppName(order.dataset)) as spark,
        telling(results, order.run, spark, len(tasks)),
    ):
        return count_on(spark, tasks, counting)


def _error(key: str, sums: Sums, objects: int) -> str | None:
    failures = failures_of(sums)
    if failures:
        sentences = listed([*failures.values()], MOST_NAMED, str)
        return f"'{key}' was not counted: {len(failures):,} of its {objects:,} objects cannot be; {sentences}"
    if len(sums) > MOST_COUNTERS:
        return (
            f"'{key}' was not counted: it has more than {MOST_COUNTERS:,} different counts; "
            "is 'voucher_amount' an amount?"
        )
    return None


def _told(error: BaseException) -> str:
    return f"the job ended with {type(error).__name__}; its log says where"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
