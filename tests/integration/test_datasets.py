"""Runs of the Spark job against moto, with their tasks in this process."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ingest.commit import chunks
from tests.support.crash_injection import Crash, calls
from tests.support.datasets import DATASET, count, count_here, order
from tests.support.sample_files import CHINA, DIRTY, FILES, PERU, WIDE, body, expected, file_of
from voucher_selector.spark_job import listing
from voucher_selector.spark_job.run import RunError, run
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.stack_harness import StackHarness
    from voucher_selector.spark_job.counting import PieceCounter
    from voucher_selector.spark_job.listing import Task
    from voucher_selector.spark_job.sums import Sums
    from vouchers.dynamodb.sources_table import State

pytestmark = pytest.mark.usefixtures("own_clients")


def put(harness: StackHarness, **files: str) -> None:
    for name, kind in files.items():
        harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}{name}.parquet", Body=body(kind))


def clear(harness: StackHarness) -> None:
    found = harness.s3.list_objects_v2(Bucket=harness.uploads, Prefix=DATASET).get("Contents", [])
    for entry in found:
        harness.s3.delete_object(Bucket=harness.uploads, Key=entry["Key"])


def state(harness: StackHarness) -> State:
    found = harness.source(DATASET).state
    assert found
    return found


def test_the_objects_of_a_dataset_count_as_one_source_beside_the_uploads(harness: StackHarness) -> None:
    harness.ingest(harness.put("vouchers/peru.parquet", body("peru")))
    put(harness, a="peru", b="china", c="dirty")

    assert count(harness).outcome == "counted"

    assert harness.cells() == expected([PERU, PERU, CHINA, DIRTY])
    report = state(harness).report
    assert (report["objects"], report["rows"], report["rejected"]) == (3, len(PERU + CHINA + DIRTY), 2)
    assert (state(harness).status, state(harness).as_of) == (Status.COUNTED, "2026-11-22T12:00:00.000000Z")


def test_parts_of_objects_and_objects_are_counted_alike(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_PIECE_BYTES", 1 << 10)
    big = file_of(WIDE, row_group_size=3)
    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}big.parquet", Body=big)
    put(harness, small="china")

    count(harness)

    assert harness.cells() == expected([WIDE, CHINA])


def test_what_spark_passes_over_is_no_data(harness: StackHarness) -> None:
    put(harness, a="peru")
    for name in ("_SUCCESS", ".a.parquet.crc", "_temporary/0/b.parquet", "folder/"):
        harness.s3.put_object(Bucket=harness.uploads, Key=DATASET + name, Body=b"")
    harness.s3.put_object(Bucket=harness.uploads, Key="datasets/history-2/a.parquet", Body=body("china"))

    count(harness)

    assert harness.cells() == expected([PERU])


def test_an_unchanged_dataset_is_counted_again_only_if_forced(harness: StackHarness) -> None:
    put(harness, a="peru")
    count(harness)
    first = state(harness)

    assert count(harness).outcome == "up to date"
    assert state(harness) == first
    assert count(harness, forced=True).outcome == "counted"
    assert count(harness, as_of="row").outcome == "counted"
    assert count(harness, as_of="2026-11-22T12:00:00").outcome == "counted"
    assert harness.cells() == expected([PERU])


def test_changed_objects_take_the_place_of_those_counted_before(harness: StackHarness) -> None:
    put(harness, a="peru", b="dirty")
    count(harness)
    before = harness.result_keys()
    put(harness, a="china", c="dirty")
    harness.s3.delete_object(Bucket=harness.uploads, Key=f"{DATASET}b.parquet")

    count(harness)

    assert harness.cells() == expected([CHINA, DIRTY])
    assert rejected(harness)
    assert not {*before} & {*rejected(harness)}
    assert all(key.startswith(str(state(harness).rejected_object)) for key in rejected(harness))


def rejected(harness: StackHarness) -> list[str]:
    return [key for key in harness.result_keys() if key.startswith("rejected/")]


def test_rejected_rows_name_their_object(harness: StackHarness) -> None:
    put(harness, a="peru", b="dirty", c="dirty")
    count(harness)
    rows = [row for key in rejected(harness) for row in harness.result_rows(key)]
    assert sorted((row["object"], row["row"], row["reason"]) for row in rows) == [
        (f"{DATASET}{name}.parquet", row, reason)
        for name in "bc"
        for row, reason in ((0, "country_code_missing"), (1, "total_orders_negative"))
    ]


def test_a_dataset_whose_objects_are_gone_counts_for_nothing(harness: StackHarness) -> None:
    put(harness, a="peru", b="dirty")
    count(harness)
    clear(harness)

    assert count(harness).outcome == "deleted"

    assert harness.cells() == {}
    assert state(harness).status is Status.DELETED
    assert rejected(harness) == []
    assert count(harness).outcome == "up to date"


def test_a_name_without_objects_is_reported(harness: StackHarness) -> None:
    with pytest.raises(
        RunError, match="there are no objects to count under 'datasets/history/'; upload some"
    ):
        count(harness)
    assert harness.source(DATASET).state is None


def test_an_object_that_cannot_be_counted_fails_the_dataset_and_is_named(harness: StackHarness) -> None:
    put(harness, a="peru")
    count(harness)
    put(harness, b="broken", c="dirty", d="none")

    last = count(harness)

    assert (last.outcome, last.error) == ("failed", state(harness).error)
    assert re.fullmatch(
        r"'datasets/history/' was not counted: 1 of its 4 objects cannot be counted; "
        r"'datasets/history/b\.parquet': it cannot be read as Parquet: .*; "
        r"copy the whole file again",
        last.error or "",
    )
    assert harness.cells() == {}
    assert rejected(harness) == []

    put(harness, b="china")
    assert count(harness).outcome == "counted"
    assert harness.cells() == expected([PERU, CHINA, DIRTY])


def test_an_object_that_is_replaced_while_it_is_counted_breaks_the_run_off(harness: StackHarness) -> None:
    put(harness, a="peru", b="peru")
    count(harness)
    put(harness, b="dirty")

    def replacing(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
        put(harness, b="china")
        return count_here(tasks, counting)

    with pytest.raises(
        RunError, match=r"'datasets/history/b.parquet' was replaced or deleted .*; start the run again"
    ):
        run(order(harness), replacing)
    assert harness.cells() == expected([PERU, PERU])
    assert rejected(harness) == []


def test_a_run_that_listed_the_objects_earlier_changes_nothing(harness: StackHarness) -> None:
    put(harness, a="dirty")

    def overtaken(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
        sums = count_here(tasks, counting)
        put(harness, a="china")
        count(harness)
        return sums

    assert run(order(harness), overtaken).outcome == "late"
    assert harness.cells() == expected([CHINA])
    assert rejected(harness) == []


def test_a_run_overtaken_by_one_with_an_older_listing_asks_for_a_restart(
    harness: StackHarness,
) -> None:
    put(harness, a="dirty")

    def overtaken(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
        sums = count_here(tasks, counting)
        count(harness)
        list_at(harness, "2026-01-01T00:00:00.000000Z")
        return sums

    with pytest.raises(RunError, match="another run counted 'datasets/history/' meanwhile; count it again"):
        run(order(harness), overtaken)
    assert harness.cells() == expected([DIRTY])
    assert all(key.startswith(str(state(harness).rejected_object)) for key in rejected(harness))


def list_at(harness: StackHarness, time: str) -> None:
    """Set the time at which the dataset's objects were listed."""
    harness.dynamodb.update_item(
        TableName=harness.sources,
        Key={"source": {"S": DATASET}},
        UpdateExpression="SET event_time = :time",
        ExpressionAttributeValues={":time": {"S": time}},
    )


@pytest.mark.parametrize("answered", [True, False])
def test_a_run_that_died_between_any_two_calls_is_made_good_by_the_next(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    monkeypatch.setattr(chunks, "MAX_CELLS", 4)
    contents = itertools.cycle(["dirty", "china"])
    put(harness, a="peru", b=next(contents))
    count(harness)
    for at in itertools.count():
        content = next(contents)
        put(harness, b=content)
        with calls(at, answered=answered) as made, suppress(Crash):
            count(harness)
        if len(made.made) <= at:
            break
        count(harness)
        assert harness.cells() == expected([PERU, FILES[content]]), (at, made.made[at])
        assert state(harness).status is Status.COUNTED
    assert made.made.count("TransactWriteItems") > 2
