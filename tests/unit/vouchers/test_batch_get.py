from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from vouchers.dynamodb.segments_table import MAX_ATTEMPTS, read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Batches:
    """Stands in for DynamoDB's client: it has every item, and processes ``processes`` keys in turn."""

    processes: list[int]
    calls: list[int] = field(default_factory=list)

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - as boto3 has it
        ((table, asked),) = RequestItems.items()
        keys = asked["Keys"]
        assert 0 < len(keys) <= 100
        self.calls.append(len(keys))
        processed = self.processes.pop(0) if self.processes else 0
        left = keys[processed:]
        found = [key | {"n": {"N": "1"}} for key in keys[:processed]]
        unprocessed = {"UnprocessedKeys": {table: {"Keys": left}}} if left else {}
        return {"Responses": {table: found} if found else {}} | unprocessed


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("vouchers.dynamodb.segments_table.time.sleep", slept.append)
    return slept


def read(client: Batches, count: int) -> tuple[list[str], list[str]]:
    keys = [{"id": {"S": str(n)}} for n in range(count)]
    items, unread = read_items(cast("DynamoDBClient", client), "table", keys)
    assert all(item["n"] for item in items)
    return [item["id"]["S"] for item in items], [key["id"]["S"] for key in unread]


def numbers(count: int) -> list[str]:
    return [str(n) for n in range(count)]


def test_no_keys_cost_no_call() -> None:
    client = Batches([])
    assert read(client, 0) == ([], [])
    assert client.calls == []


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_hundred_keys_go_in_a_call(count: int, calls: list[int], pauses: list[float]) -> None:
    client = Batches([100] * 3)
    assert read(client, count) == (numbers(count), [])
    assert client.calls == calls
    assert pauses == []


def test_keys_that_were_left_are_asked_for_again_after_a_pause(pauses: list[float]) -> None:
    client = Batches([60, 30, 100])
    items, unread = read(client, 150)
    assert sorted(items, key=int) == numbers(150)
    assert unread == []
    assert client.calls == [100, 90, 60]
    assert len(pauses) == 2


def test_keys_that_are_left_again_and_again_are_given_up_within_a_second(pauses: list[float]) -> None:
    client = Batches([1])
    items, unread = read(client, 120)
    assert items == ["0"]
    assert sorted(unread + items, key=int) == numbers(120)
    assert len(client.calls) == MAX_ATTEMPTS
    assert sum(pauses) <= 1
