"""Lists of sources, the last committed first, page by page, from the index of the sources table.

The index is ordered within a status, so a list over all of them merges theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from vouchers.dynamodb.sources_table import SOURCE, State, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vouchers.dynamodb.sources_table import SourcesTable

NEWEST = "newest"


class Listed(NamedTuple):
    """A source as a list shows it: its key, and its state without what it contributed."""

    key: str
    state: State


class Place(NamedTuple):
    """Where a source stands in the list of its status."""

    key: str
    committed_at: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins; the first one's has nothing before it.

    Attributes:
        until: what was committed later than this (ISO 8601, UTC) is on none of the pages, so that none of
            them shifts while they are read.
        last: the last source of each status that the pages before have shown.
    """

    until: str = "9999"
    last: Mapping[Status, Place] = field(default_factory=dict)


def page(
    table: SourcesTable, statuses: tuple[Status, ...], cursor: Cursor, limit: int
) -> tuple[list[Listed], Cursor | None]:
    """Return one page of the sources of some statuses, and where the next begins; None after the last.

    The index lags a little behind the table. Costs one Query for each status.

    Raises:
        botocore.exceptions.ClientError: if DynamoDB refuses.
    """
    by_status = (_of_status(table, status, cursor, limit + 1) for status in statuses)
    newest_first = merge(*by_status, key=lambda each: each.state.committed_at, reverse=True)
    found = list(islice(newest_first, limit + 1))
    shown = found[:limit]
    return shown, _next(cursor, shown) if len(found) > limit else None


def _next(cursor: Cursor, shown: list[Listed]) -> Cursor:
    last = {each.state.status: Place(each.key, each.state.committed_at) for each in shown}
    until = cursor.until if cursor.last else shown[0].state.committed_at
    return Cursor(until, {**cursor.last, **last})


def _of_status(table: SourcesTable, status: Status, cursor: Cursor, limit: int) -> Iterator[Listed]:
    last = cursor.last.get(status)
    start: dict[str, Any] = {"ExclusiveStartKey": _key(status, last)} if last else {}
    pages = table.client.get_paginator("query").paginate(
        TableName=table.name,
        IndexName=NEWEST,
        KeyConditionExpression="#status = :status AND #at <= :until",
        ExpressionAttributeNames={"#status": "status", "#at": "committed_at"},
        ExpressionAttributeValues={":status": {"S": status}, ":until": {"S": cursor.until}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": limit},
        **start,
    )
    return (Listed(item[SOURCE]["S"], State.from_item(item)) for each in pages for item in each["Items"])


def _key(status: Status, place: Place) -> dict[str, Any]:
    return {
        SOURCE: {"S": place.key},
        "status": {"S": status},
        "committed_at": {"S": place.committed_at},
    }
