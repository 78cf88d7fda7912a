"""List sources page by page, the last committed first, from the index of the sources table.

The index is ordered within each status, so a list of several statuses merges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from vouchers.dynamodb.sources_table import SOURCE, SourcesTable, State, Status

NEWEST = "newest"


class Listed(NamedTuple):
    """A source in a list: its key, and its state without the contribution."""

    key: str
    state: State


class Place(NamedTuple):
    """The position of a source in the list of its status."""

    key: str
    committed_at: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """The beginning of a page; the default is the first page.

    Attributes:
        until: sources that were committed later (ISO 8601, UTC) are on no page, so that pages do not shift
            while they are read.
        last: the last source of each status on the previous pages.
    """

    until: str = "9999"
    last: Mapping[Status, Place] = field(default_factory=dict)


def page(
    table: SourcesTable, statuses: tuple[Status, ...], cursor: Cursor, limit: int
) -> tuple[list[Listed], Cursor | None]:
    """Return one page of the sources with some statuses, and the beginning of the next page, if there is one.

    The index lags a little behind the table. Each status takes one Query.

    Raises:
        botocore.exceptions.ClientError: if DynamoDB refuses.
    """
    by_status = [newest_first(table, status, cursor, limit + 1) for status in statuses]
    merged = merge(*by_status, key=lambda listed: listed.state.committed_at, reverse=True)
    found = list(islice(merged, limit + 1))
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    last = {listed.state.status: Place(listed.key, listed.state.committed_at) for listed in shown}
    until = cursor.until if cursor.last else shown[0].state.committed_at
    return shown, Cursor(until, {**cursor.last, **last})


def newest_first(table: SourcesTable, status: Status, cursor: Cursor, page_size: int) -> Iterator[Listed]:
    """Yield the sources with a status from a cursor on, the last committed first."""
    start: dict[str, Any] = {}
    if last := cursor.last.get(status):
        key = {SOURCE: last.key, "status": status, "committed_at": last.committed_at}
        start = {"ExclusiveStartKey": {name: {"S": value} for name, value in key.items()}}
    pages = table.client.get_paginator("query").paginate(
        TableName=table.name,
        IndexName=NEWEST,
        KeyConditionExpression="#status = :status AND #at <= :until",
        ExpressionAttributeNames={"#status": "status", "#at": "committed_at"},
        ExpressionAttributeValues={":status": {"S": status}, ":until": {"S": cursor.until}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": page_size},
        **start,
    )
    return (Listed(item[SOURCE]["S"], State.from_item(item)) for page in pages for item in page["Items"])
