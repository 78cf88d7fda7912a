"""Counts that DynamoDB never accepts, and counters that fall to 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ingest import handler
from ingest.commit.room import MAX_CELL_BYTES
from ingest.handler import IngestError
from tests.support.crash_injection import Crash, calls
from tests.support.emulator import emulated, new_harness
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import FILES, PERU, Rows, body, expected, file_of, sample_rows
from voucher_selector.operations.verify import compare
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.stack_harness import StackHarness

pytestmark = pytest.mark.stack

KEY, OTHER = "vouchers/a.parquet", "vouchers/b.parquet"


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with emulated():
        yield


@pytest.fixture
def harness() -> Iterator[StackHarness]:
    with new_harness() as made:
        yield made


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Return a function that lets DynamoDB refuse each transaction that adds from a number of them on."""
    client, real = handler.dynamodb_client(), vars(BaseClient)["_make_api_call"]
    left: list[int] = []

    def adds(writes: list[dict[str, Any]]) -> bool:
        values = [write["Update"]["ExpressionAttributeValues"] for write in writes if "Update" in write]
        numbers = [value["N"] for cell in values for name, value in cell.items() if name[1:].isdigit()]
        return any(int(number) > 0 for number in numbers)

    def call(operation: str, arguments: Any) -> Any:
        if left and operation == "TransactWriteItems" and adds(arguments["TransactItems"]):
            left[0] -= 1
            if left[0] < 0:
                refused = {
                    "Code": "ValidationError",
                    "Message": "Item size to update has exceeded the maximum",
                }
                cancelled = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
                reasons: Any = {"CancellationReasons": [{"Code": "None"}, refused]}
                raise ClientError(cancelled | reasons, operation)
        return real(client, operation, arguments)

    def refuse_after(accepted: int | None) -> None:
        left[:] = [] if accepted is None else [accepted]

    monkeypatch.setattr(client, "_make_api_call", call)
    return refuse_after


BROAD = sample_rows(*(("Broadland", "2020-01-01", None, "1", float(n)) for n in range(1, 500)))
"""More amounts in a range than fit in one update."""


@pytest.mark.parametrize("before", [None, "peru", "wide"])
@pytest.mark.parametrize(("content", "accepted"), [(FILES["china"], 0), (BROAD, 0), (BROAD, 1), (BROAD, 2)])
def test_a_refused_commit_leaves_a_failed_source_and_a_usable_key(
    harness: StackHarness,
    refuse: Callable[[int | None], None],
    content: Rows,
    accepted: int,
    before: str | None,
) -> None:
    harness.ingest(harness.put(OTHER, body("peru")))
    if before:
        harness.ingest(harness.put(KEY, body(before)))
    record = harness.put(KEY, file_of(content))
    refuse(accepted)
    with pytest.raises(IngestError, match=r"cannot hold its counts \(Item size to update has exc") as failed:
        harness.ingest(record)
    source = harness.source(KEY)
    assert source.state is not None
    assert (source.state.status, source.state.error) == (Status.FAILED, str(failed.value))
    assert (source.pending, source.orphans) == (None, frozenset())
    assert harness.cells() == expected([FILES["peru"]])
    assert source.objects == set(harness.result_keys())
    refuse(None)
    assert harness.ingest(record) == ["counted"]
    assert harness.cells() == expected([FILES["peru"], content])
    assert harness.ingest(harness.delete(KEY)) == ["deleted"]
    assert harness.cells() == expected([FILES["peru"]])


@pytest.mark.parametrize("answered", [False, True])
def test_a_crash_while_a_refused_commit_is_withdrawn_changes_no_count(
    harness: StackHarness, refuse: Callable[[int | None], None], answered: bool
) -> None:
    harness.ingest(harness.put(OTHER, body("peru")), harness.put(KEY, body("wide")))
    record = harness.put(KEY, file_of(BROAD))
    refuse(1)
    with calls() as made, pytest.raises(IngestError):
        harness.ingest(record)
    for at in range(len(made.made)):
        refuse(None)
        harness.ingest(harness.put(KEY, body("wide")))
        record = harness.put(KEY, file_of(BROAD))
        refuse(1)
        with calls(at, answered=answered), pytest.raises((Crash, IngestError)):
            harness.ingest(record)
        refuse(0)
        with pytest.raises(IngestError):
            harness.ingest(record)
        assert harness.cells() == expected([FILES["peru"]]), at
        assert harness.source(KEY).pending is None


def wide(first: int) -> bytes:
    """Return a file of 19,000 different amounts of 17 digits in one range."""
    amounts = (float(f"1.{n + 10**15}") for n in range(first, first + 19_000))
    return file_of(sample_rows(*(("Peru", None, None, "1", amount) for amount in amounts)))


def test_files_with_too_many_amounts_fail_and_leave_room_for_others(harness: StackHarness) -> None:
    keys = [f"vouchers/wide-{number}.parquet" for number in range(3)]
    for number, key in enumerate(keys):
        with pytest.raises(
            IngestError, match=r"cannot hold its counts \(the item of 'peru', frequent_segment#0-4"
        ):
            harness.ingest(harness.put(key, wide(number * 19_000)))
    assert harness.ingest(harness.put(KEY, file_of(PERU))) == ["counted"]
    assert harness.cells() == expected([PERU])
    found = compare(deployed(harness, Lambda()), [*keys, KEY], lambda _: None)
    assert found.is_clean
    assert found.failed.keys() == set(keys)
    for key in (*keys, KEY):
        assert harness.ingest(harness.delete(key)) == ["deleted"]
    assert harness.cells() == {}


def test_ordinary_amounts_up_to_the_limit_of_a_file_have_room(harness: StackHarness) -> None:
    rows = sample_rows(*(("Peru", None, None, "1", float(n)) for n in range(1, 19_001)))
    assert harness.ingest(harness.put(KEY, file_of(rows))) == ["counted"]
    assert harness.cells() == expected([rows])
    more = sample_rows(*(("Peru", None, None, "1", float(n)) for n in range(19_001, 19_501)))
    room = MAX_CELL_BYTES // 11 - 19_000
    assert room < len(more)
    with pytest.raises(IngestError, match="cannot hold its counts"):
        harness.ingest(harness.put(OTHER, file_of(more)))
    assert harness.cells() == expected([rows])


def test_zeros_are_removed_if_they_leave_no_room(harness: StackHarness) -> None:
    item = {"country": {"S": "broadland"}, "cell": {"S": "frequent_segment#0-4"}, "updated_at": {"S": ""}}
    zeros = {f"1.{n + 10**15}": {"N": "0"} for n in range(MAX_CELL_BYTES // 23)}
    harness.dynamodb.put_item(TableName=harness.segments, Item=item | zeros)
    assert harness.ingest(harness.put(KEY, file_of(BROAD))) == ["counted"]
    assert len(harness.counters()["broadland", "frequent_segment#0-4"]) == len(BROAD)


def test_many_counters_that_fall_to_zero_are_removed(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(BROAD)))
    harness.ingest(harness.put(KEY, body("peru")))
    assert harness.cells() == expected([FILES["peru"]])
    assert {
        len(counters) for (country, _), counters in harness.counters().items() if country == "broadland"
    } == {0, 1}
