"""Parse messages about S3 objects into events, however the messages were delivered."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from vouchers.dynamodb.sources_table import EventOrder
from vouchers.text import list_names, truncate
from vouchers.timestamps import iso

REPLAY, FORCED_REPLAY = "ObjectReplayed", "ObjectReplayed:Forced"
"""Event names of this product, beside those of S3."""

EXPECTED = "notifications of S3, sent directly or by SQS, SNS or EventBridge"

EXAMPLE_SEQUENCER = "0A1B2C3D4E5F678901"
"""The sequencer in AWS's example events: `sam local generate-event s3`, test events of Lambda's console.

It is later than any sequencer of S3, and the ETag beside it is invented. Read literally, such an event would
name a version that never existed, or make each real event of the object late. It is read as a forced replay.
"""


class EventError(Exception):
    """A message that is not about objects of S3; the text says what arrived and what is expected."""


class Kind(StrEnum):
    """What happened to an object: created, removed, unchanged, or it is to be looked at again."""

    CREATED = "created"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    REPLAYED = "replayed"


KINDS = {
    "IntelligentTiering": Kind.UNCHANGED,
    "LifecycleTransition": Kind.UNCHANGED,
    "ObjectAcl": Kind.UNCHANGED,
    "ObjectCreated": Kind.CREATED,
    "ObjectRemoved": Kind.REMOVED,
    "ObjectRestore": Kind.UNCHANGED,
    "ObjectTagging": Kind.UNCHANGED,
    "ReducedRedundancyLostObject": Kind.UNCHANGED,
    "Replication": Kind.UNCHANGED,
}
"""Kinds by the first part of S3's event names.

All other events are replays: a look at the object is right whatever happened. ``LifecycleExpiration`` is one
of them, because S3 sends ``LifecycleExpiration:Delete`` for old versions too, possibly without a version id.
"""

EVENTBRIDGE_NAMES = {
    "Object ACL Updated": "ObjectAcl:Put",
    "Object Access Tier Changed": "IntelligentTiering",
    "Object Created": "ObjectCreated",
    "Object Deleted": "ObjectRemoved:Delete",
    "Object Restore Completed": "ObjectRestore:Completed",
    "Object Restore Expired": "ObjectRestore:Delete",
    "Object Restore Initiated": "ObjectRestore:Post",
    "Object Storage Class Changed": "LifecycleTransition",
    "Object Tags Added": "ObjectTagging:Put",
    "Object Tags Deleted": "ObjectTagging:Delete",
}
"""S3's event names by the detail types of EventBridge."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """An event of an object.

    Attributes:
        kind: what happened.
        bucket: the name of the bucket.
        key: of the object, decoded.
        time: of the event.
        sequencer: S3's; empty if there is none.
        version_id: of the version that a creation names, in a versioned bucket.
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


def split_messages(event: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    """Return the messages of an invocation by the ids that SQS gave them; the id is None if SQS gave none."""
    match event:
        case {"Records": [{"eventSource": "aws:sqs"}, *_]}:
            return {record["messageId"]: record for record in event["Records"]}
    return {None: event}


def object_events(message: Mapping[str, Any] | str) -> list[ObjectEvent]:
    """Return the events in a message, in its order; none if it is S3's test message.

    Args:
        message: an S3 notification, an event of EventBridge, either of them in an envelope of SQS or SNS, or
            any of these as JSON text.

    Raises:
        EventError: if it is none of them.
    """
    match message:
        case str():
            try:
                return object_events(json.loads(message))
            except (ValueError, RecursionError):
                raise EventError(describe_unknown(message)) from None
        case {"Event": "s3:TestEvent"}:
            return []
        case {"Records": [*records]}:
            return [event for record in records for event in object_events(record)]
        case {"body": str(text)} | {"Sns": {"Message": str(text)}} | {"TopicArn": _, "Message": str(text)}:
            return object_events(text)
        case {"source": "aws.s3", "detail-type": str(), "detail": {"bucket": _, "object": {"key": str()}}}:
            return object_events(from_eventbridge(message))
        case {"eventName": str(), "s3": {"bucket": {"name": str()}, "object": {"key": str()}}}:
            with suppress(KeyError, TypeError, ValueError):
                return [parse_record(message)]
    raise EventError(describe_unknown(message))


def from_eventbridge(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an S3 notification that says the same as an event of EventBridge."""
    detail = event["detail"]
    name = EVENTBRIDGE_NAMES.get(event["detail-type"], event["detail-type"])
    if detail.get("reason") == "Lifecycle Expiration":
        name = "LifecycleExpiration"
    elif detail.get("deletion-type") == "Delete Marker Created":
        name = "ObjectRemoved:DeleteMarkerCreated"
    object_ = detail["object"]
    # EventBridge writes the key plain.
    renamed = {"versionId": object_.get("version-id"), "eTag": object_.get("etag")}
    renamed["key"] = quote_plus(object_["key"])
    s3 = {"bucket": detail["bucket"], "object": object_ | renamed}
    return {"eventName": name, "eventTime": event.get("time"), "s3": s3}


def parse_record(record: Mapping[str, Any]) -> ObjectEvent:
    """Return the event of one record of an S3 notification.

    Raises:
        KeyError, TypeError, ValueError: if it has no valid time.
    """
    name, object_ = record["eventName"].removeprefix("s3:"), record["s3"]["object"]
    is_example = object_.get("sequencer") == EXAMPLE_SEQUENCER
    kind = KINDS.get(name.split(":")[0], Kind.REPLAYED)
    # A delete marker hides all versions. The deletion of one version may leave or restore another.
    if is_example or (name == "ObjectRemoved:Delete" and object_.get("versionId")):
        kind = Kind.REPLAYED
    time = datetime.fromisoformat(record["eventTime"])
    return ObjectEvent(
        kind,
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(object_["key"]),
        time=time if time.tzinfo else time.replace(tzinfo=UTC),
        sequencer=str(object_.get("sequencer") or ""),
        version_id=object_.get("versionId") or None if kind is Kind.CREATED else None,
        etag=object_.get("eTag") or None if kind is Kind.CREATED else None,
        forced=is_example or name == FORCED_REPLAY,
    )


def describe_unknown(message: object) -> str:
    """Return a sentence on a message that is not about objects of S3."""
    match message:
        case str():
            arrived = f"the text {quoted(message)}"
        case {"detail-type": name, "source": source}:
            arrived = f"an event {quoted(name)} of {quoted(source)}"
        case {"eventSource": source} | {"EventSource": source} if source != "aws:s3":
            arrived = f"a record of {quoted(source)}"
        case {"eventName": name}:
            arrived = f"a record {quoted(name)} without a bucket, a key or a valid time"
        case dict() if message:
            arrived = f"an event with the fields {list_names(sorted(map(str, message)), 5, quoted)}"
        case dict():
            arrived = "an event without fields"
        case _:
            arrived = f"the value {quoted(message)}"
    return f"the event is not an S3 notification, but {arrived}; the function takes {EXPECTED}"


def quoted(value: object) -> str:
    """Return a value as a sentence can quote it."""
    return f"'{truncate(str(value))}'"


def is_folder(key: str, size: int) -> bool:
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
