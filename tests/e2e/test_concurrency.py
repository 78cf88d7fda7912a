"""Events of the same object, and of objects that share their counters, at the same time."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest.commit.committer import Committer
from ingest.counting.as_of import AsOf
from ingest.events import object_events
from ingest.service import IngestService
from ingest.storage.results_bucket import ResultsBucket
from tests.support.crash_injection import calls
from tests.support.emulator import emulated, new_harness
from tests.support.sample_files import FILES, body, expected, file_of, sample_rows
from vouchers.dynamodb.sources_table import SourcesTable, Status
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from ingest.events import ObjectEvent
    from tests.e2e.place import Place
    from tests.support.stack_harness import StackHarness

pytestmark = pytest.mark.stack

KEYS = [f"vouchers/{n}.parquet" for n in range(3)]
THREADS = 6
CROWD = 12
CROWDED = sample_rows(
    ("Crowdland", "2020-01-01", None, "1", 1.0), ("Crowdland", "2020-01-01", None, "2", 2.0)
)


def ingest_of(harness: StackHarness) -> IngestService:
    sources = SourcesTable(harness.dynamodb, harness.sources)
    results = ResultsBucket(harness.s3, harness.results)
    committer = Committer(
        harness.dynamodb,
        sources,
        harness.segments,
        results,
        lambda: datetime.now(UTC),
        seconds_left=lambda: 60.0,
    )
    return IngestService(harness.s3, committer, load_definitions(), AsOf("upload"))


def dawdle() -> None:
    """Sleep for a random time, for a random order of concurrent calls."""
    time.sleep(random.random() / 50)  # noqa: S311 - not a secret


def test_repeated_concurrent_events_give_the_counts_of_a_fresh_count() -> None:
    with emulated(), new_harness() as harness:
        past: list[ObjectEvent] = []
        for name in ("peru", "wide", "dirty", "china", "wide"):
            past += object_events({"Records": [harness.put(key, body(name)) for key in KEYS]})
            deliver(harness, past)
            assert harness.cells() == expected([FILES[name]] * len(KEYS))
        deliver(harness, past + object_events({"Records": [harness.delete(KEYS[0])]}))
        assert harness.cells() == expected([FILES["wide"]] * (len(KEYS) - 1))
        assert {key for name in KEYS for key in harness.source(name).objects} == set(harness.result_keys())


def deliver(harness: StackHarness, events: list[ObjectEvent]) -> None:
    """Apply all events in each of several threads, the newest first in half of them."""

    def apply(seed: int) -> None:
        mine = events[:: -1 if seed % 2 else 1]
        for event in mine + random.Random(seed).sample(mine, len(mine)):  # noqa: S311 - not a secret
            ingest_of(harness).apply(event)

    with calls(watch=dawdle), ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(apply, seed) for seed in range(THREADS)]:
            done.result()


@pytest.mark.anywhere
def test_uploads_overwrites_and_deletions_all_at_once_on_the_running_stack(place: Place) -> None:
    s3, bucket, sources = place.deployed.s3(), place.uploads, place.sources

    def change(number: int) -> bool:
        """Upload; overwrite every other object at once, and delete every fourth. Return whether it stays."""
        key = f"vouchers/crowd/{number}.parquet"
        s3.put_object(Bucket=bucket, Key=key, Body=file_of(CROWDED))
        if number % 2:
            s3.put_object(Bucket=bucket, Key=key, Body=file_of(CROWDED[:1]))
        if number % 4 == 0:
            s3.delete_object(Bucket=bucket, Key=key)
        return number % 4 != 0

    def is_counted(number: int) -> bool:
        key = f"vouchers/crowd/{number}.parquet"
        state = sources.load(key).state
        if number % 4 == 0:
            return state is not None and state.status is Status.DELETED
        current = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
        return state is not None and state.version_id == current

    with ThreadPoolExecutor(CROWD) as pool:
        stay = list(pool.map(change, range(CROWD)))
    place.until(lambda: all(map(is_counted, range(CROWD))))
    country = place.segments.country("Crowdland")
    assert country is not None
    whole = sum(stays and not number % 2 for number, stays in enumerate(stay))
    cut = sum(stays and bool(number % 2) for number, stays in enumerate(stay))
    assert country.cells["frequent_segment#0-4"].amounts == {1.0: whole + cut, 2.0: whole}
