"""Runs of the Spark job against moto, with their tasks carried out in this process."""

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
from voucher_selector.spark_job import clients, listing
from voucher_selector.spark_job.run import RunError, run
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.stack_harness import World
    from voucher_selector.spark_job.counting import TaskCounter
    from voucher_selector.spark_job.listing import Task
    from voucher_selector.spark_job.sums import Sums
    from vouchers.dynamodb.sources_table import State


@pytest.fixture(autouse=True)
def _own_clients(world: World) -> Iterator[None]:
    assert world
    for of in (clients.s3_client, clients.dynamodb_client):
        of.cache_clear()
    yield
    for of in (clients.s3_client, clients.dynamodb_client):
        of.cache_clear()


def put(world: World, **files: str) -> None:
    for name, kind in files.items():
        world.s3.put_object(Bucket=world.uploads, Key=f"{DATASET}{name}.parquet", Body=body(kind))


def clear(world: World) -> None:
    found = world.s3.list_objects_v2(Bucket=world.uploads, Prefix=DATASET).get("Contents", [])
    for each in found:
        world.s3.delete_object(Bucket=world.uploads, Key=each["Key"])


def state(world: World) -> State:
    found = world.source(DATASET).state
    assert found
    return found


def test_the_objects_of_a_dataset_count_as_one_source_beside_the_uploads(world: World) -> None:
    world.ingest(world.put("vouchers/peru.parquet", body("peru")))
    put(world, a="peru", b="china", c="dirty")

    assert count(world).outcome == "counted"

    assert world.cells() == expected([PERU, PERU, CHINA, DIRTY])
    report = state(world).report
    assert (report["objects"], report["rows"], report["rejected"]) == (3, len(PERU + CHINA + DIRTY), 2)
    assert (state(world).status, state(world).as_of) == (Status.COUNTED, "2026-11-22T12:00:00.000000Z")


def test_parts_of_objects_and_objects_are_counted_alike(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_PIECE_BYTES", 1 << 10)
    big = file_of(WIDE, row_group_size=3)
    world.s3.put_object(Bucket=world.uploads, Key=f"{DATASET}big.parquet", Body=big)
    put(world, small="china")

    count(world)

    assert world.cells() == expected([WIDE, CHINA])


def test_what_spark_passes_over_is_no_data(world: World) -> None:
    put(world, a="peru")
    for name in ("_SUCCESS", ".a.parquet.crc", "_temporary/0/b.parquet", "folder/"):
        world.s3.put_object(Bucket=world.uploads, Key=DATASET + name, Body=b"")
    world.s3.put_object(Bucket=world.uploads, Key="datasets/history-2/a.parquet", Body=body("china"))

    count(world)

    assert world.cells() == expected([PERU])


def test_a_dataset_that_has_not_changed_is_not_counted_again_unless_it_must(world: World) -> None:
    put(world, a="peru")
    count(world)
    first = state(world)

    assert count(world).outcome == "up to date"
    assert state(world) == first
    assert count(world, forced=True).outcome == "counted"
    assert count(world, as_of="row").outcome == "counted"
    assert count(world, as_of="2026-11-22T12:00:00").outcome == "counted"
    assert world.cells() == expected([PERU])


def test_changed_objects_take_the_place_of_those_counted_before(world: World) -> None:
    put(world, a="peru", b="dirty")
    count(world)
    before = world.result_keys()
    put(world, a="china", c="dirty")
    world.s3.delete_object(Bucket=world.uploads, Key=f"{DATASET}b.parquet")

    count(world)

    assert world.cells() == expected([CHINA, DIRTY])
    assert rejected(world)
    assert not {*before} & {*rejected(world)}
    assert all(key.startswith(str(state(world).rejected_object)) for key in rejected(world))


def rejected(world: World) -> list[str]:
    return [key for key in world.result_keys() if key.startswith("rejected/")]


def test_rejected_rows_name_their_object(world: World) -> None:
    put(world, a="peru", b="dirty", c="dirty")
    count(world)
    rows = [row for key in rejected(world) for row in world.result_rows(key)]
    assert sorted((row["object"], row["row"], row["reason"]) for row in rows) == [
        (f"{DATASET}{name}.parquet", row, reason)
        for name in "bc"
        for row, reason in ((0, "country_code_missing"), (1, "total_orders_negative"))
    ]


def test_a_dataset_whose_objects_are_gone_counts_for_nothing(world: World) -> None:
    put(world, a="peru", b="dirty")
    count(world)
    clear(world)

    assert count(world).outcome == "deleted"

    assert world.cells() == {}
    assert state(world).status is Status.DELETED
    assert rejected(world) == []
    assert count(world).outcome == "up to date"


def test_a_name_without_objects_is_told_of(world: World) -> None:
    with pytest.raises(RunError, match="there are no objects under 'datasets/history/'; upload them"):
        count(world)
    assert world.source(DATASET).state is None


def test_an_object_that_cannot_be_counted_fails_the_dataset_and_is_named(world: World) -> None:
    put(world, a="peru")
    count(world)
    put(world, b="broken", c="dirty", d="none")

    last = count(world)

    assert (last.outcome, last.error) == ("failed", state(world).error)
    assert re.fullmatch(
        r"'datasets/history/' was not counted: 1 of its 4 objects cannot be counted; "
        r"'datasets/history/b\.parquet': it cannot be read as Parquet: .*; "
        r"upload a corrected file under the same key",
        last.error or "",
    )
    assert world.cells() == {}
    assert rejected(world) == []

    put(world, b="china")
    assert count(world).outcome == "counted"
    assert world.cells() == expected([PERU, CHINA, DIRTY])


def test_an_object_that_is_replaced_while_it_is_counted_breaks_the_run_off(world: World) -> None:
    put(world, a="peru", b="peru")
    count(world)
    put(world, b="dirty")

    def replacing(tasks: Sequence[Task], counting: TaskCounter) -> Sums:
        put(world, b="china")
        return count_here(tasks, counting)

    with pytest.raises(
        RunError, match=r"'datasets/history/b.parquet' was replaced or deleted .*; count it again"
    ):
        run(order(world), replacing)
    assert world.cells() == expected([PERU, PERU])
    assert rejected(world) == []


def test_a_run_that_listed_the_objects_earlier_changes_nothing(world: World) -> None:
    put(world, a="dirty")

    def overtaken(tasks: Sequence[Task], counting: TaskCounter) -> Sums:
        sums = count_here(tasks, counting)
        put(world, a="china")
        count(world)
        return sums

    assert run(order(world), overtaken).outcome == "late"
    assert world.cells() == expected([CHINA])
    assert rejected(world) == []


def test_a_run_that_is_overtaken_by_one_that_listed_earlier_asks_to_be_started_again(world: World) -> None:
    put(world, a="dirty")

    def overtaken(tasks: Sequence[Task], counting: TaskCounter) -> Sums:
        sums = count_here(tasks, counting)
        count(world)
        told_as_of(world, "2026-01-01T00:00:00.000000Z")
        return sums

    with pytest.raises(RunError, match="another run counted 'datasets/history/' meanwhile; count it again"):
        run(order(world), overtaken)
    assert world.cells() == expected([DIRTY])
    assert all(key.startswith(str(state(world).rejected_object)) for key in rejected(world))


def told_as_of(world: World, time: str) -> None:
    """Let the dataset's objects have been listed at another time than they were."""
    world.dynamodb.update_item(
        TableName=world.sources,
        Key={"source": {"S": DATASET}},
        UpdateExpression="SET event_time = :time",
        ExpressionAttributeValues={":time": {"S": time}},
    )


@pytest.mark.parametrize("answered", [True, False])
def test_a_run_that_died_between_any_two_calls_is_made_good_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    monkeypatch.setattr(chunks, "MAX_CELLS", 4)
    contents = itertools.cycle(["dirty", "china"])
    put(world, a="peru", b=next(contents))
    count(world)
    for at in itertools.count():
        content = next(contents)
        put(world, b=content)
        with calls(at, answered=answered) as made, suppress(Crash):
            count(world)
        if len(made.made) <= at:
            break
        count(world)
        assert world.cells() == expected([PERU, FILES[content]]), (at, made.made[at])
        assert state(world).status is Status.COUNTED
    assert made.made.count("TransactWriteItems") > 2
