"""Simulation of a burst: the ingest function's code between models of S3, Lambda and DynamoDB."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from benchmarks.burst.batch_commit import commit_batch
from benchmarks.burst.clock import Clock
from benchmarks.burst.dynamodb import FakeDynamoDB
from benchmarks.burst.event_queues import LambdaQueue, ReadyQueue
from benchmarks.burst.uploads import UPLOADED, FakeResultsBucket, FakeUploadsBucket, creation_event
from ingest import retry, service
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
MAX_PUTS_PER_SECOND = 3_500
"""PUT requests that S3 accepts per second under one prefix."""

START_TIME = 1.8e9
"""The start of simulated time, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Simultaneous uploads.

    Attributes:
        events: the number of uploads.
        workers: the number of concurrent functions.
        cpu_seconds: CPU time of an event in Lambda.
        key: returns the key of an event's object, given the event's number.
        batch_size: the events of an invocation, which are committed together.
        through_lambda: whether Lambda queues and throttles the events; otherwise they have no delays.
    """

    events: int
    workers: int
    cpu_seconds: float
    key: Callable[[int], str] = "vouchers/{}.parquet".format
    batch_size: int = 1
    through_lambda: bool = False


@dataclass(slots=True)
class Simulation:
    """The result of a simulated burst; times are in simulated seconds.

    Attributes:
        seconds: the time until all events were processed.
        seconds_per_invocation: the duration of each invocation.
        outcomes: the number of events by outcome.
        max_age: the greatest age of an event at its invocation.
        throttles: how often Lambda throttled an event.
    """

    burst: Burst
    model: FakeDynamoDB
    seconds: float = 0.0
    seconds_per_invocation: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    max_age: float = 0.0
    throttles: int = 0


def simulate(burst: Burst, files: Sequence[bytes]) -> Simulation:
    """Simulate a burst of ``files``.

    Raises:
        RuntimeError: if the counters are not the sum of the contributions.
    """
    clock = Clock()
    simulation = Simulation(burst, FakeDynamoDB(clock))
    ingest = _create_service(clock, simulation.model, files)
    arrivals = (number / MAX_PUTS_PER_SECOND for number in range(burst.events))
    queue = (
        LambdaQueue(clock, arrivals)
        if burst.through_lambda
        else ReadyQueue(clock, burst.events, burst.batch_size)
    )

    with _simulated_time(clock, burst.cpu_seconds):

        def work() -> None:
            while numbers := queue.take():
                started = clock.now
                events = [creation_event(number, burst.key(number)) for number in numbers]
                if burst.batch_size > 1:
                    commit_batch(ingest, events)
                    simulation.outcomes["counted"] += len(events)
                else:
                    simulation.outcomes.update(str(ingest.apply(event).action) for event in events)
                simulation.seconds_per_invocation.append(clock.now - started)

        clock.run([work] * burst.workers)
    simulation.seconds = clock.now
    if isinstance(queue, LambdaQueue):
        simulation.max_age, simulation.throttles = max(queue.ages), queue.throttles
    _check(simulation.model, ingest.committer.results)
    return simulation


def _create_service(clock: Clock, model: FakeDynamoDB, files: Sequence[bytes]) -> IngestService:
    dynamodb, uploads = cast("DynamoDBClient", model), cast("S3Client", FakeUploadsBucket(clock, files))
    committer = Committer(
        dynamodb,
        SourcesTable(dynamodb, SOURCES),
        SEGMENTS,
        ResultsBucket(cast("S3Client", FakeResultsBucket(clock)), "results"),
        now=lambda: datetime.fromtimestamp(START_TIME + clock.now, UTC),
        seconds_left=lambda: 895.0,
    )
    return IngestService(uploads, committer, load_definitions(), AsOf("upload"))


@contextmanager
def _simulated_time(clock: Clock, cpu_seconds: float) -> Iterator[None]:
    """Make the ingest code sleep in simulated time and count each file once in real time."""
    definitions = load_definitions()
    counted = cache(lambda body: count_file(io.BytesIO(body), microseconds(UPLOADED), definitions))

    def count(file: io.BytesIO, *_: Any) -> Counted:  # noqa: ANN401 - arguments that do not change the result
        clock.sleep_about(cpu_seconds)
        return counted(file.read())

    with ExitStack() as patches:
        for module, name, stand_in in (
            (service, "time", clock),
            (service, "count_file", count),
            (retry, "time", clock),
            (retry, "random", clock),
        ):
            patches.enter_context(patch.object(module, name, stand_in))
        yield


def _check(model: FakeDynamoDB, results: ResultsBucket) -> None:
    expected: Counter[tuple[str, str, str]] = Counter()
    actual: Counter[tuple[str, str, str]] = Counter()
    for place, item in model.items.items():
        if place.table == SEGMENTS:
            numbers = {name.removeprefix(SPELLED): int(n["N"]) for name, n in item.items() if "N" in n}
            actual.update({(*place[1:], name): count for name, count in numbers.items()})
        else:
            for cell, counters in results.load_contribution(State.from_item(item)).items():
                expected.update({(*cell, name): count for name, count in counters.items()})
    if +actual != +expected:
        raise RuntimeError("the counters are not the sum of the contributions")
