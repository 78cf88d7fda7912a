"""S3 event → what happened to which object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from vouchers.sources import EventOrder, iso

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventError(Exception):
    """An event that is not one of S3's; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """Something that happened to an object.

    ``removed`` says that the object, or a version of it, was deleted; ``version_id`` and ``etag`` name what
    the event speaks of, where the bucket and the event have them.
    """

    bucket: str
    key: str
    time: datetime
    sequencer: str
    removed: bool
    version_id: str | None
    etag: str | None

    @property
    def order(self) -> EventOrder:
        """Where the event stands among those of the object."""
        return EventOrder.of(self.sequencer, iso(self.time))

    @property
    def removes_one_version(self) -> bool:
        """Whether a version was deleted for good, which may leave or bring back another."""
        return self.removed and self.version_id is not None


def object_events(event: Mapping[str, Any]) -> list[ObjectEvent]:
    """Return the events of an S3 notification, in its order.

    Raises:
        EventError: if it is not an S3 notification.
    """
    if event.get("Event") == "s3:TestEvent":
        return []
    try:
        return [_object_event(record) for record in event["Records"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EventError(f"the event is not an S3 notification: {type(error).__name__} {error}") from None


def _object_event(record: Mapping[str, Any]) -> ObjectEvent:
    name, s3 = record["eventName"], record["s3"]
    thing = s3["object"]
    removed = not name.removeprefix("s3:").startswith("ObjectCreated")
    marker = name.endswith("DeleteMarkerCreated")
    return ObjectEvent(
        bucket=s3["bucket"]["name"],
        key=unquote_plus(thing["key"]),
        time=_moment(record["eventTime"]),
        sequencer=str(thing.get("sequencer") or ""),
        removed=removed,
        version_id=None if marker else thing.get("versionId") or None,
        etag=None if removed else thing.get("eTag") or None,
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
