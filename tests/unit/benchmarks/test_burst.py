"""The simulation of bursts: its time, its DynamoDB, its queue, and the ingest's code in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from benchmarks import docs_page
from benchmarks.burst import event_costs
from benchmarks.burst.__main__ import PAGE
from benchmarks.burst.clock import Clock
from benchmarks.burst.dynamodb import FakeDynamoDB
from benchmarks.burst.event_queues import MAX_RETRY, LambdaQueue, ReadyQueue
from benchmarks.burst.simulate import SEGMENTS, SOURCES, Burst, Simulation, simulate
from benchmarks.burst.uploads import files_of_countries, small_files
from tests.support.sam_template import transformed
from voucher_selector.local_stack.deploy import ROOT
from vouchers.counts import Cell
from vouchers.dynamodb.segments_table import add_update

if TYPE_CHECKING:
    from pathlib import Path

PERU_CELL, CHINA_CELL = Cell("peru", "a"), Cell("china", "a")


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    return small_files(10)


def add(*cells: Cell) -> list[dict[str, Any]]:
    return [{"Update": add_update(SEGMENTS, cell, {"5": 1}, "2026-11-22T12:00:00Z")} for cell in cells]


def attempt(model: FakeDynamoDB, writes: list[dict[str, Any]], reasons: list[str]) -> None:
    try:
        model.transact_write_items(TransactItems=writes)
        reasons.append("")
    except ClientError as error:
        reasons.append(error.response["CancellationReasons"][0]["Code"])


def test_time_passes_as_long_as_the_longest_sleeps() -> None:
    clock, seen = Clock(), list[tuple[float, str]]()

    def work(name: str, *seconds: float) -> None:
        for duration in seconds:
            clock.sleep(duration)
            seen.append((clock.now, name))

    clock.run([partial(work, "a", 3, 3), partial(work, "b", 1, 4)])
    assert seen == [(1, "b"), (3, "a"), (5, "b"), (6, "a")]


def test_what_a_worker_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError("it")

    clock = Clock()
    with pytest.raises(KeyError, match="it"):
        clock.run([fail, lambda: clock.sleep(1)])


@pytest.mark.parametrize(("other", "expected"), [(PERU_CELL, "TransactionConflict"), (CHINA_CELL, "")])
def test_transactions_at_once_conflict_where_they_share_an_item(other: Cell, expected: str) -> None:
    clock, reasons = Clock(), list[str]()
    model = FakeDynamoDB(clock)
    clock.run(
        [partial(attempt, model, add(PERU_CELL), reasons), partial(attempt, model, add(other), reasons)]
    )
    assert sorted(reasons) == sorted(["", expected])


def test_a_partition_that_has_used_up_its_second_throttles() -> None:
    clock, reasons = Clock(), list[str]()
    model = FakeDynamoDB(clock)
    cells = [Cell("peru", str(n)) for n in range(99)]

    def work() -> None:
        for _ in range(8):
            attempt(model, add(*cells), reasons)
        clock.sleep(2)
        attempt(model, add(*cells), reasons)

    clock.run([work])
    assert reasons == [""] * 6 + ["ThrottlingError"] * 2 + [""]


def test_events_that_find_all_busy_come_back_later_and_later() -> None:
    clock, taken = Clock(), list[tuple[float, list[int]]]()
    queue = LambdaQueue(clock, [0.0] * 20)

    def work() -> None:
        while numbers := queue.take():
            taken.append((clock.now, numbers))
            clock.sleep(30)

    clock.run([work])
    assert sorted(number for _, (number,) in taken) == list(range(20))
    assert taken[-1][0] < 20 * MAX_RETRY
    assert queue.throttles > 20
    assert max(queue.ages) == taken[-1][0]


def test_events_that_are_ready_are_handed_out_some_at_a_time() -> None:
    clock, taken = Clock(), list[list[int]]()
    queue = ReadyQueue(clock, 5, batch_size=2)

    def work() -> None:
        while numbers := queue.take():
            taken.append(numbers)

    clock.run([work])
    assert taken == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("workers", [1, 30])
def test_every_upload_is_counted_once_despite_conflicting_ingests(
    files: list[bytes], workers: int, batch_size: int
) -> None:
    simulation = simulate(Burst(60, workers, 0.03, batch_size=batch_size), files)
    assert simulation.outcomes == {"counted": 60}
    assert sum(_rows(simulation).values()) == 60 * 100
    assert (simulation.model.seen["conflicts"] > 0) == (workers > 1)


def test_of_one_object_the_last_upload_is_counted(files: list[bytes]) -> None:
    simulation = simulate(
        Burst(50, 10, 0.03, key=lambda _: "vouchers/same.parquet", through_lambda=True), files
    )
    assert sum(_rows(simulation).values()) == 100
    (source,) = (item for place, item in simulation.model.items.items() if place.table == SOURCES)
    assert source["etag"]["S"] == '"e49"'


def test_a_wide_upload_costs_what_its_counters_do_and_little_more() -> None:
    units = simulate(Burst(1, 1, 0.03), files_of_countries(1, 100)).model.units
    assert units[SEGMENTS] == 2 * 600
    assert units[SOURCES] < units[SEGMENTS] / 20


def test_many_more_ingests_than_the_counters_bear_still_get_on(files: list[bytes]) -> None:
    ten, many = (simulate(Burst(1_000, workers, 0.03), files).seconds for workers in (10, 200))
    assert many < 1.3 * ten


def test_the_memory_that_is_paid_for_is_the_functions() -> None:
    memory = transformed(ROOT / "template.yaml").properties("IngestFunction")["MemorySize"]
    assert memory == event_costs.FUNCTION_GB * 1024


def test_the_page_has_a_place_for_what_is_found(tmp_path: Path) -> None:
    copy = tmp_path / PAGE.name
    copy.write_text(PAGE.read_text())
    docs_page.write("burst", "found", "make bench-burst", copy)
    assert "\n\nfound\n\n" in copy.read_text()


def _rows(simulation: Simulation) -> dict[str, int]:
    """Return how many rows are counted in the segments table, by country."""
    spelled = {p.partition: i for p, i in simulation.model.items.items() if p.sort == "#spellings"}
    return {c: sum(int(n["N"]) for n in item.values() if "N" in n) for c, item in spelled.items()}
