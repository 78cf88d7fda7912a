"""Parse S3 notifications into events of objects."""

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
"""Event names of this product, beside those of S3."""

EXAMPLE_SEQUENCER = "0A1B2C3D4E5F678901"
"""The sequencer in AWS's example events: `sam local generate-event s3`, test events of Lambda's console.

It is later than any sequencer of S3, and the ETag beside it is invented. Read literally, such an event would
name a version that never existed, or make each real event of the object late. It is read as a forced replay.
"""


class EventError(Exception):
    """An event that is not an S3 notification; the message says what is missing."""


class Kind(StrEnum):
    """Whether an object was created, it or a version of it was removed, or it is to be looked at again."""

    CREATED = "created"
    REMOVED = "removed"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """An event of an object.

    Attributes:
        kind: what happened.
        bucket: the name of the bucket.
        key: of the object, decoded.
        time: of the event.
        sequencer: S3's; empty if there is none.
        version_id: of the version that the event names, in a versioned bucket.
        etag: of the version that a creation names.
        forced: whether a replay counts even what is up to date.
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
        """The position among the events of the object."""
        return EventOrder.of(self.sequencer, iso(self.time))

    @property
    def leaves_nothing(self) -> bool:
        """Whether the object is gone. The deletion of one version may leave or restore another version."""
        return self.kind is Kind.REMOVED and self.version_id is None


def object_events(event: Mapping[str, Any]) -> list[ObjectEvent]:
    """Return the events of an S3 notification, in its order, without those of S3 console's folders.

    Raises:
        EventError: if it is not an S3 notification.
    """
    if event.get("Event") == "s3:TestEvent":
        return []
    try:
        events = [parse_record(record) for record in event["Records"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EventError(f"the event is not an S3 notification: {type(error).__name__} {error}") from None
    return [event for event in events if event]


def parse_record(record: Mapping[str, Any]) -> ObjectEvent | None:
    """Return the event of one record of a notification; None for a folder of S3's console."""
    name, object_ = record["eventName"].removeprefix("s3:"), record["s3"]["object"]
    is_example = object_.get("sequencer") == EXAMPLE_SEQUENCER
    kind = Kind.CREATED if name.startswith("ObjectCreated") else Kind.REMOVED
    if is_example or name in {REPLAY, FORCED_REPLAY}:
        kind = Kind.REPLAYED
    time = datetime.fromisoformat(record["eventTime"])
    event = ObjectEvent(
        kind,
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(object_["key"]),
        time=time if time.tzinfo else time.replace(tzinfo=UTC),
        sequencer=str(object_.get("sequencer") or ""),
        # The version of a delete marker is the marker itself, which hides all other versions.
        version_id=None if name.endswith("DeleteMarkerCreated") else object_.get("versionId") or None,
        etag=object_.get("eTag") or None if kind is Kind.CREATED else None,
        forced=is_example or name == FORCED_REPLAY,
    )
    return None if is_folder(object_["key"], object_.get("size")) else event


def is_folder(key: str, size: int | None) -> bool:
    """Return whether an object is a folder of S3's console: it is empty, and its key ends in a slash."""
    return key.endswith("/") and size == 0


def replay_record(bucket: str, key: str, time: datetime, *, forced: bool = False) -> dict[str, Any]:
    """Return the record of a notification that asks to look at an object again."""
    return {
        "eventSource": "voucher-selector",
        "eventName": FORCED_REPLAY if forced else REPLAY,
        "eventTime": iso(time),
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}},
    }
