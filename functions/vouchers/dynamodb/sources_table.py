"""The sources table in DynamoDB: what each object under the prefix contributed to the counts.

One item per object key: ``source`` (partition key), ``revision`` (a number that each write changes), the
fields of the committed state, and, during a commit of several transactions, the target state (``pending``)
with the number of chunks that are done (``done``). ``orphans`` lists results that nothing refers to any
longer, and ``catalog_writers`` the processes that may be changing the Glue catalog.

The index ``newest`` (``status``, ``committed_at``) has the sources without their contributions, for lists
(``sources_listing.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from vouchers.counts import Cell, Contribution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

SOURCE, REVISION, DONE = "source", "revision", "done"
PENDING, ORPHANS, CATALOG_WRITERS, EXPIRES_AT = "pending", "orphans", "catalog_writers", "expires_at"
SEQUENCER_DIGITS = 64
NEVER_WRITTEN = 0


class Status(StrEnum):
    """What became of a source: its rows are counted, its object is gone, or it could not be counted."""

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
    """What one event made of a source."""

    status: Status
    sequencer: str
    event_time: str
    committed_at: str
    definitions: str
    as_of: str | None = None
    uploaded_at: str | None = None
    version_id: str | None = None
    etag: str | None = None
    error: str | None = None
    report: dict[str, Any] = field(default_factory=dict)
    contribution: str | None = None
    contribution_object: str | None = None
    rejected_object: str | None = None
    rows_folder: str | None = None

    @property
    def order(self) -> EventOrder:
        """Where the event stands among those of the object."""
        return EventOrder.of(self.sequencer, self.event_time)

    def is_of(self, version_id: str | None, etag: str) -> bool:
        """Return whether this is the state of an object version; without version ids, the ETags decide."""
        if self.version_id and version_id:
            return self.version_id == version_id
        return self.etag is not None and self.etag.strip('"') == etag.strip('"')

    @property
    def objects(self) -> set[str]:
        """What the state refers to in the results bucket: keys, and folders, whose names end in a slash."""
        return {key for key in (self.contribution_object, self.rejected_object, self.rows_folder) if key}


@dataclass(frozen=True, slots=True)
class Source:
    """A source as its item has it; ``state`` is None where no event was ever committed.

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

    @property
    def objects(self) -> set[str]:
        """What the source refers to in the results bucket, as ``State.objects`` does."""
        states = (state for state in (self.state, self.pending) if state)
        return {key for state in states for key in state.objects}

    @property
    def is_unfinished(self) -> bool:
        """Whether a commit is under way, or was cut off, or the catalogue may not say yet what it led to."""
        return self.pending is not None or bool(self.catalog_writers)

    @property
    def is_gone(self) -> bool:
        """Whether all that is left of it is the memory of its deletion."""
        return not self.is_unfinished and (self.state is None or self.state.status is Status.DELETED)


@dataclass(frozen=True, slots=True)
class SourcesTable:
    """Reads and writes sources. Reads raise ``botocore.exceptions.ClientError`` when DynamoDB refuses."""

    client: DynamoDBClient
    name: str

    def load(self, key: str) -> Source:
        """Return the source of an object key, as of the last write to it."""
        got = self.client.get_item(TableName=self.name, Key={SOURCE: {"S": key}}, ConsistentRead=True)
        return _source(key, got["Item"]) if "Item" in got else Source(key)

    def scan(self) -> Iterator[Source]:
        """Yield every source, read page by page."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        return (_source(item[SOURCE]["S"], item) for page in pages for item in page["Items"])

    def put_if_unchanged(self, read: Source, new: Source, expires_at: int | None = None) -> dict[str, Any]:
        """Return the ``Put`` of a transaction that writes ``new``, unless ``read`` has changed since.

        Args:
            read: the source as it was loaded.
            new: the source to write in its place.
            expires_at: seconds since 1970 from which DynamoDB may forget the item.
        """
        return {"TableName": self.name, "Item": _item(new, expires_at)} | _unless_changed(read)

    def increment_done(self, read: Source) -> dict[str, Any]:
        """Return the ``Update`` of a transaction that counts one more chunk done, unless ``read`` changed."""
        update = self._update(read, "ADD #revision :one, #done :one")
        update["ExpressionAttributeNames"] |= {"#done": DONE}
        update["ExpressionAttributeValues"] |= {":one": _number(1)}
        return update

    def add_catalog_writer(self, read: Source, catalog_writer: str) -> dict[str, Any]:
        """Return the ``Update`` of a transaction that adds a mover, unless ``read`` has changed since."""
        update = self._update(read, "ADD #revision :one, #catalog_writers :catalog_writers")
        update["ExpressionAttributeNames"] |= {"#catalog_writers": CATALOG_WRITERS}
        update["ExpressionAttributeValues"] |= {
            ":one": _number(1),
            ":catalog_writers": {"SS": [catalog_writer]},
        }
        return update

    def remove_catalog_writers(self, read: Source, catalog_writers: Collection[str]) -> dict[str, Any]:
        """Return the ``Update`` that removes catalog writers and orphans, unless ``read`` has changed."""
        update = self._update(read, "REMOVE #orphans DELETE #catalog_writers :catalog_writers")
        update["ExpressionAttributeNames"] |= {"#catalog_writers": CATALOG_WRITERS, "#orphans": ORPHANS}
        update["ExpressionAttributeValues"] |= {":catalog_writers": {"SS": sorted(catalog_writers)}}
        return update

    def _update(self, read: Source, expression: str) -> dict[str, Any]:
        key = {"TableName": self.name, "Key": {SOURCE: {"S": read.key}}}
        return _unless_changed(read) | key | {"UpdateExpression": expression}

    def remove_orphans(self, read: Source) -> None:
        """Empty the list of objects to discard, unless ``read`` has changed since."""
        update = self._update(read, "REMOVE #orphans")
        update["ExpressionAttributeNames"] |= {"#orphans": ORPHANS}
        try:
            self.client.update_item(**update)
        except self.client.exceptions.ConditionalCheckFailedException:
            return


def encode(contribution: Contribution) -> str:
    """Return a contribution as JSON: country → cell → counter → count."""
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


def _unless_changed(read: Source) -> dict[str, Any]:
    names = {"#revision": REVISION}
    if read.revision == NEVER_WRITTEN:
        return {"ConditionExpression": "attribute_not_exists(#revision)", "ExpressionAttributeNames": names}
    return {
        "ConditionExpression": "#revision = :read",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":read": _number(read.revision)},
    }


def _item(source: Source, expires_at: int | None) -> dict[str, Any]:
    item: dict[str, Any] = {
        SOURCE: {"S": source.key},
        REVISION: _number(source.revision),
        DONE: _number(source.done),
    }
    if source.state:
        item |= _state_item(source.state)
    if source.pending:
        item[PENDING] = {"M": _state_item(source.pending)}
    if source.orphans:
        item[ORPHANS] = {"SS": sorted(source.orphans)}
    if source.catalog_writers:
        item[CATALOG_WRITERS] = {"SS": sorted(source.catalog_writers)}
    if expires_at is not None:
        item[EXPIRES_AT] = _number(expires_at)
    return item


def _state_item(state: State) -> dict[str, Any]:
    texts = {f.name: getattr(state, f.name) for f in fields(state) if f.name != "report"}
    item = {name: {"S": str(value)} for name, value in texts.items() if value is not None}
    return item | {"report": {"S": json.dumps(state.report)}}


def _source(key: str, item: Mapping[str, Any]) -> Source:
    return Source(
        key,
        int(item[REVISION]["N"]),
        state_of(item) if "status" in item else None,
        state_of(item[PENDING]["M"]) if PENDING in item else None,
        int(item[DONE]["N"]),
        frozenset(item.get(ORPHANS, {}).get("SS", ())),
        frozenset(item.get(CATALOG_WRITERS, {}).get("SS", ())),
    )


def state_of(item: Mapping[str, Any]) -> State:
    """Return the state that an item holds; its contribution only where that is in the item too."""
    texts = {f.name: item[f.name]["S"] for f in fields(State) if f.name in item}
    return State(**texts | {"status": Status(texts["status"]), "report": json.loads(texts["report"])})


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
