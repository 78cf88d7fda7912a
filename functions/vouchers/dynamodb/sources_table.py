"""The sources table in DynamoDB: what each object under the prefix contributed to the counts.

One item per object key: ``source`` (partition key), ``revision`` (a number that all writes increment except
the removal of orphans), the fields of the committed state, and, during a commit of several transactions, the
target state (``pending``) with the number of chunks that are done (``done``).
``orphans`` lists results that nothing refers to any longer, and ``catalog_writers`` the processes that may
be changing the Glue catalog.

The index ``newest`` (``status``, ``committed_at``) has the sources without their contributions, for lists. It
is ordered within each status, so a list of several statuses merges them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from vouchers.counts import Cell, Contribution

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SOURCE, REVISION, DONE = "source", "revision", "done"
PENDING, ORPHANS, CATALOG_WRITERS, EXPIRES_AT = "pending", "orphans", "catalog_writers", "expires_at"
SEQUENCER_DIGITS = 64
NEVER_WRITTEN = 0
NEWEST, UPLOADED = "newest", "uploaded"


class Status(StrEnum):
    """Whether a source's rows are counted, its object is gone, or it could not be counted."""

    COUNTED = "counted"
    DELETED = "deleted"
    FAILED = "failed"


class EventOrder(NamedTuple):
    """Orders the events of one object: by S3's sequencer, then by time.

    Sequencers are hexadecimal numbers of varying length, compared padded with zeros on the right, which is
    S3's own rule. The time (ISO 8601, UTC, microseconds) decides where a platform sends every event with the
    same sequencer, or without one.
    """

    sequencer: str
    time: str

    @classmethod
    def of(cls, sequencer: str, time: str) -> EventOrder:
        """Return the order of an event with a sequencer as S3 writes it."""
        return cls(sequencer.upper().ljust(SEQUENCER_DIGITS, "0"), time)


@dataclass(frozen=True, slots=True)
class State:
    """The result of one event for a source: what is counted of which object version.

    Attributes:
        status: whether its rows are counted, its object is gone, or it could not be counted.
        sequencer: S3's, of the event; empty where there was none.
        event_time: of the event (ISO 8601, UTC, microseconds).
        committed_at: when the counts were committed (ISO 8601, UTC).
        definitions: the version of the segment definitions.
        as_of: the as-of date (ISO 8601, UTC), or ``row``.
        columns: the names of columns that have other names in the file, as a mapping writes them.
        uploaded_at: when the object was uploaded (ISO 8601, UTC).
        version_id: of the object, in a versioned bucket.
        etag: of the object.
        error: why it failed, and what to do, in one sentence.
        report: on its rows, as plain values.
        contribution: to the counts, as ``encode`` writes it, if it is small.
        contribution_object: the key of a large contribution in the results bucket.
        rejected_object: the key of the rejected rows there.
        rows_folder: the folder of the segmented rows there.
    """

    status: Status
    sequencer: str
    event_time: str
    committed_at: str
    definitions: str
    as_of: str | None = None
    columns: str | None = None
    uploaded_at: str | None = None
    version_id: str | None = None
    etag: str | None = None
    error: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    contribution: str | None = None
    contribution_object: str | None = None
    rejected_object: str | None = None
    rows_folder: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> State:
        """Return the state in an item; its contribution only if the item has it."""
        texts = {f.name: item[f.name]["S"] for f in fields(cls) if f.name in item}
        return cls(**texts | {"status": Status(texts["status"]), "report": json.loads(texts["report"])})

    def to_item(self) -> dict[str, Any]:
        """Return the attributes of an item."""
        texts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "report"}
        item = {name: {"S": str(value)} for name, value in texts.items() if value is not None}
        return item | {"report": {"S": json.dumps(self.report)}}

    @property
    def order(self) -> EventOrder:
        """The position of its event among the events of the object."""
        return EventOrder.of(self.sequencer, self.event_time)

    def is_of(self, version_id: str | None, etag: str) -> bool:
        """Return whether this is the state of an object version; without version ids, the ETags decide."""
        if self.version_id and version_id:
            return self.version_id == version_id
        return self.etag is not None and self.etag.strip('"') == etag.strip('"')

    def without_results(self) -> State:
        """Return the state without a contribution and objects in the results bucket."""
        return replace(
            self, contribution=None, contribution_object=None, rejected_object=None, rows_folder=None
        )

    @property
    def objects(self) -> set[str]:
        """Its objects in the results bucket: keys, and folders, whose names end in a slash."""
        keys = (self.contribution_object, self.rejected_object, self.rejected_excerpt, self.rows_folder)
        return {key for key in keys if key}

    @property
    def rejected_excerpt(self) -> str | None:
        """The key of the first rejected rows as JSON; None for a dataset, which has a folder of rows."""
        key = self.rejected_object
        return f"{key}.json" if key and not key.endswith("/") else None


@dataclass(frozen=True, slots=True)
class Source:
    """A source, as in its item; ``state`` is None if no event was ever committed.

    ``catalog_writers`` are the processes, by start time and name, that may be changing the Glue catalog.
    While there is any, the catalog may be wrong.
    """

    key: str
    revision: int = NEVER_WRITTEN
    state: State | None = None
    pending: State | None = None
    done: int = 0
    orphans: frozenset[str] = frozenset()
    catalog_writers: frozenset[str] = frozenset()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Source:
        """Return the source in an item."""
        return cls(
            item[SOURCE]["S"],
            int(item[REVISION]["N"]),
            State.from_item(item) if "status" in item else None,
            State.from_item(item[PENDING]["M"]) if PENDING in item else None,
            int(item[DONE]["N"]),
            frozenset(item.get(ORPHANS, {}).get("SS", ())),
            frozenset(item.get(CATALOG_WRITERS, {}).get("SS", ())),
        )

    def to_item(self) -> dict[str, Any]:
        """Return the item of the source."""
        item: dict[str, Any] = {
            SOURCE: {"S": self.key},
            REVISION: {"N": str(self.revision)},
            DONE: {"N": str(self.done)},
        }
        if self.state:
            item |= self.state.to_item()
        if self.pending:
            item[PENDING] = {"M": self.pending.to_item()}
        if self.orphans:
            item[ORPHANS] = {"SS": sorted(self.orphans)}
        if self.catalog_writers:
            item[CATALOG_WRITERS] = {"SS": sorted(self.catalog_writers)}
        return item

    @property
    def rows_folder(self) -> str | None:
        """The folder of its segmented rows in the results bucket, if there are any."""
        return self.state.rows_folder if self.state else None

    @property
    def objects(self) -> set[str]:
        """The objects in the results bucket of its state and of its pending state."""
        return {key for state in (self.state, self.pending) if state for key in state.objects}

    @property
    def is_unfinished(self) -> bool:
        """Whether a commit is pending, or the Glue catalog may not reflect the last commit yet."""
        return self.pending is not None or bool(self.catalog_writers)

    @property
    def is_gone(self) -> bool:
        """Whether only the record of its deletion is left."""
        return not self.is_unfinished and (self.state is None or self.state.status is Status.DELETED)


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


@dataclass(frozen=True, slots=True)
class SourcesTable:
    """Reads and writes sources. All methods that call DynamoDB raise ``botocore.exceptions.ClientError``.

    Every write has the condition that the source has not changed since it was read.
    """

    client: DynamoDBClient
    name: str

    def load(self, key: str) -> Source:
        """Return the source of an object key, read consistently."""
        got = self.client.get_item(TableName=self.name, Key={SOURCE: {"S": key}}, ConsistentRead=True)
        return Source.from_item(got["Item"]) if "Item" in got else Source(key)

    def scan(self) -> Iterator[Source]:
        """Yield every source, read page by page."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return (Source.from_item(item) for page in pages for item in page["Items"])

    def page(
        self, statuses: tuple[Status, ...], cursor: Cursor, limit: int
    ) -> tuple[list[Listed], Cursor | None]:
        """Return a page of the sources with some statuses, and the beginning of the next page, if any.

        The index lags a little behind the table. Each status takes one Query.
        """
        by_status = [self.newest_first(status, cursor, limit + 1) for status in statuses]
        merged = merge(*by_status, key=lambda listed: listed.state.committed_at, reverse=True)
        found = list(islice(merged, limit + 1))
        shown = found[:limit]
        if len(found) <= limit:
            return shown, None
        last = {listed.state.status: Place(listed.key, listed.state.committed_at) for listed in shown}
        until = cursor.until if cursor.last else shown[0].state.committed_at
        return shown, Cursor(until, {**cursor.last, **last})

    def newest_first(self, status: Status, cursor: Cursor, page_size: int) -> Iterator[Listed]:
        """Yield the sources with a status from a cursor on, the last committed first."""
        start: dict[str, Any] = {}
        if last := cursor.last.get(status):
            key = {SOURCE: last.key, "status": status, "committed_at": last.committed_at}
            start = {"ExclusiveStartKey": {name: {"S": value} for name, value in key.items()}}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=NEWEST,
            KeyConditionExpression="#status = :status AND #at <= :until",
            ExpressionAttributeNames={"#status": "status", "#at": "committed_at"},
            ExpressionAttributeValues={":status": {"S": status}, ":until": {"S": cursor.until}},
            ScanIndexForward=False,
            PaginationConfig={"PageSize": page_size},
            **start,
        )
        return (Listed(item[SOURCE]["S"], State.from_item(item)) for page in pages for item in page["Items"])

    def window(self) -> tuple[str, str] | None:
        """Return when the oldest and the newest of the counted objects were uploaded; None if there are none.

        The index lags a little behind the table. The window takes two Queries of one item.
        """
        found = [
            self.client.query(
                TableName=self.name,
                IndexName=UPLOADED,
                KeyConditionExpression="#status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":status": {"S": Status.COUNTED}},
                ScanIndexForward=is_ascending,
                Limit=1,
            )["Items"]
            for is_ascending in (True, False)
        ]
        oldest, newest = ([item["uploaded_at"]["S"] for item in items] for items in found)
        return (oldest[0], newest[0]) if oldest and newest else None

    def put_if_unchanged(self, read: Source, new: Source, expires_at: int | None = None) -> dict[str, Any]:
        """Return the ``Put`` of a transaction that replaces ``read`` by ``new``.

        Args:
            read: the source as it was loaded.
            new: the source to write.
            expires_at: seconds since 1970 after which DynamoDB may delete the item.
        """
        expiry = {} if expires_at is None else {EXPIRES_AT: {"N": str(expires_at)}}
        return {"TableName": self.name, "Item": new.to_item() | expiry} | _unless_changed(read)

    def increment_done(self, read: Source) -> dict[str, Any]:
        """Return the ``Update`` of a transaction that counts one more chunk as done."""
        return self._update(read, "ADD #revision :one, #done :one", {":one": {"N": "1"}})

    def add_catalog_writer(self, read: Source, writer: str) -> None:
        """Add a process to the catalog writers, and increment the revision."""
        values = {":one": {"N": "1"}, ":writers": {"SS": [writer]}}
        expression = "ADD #revision :one, #catalog_writers :writers"
        self.client.update_item(**self._update(read, expression, values))

    def remove_catalog_writers(self, read: Source, writers: Collection[str]) -> None:
        """Remove processes from the catalog writers, and all orphans; increment the revision.

        Otherwise a process that has read the source before would write them again.
        """
        expression = "ADD #revision :one REMOVE #orphans DELETE #catalog_writers :writers"
        values = {":one": {"N": "1"}, ":writers": {"SS": sorted(writers)}}
        self.client.update_item(**self._update(read, expression, values))

    def remove_orphans(self, read: Source) -> None:
        """Empty the list of orphans; do nothing if the source has changed."""
        with suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.update_item(**self._update(read, "REMOVE #orphans", {}))

    def _update(self, read: Source, expression: str, values: dict[str, Any]) -> dict[str, Any]:
        update = {"TableName": self.name, "Key": {SOURCE: {"S": read.key}}, "UpdateExpression": expression}
        return update | _unless_changed(read, expression, values)


def encode(contribution: Contribution) -> str:
    """Return a contribution as JSON: country, cell, counter and count, nested."""
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for cell, counters in sorted(contribution.items()):
        nested.setdefault(cell.country, {})[cell.name] = counters
    return json.dumps(nested, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def decode(text: str) -> Contribution:
    """Return the contribution that ``encode`` wrote."""
    return {
        Cell(country, name): counters
        for country, cells in json.loads(text).items()
        for name, counters in cells.items()
    }


def _unless_changed(
    read: Source, expression: str = "", values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the condition, with the names and values of it and of an update's expression."""
    condition, bound = "attribute_not_exists(#revision)", dict(values or {})
    if read.revision != NEVER_WRITTEN:
        condition, bound[":read"] = "#revision = :read", {"N": str(read.revision)}
    names = {name: name[1:] for name in re.findall(r"#\w+", condition + expression)}
    parameters = {"ConditionExpression": condition, "ExpressionAttributeNames": names}
    return parameters | ({"ExpressionAttributeValues": bound} if bound else {})
