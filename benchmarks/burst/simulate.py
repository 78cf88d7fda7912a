"""A burst of uploads in simulated time: the ingest's own code, between models of S3, Lambda and DynamoDB."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from benchmarks.burst.clock import Clock
from benchmarks.burst.dynamodb import Model
from benchmarks.burst.jointly import commit_jointly
from benchmarks.burst.uploads import UPLOADED, Kept, Uploads, created
from benchmarks.burst.waiting import Ready, Throttled
from ingest import retry as pauses
from ingest import service as apply
from ingest.commit.committer import Committer
from ingest.counting.as_of import AsOf, microseconds
from ingest.counting.count_file import count_file
from ingest.service import IngestService
from ingest.storage.results_bucket import ResultsBucket
from vouchers.dynamodb.segments_table import SPELLED
from vouchers.dynamodb.sources_table import SourcesTable, State
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from ingest.counting.count_file import Counted

SEGMENTS, SOURCES = "segments", "sources"
PUTS_A_SECOND = 3_500
"""Objects that S3 takes a second under one prefix."""

FIRST_OF_ALL = 1.8e9
"""When simulated time begins, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Some uploads at once.

    Attributes:
        events: how many.
        workers: ingests that may run at once.
        processor: seconds of Lambda's processor that one takes.
        key: the name of an event's object, by the event's number.
        at_once: events that an ingest is given, to commit them jointly.
        waits: whether events wait with Lambda; if not, they are all ready.
    """

    events: int
    workers: int
    processor: float
    key: Callable[[int], str] = "vouchers/{}.parquet".format
    at_once: int = 1
    waits: bool = False


@dataclass(slots=True)
class Course:
    """What became of a burst, in simulated seconds.

    Attributes:
        each: how long an invocation took.
        oldest: how old an event was at most when it was handed out.
        throttled: how often one was throttled by Lambda.
    """

    burst: Burst
    model: Model
    seconds: float = 0.0
    each: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    oldest: float = 0.0
    throttled: int = 0


def simulate(burst: Burst, files: Sequence[bytes]) -> Course:
    """Run a burst of ``files`` to its end.

    Raises:
        RuntimeError: if the counters are not the sum of what the sources contributed.
    """
    clock = Clock()
    course = Course(burst, Model(clock))
    ingest = _ingest(clock, course.model, files)
    arrivals = (number / PUTS_A_SECOND for number in range(burst.events))
    queue = Throttled(clock, arrivals) if burst.waits else Ready(clock, burst.events, burst.at_once)

    with _in_time_of(clock, burst.processor):

        def work() -> None:
            while numbers := queue.take():
                started = clock.now
                course.outcomes.update(_applied(ingest, burst, numbers))
                course.each.append(clock.now - started)

        clock.run([work] * burst.workers)
    course.seconds = clock.now
    if isinstance(queue, Throttled):
        course.oldest, course.throttled = max(queue.ages), queue.tries
    _check(course.model, ingest.committer.results)
    return course


def _applied(ingest: IngestService, burst: Burst, numbers: Sequence[int]) -> list[str]:
    events = [created(number, burst.key(number)) for number in numbers]
    if burst.at_once > 1:
        commit_jointly(ingest, events)
        return ["counted"] * len(events)
    return [str(ingest.apply(event).action) for event in events]


def _ingest(clock: Clock, model: Model, files: Sequence[bytes]) -> IngestService:
    dynamodb, uploads = cast("DynamoDBClient", model), cast("S3Client", Uploads(clock, files))
    committer = Committer(
        dynamodb,
        SourcesTable(dynamodb, SOURCES),
        SEGMENTS,
        ResultsBucket(cast("S3Client", Kept(clock)), "results"),
        now=lambda: datetime.fromtimestamp(FIRST_OF_ALL + clock.now, UTC),
        seconds_left=lambda: 895.0,
    )
    return IngestService(uploads, committer, load_definitions(), AsOf("upload"))


@contextmanager
def _in_time_of(clock: Clock, processor: float) -> Iterator[None]:
    """Have the ingest's code sleep in simulated time, and count each file only once in real time.

    Yields what counts.
    """
    definitions = load_definitions()
    counted = cache(lambda body: count_file(io.BytesIO(body), microseconds(UPLOADED), definitions))

    def count(file: io.BytesIO, *_: Any) -> Counted:  # noqa: ANN401 - what it does not need to know
        clock.about(processor)
        return counted(file.read())

    with ExitStack() as patches:
        for module, name, stand_in in (
            (apply, "time", clock),
            (apply, "count_file", count),
            (pauses, "time", clock),
            (pauses, "random", clock),
        ):
            patches.enter_context(patch.object(module, name, stand_in))
        yield


def _check(model: Model, results: ResultsBucket) -> None:
    due: Counter[tuple[str, str, str]] = Counter()
    held: Counter[tuple[str, str, str]] = Counter()
    for place, item in model.items.items():
        if place.table == SEGMENTS:
            numbers = {name.removeprefix(SPELLED): int(n["N"]) for name, n in item.items() if "N" in n}
            held.update({(*place[1:], name): count for name, count in numbers.items()})
        else:
            for cell, counters in results.load_contribution(State.from_item(item)).items():
                due.update({(*cell, name): count for name, count in counters.items()})
    if +held != +due:
        raise RuntimeError("the counters are not the sum of what the sources contributed")
