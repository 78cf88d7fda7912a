"""S3 event → what happened to which object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus

from vouchers.dynamodb.sources_table import EventOrder
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Mapping


REPLAY, FORCED_REPLAY = "ObjectReplayed", "ObjectReplayed:Forced"
"""Names of the events that are not S3's but ours."""

EXAMPLE = "0A1B2C3D4E5F678901"
"""The sequencer in AWS's example events: `sam local generate-event s3`, test events of Lambda's console.

It is later than any that S3 gives, and the ETag beside it is made up: as it stands, such an event would name
a version that was never there, or have every real event of the object come too late.
"""


class EventError(Exception):
    """An event that is not one of S3's; the message says what it lacks."""


class Kind(StrEnum):
    """An object was written, it or a version of it was deleted, or it is to be looked at again."""

    CREATED = "created"
    REMOVED = "removed"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """Something that happened to an object.

    ``version_id`` and ``etag`` name what the event speaks of, where the bucket and the event have them.
    ``forced`` asks of a replay to count even what seems up to date. AWS's example events are read as such.
    """

    kind: Kind
    bucket: str
    key: str
    time: datetime
    sequencer: str
    version_id: str | None = None
    etag: str | None = None
    forced: bool = False

    @property
    def order(self) -> EventOrder:
        """Where the event stands among those of the object."""
        return EventOrder.of(self.sequencer, iso(self.time))

    @property
    def leaves_nothing(self) -> bool:
        """Whether the object is gone; the deletion of one version may leave or bring back another."""
        return self.kind is Kind.REMOVED and self.version_id is None


def object_events(event: Mapping[str, Any]) -> list[ObjectEvent]:
    """Return the events of an S3 notification, in its order.

    Raises:
        EventError: if it is not an S3 notification.
    """
    if event.get("Event") == "s3:TestEvent":
        return []
    try:
        found = [_object_event(record) for record in event["Records"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EventError(f"the event is not an S3 notification: {type(error).__name__} {error}") from None
    return [each for each in found if each is not None]


def is_folder(key: str, size: int | None) -> bool:
    """Say whether an object is a folder of S3's console: empty, its key ending in a slash."""
    return key.endswith("/") and size == 0


def _object_event(record: Mapping[str, Any]) -> ObjectEvent | None:
    name, s3 = record["eventName"].removeprefix("s3:"), record["s3"]
    thing = s3["object"]
    is_example = thing.get("sequencer") == EXAMPLE
    kind = Kind.REPLAYED if is_example else _kind(name)
    if is_folder(thing["key"], thing.get("size")):
        return None
    marker = name.endswith("DeleteMarkerCreated")
    return ObjectEvent(
        kind,
        bucket=s3["bucket"]["name"],
        key=unquote_plus(thing["key"]),
        time=_moment(record["eventTime"]),
        sequencer=str(thing.get("sequencer") or ""),
        version_id=None if marker else thing.get("versionId") or None,
        etag=thing.get("eTag") or None if kind is Kind.CREATED else None,
        forced=is_example or name == FORCED_REPLAY,
    )


def _kind(name: str) -> Kind:
    if name in {REPLAY, FORCED_REPLAY}:
        return Kind.REPLAYED
    return Kind.CREATED if name.startswith("ObjectCreated") else Kind.REMOVED


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def replay_record(bucket: str, key: str, time: datetime, *, forced: bool = False) -> dict[str, Any]:
    """Return the record of a notification that asks for an object to be looked at again."""
    return {
        "eventSource": "voucher-selector",
        "eventName": FORCED_REPLAY if forced else REPLAY,
        "eventTime": iso(time),
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
    }
