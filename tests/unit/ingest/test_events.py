from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.events import EventError, Kind, object_events, replay_record
from vouchers.keys import is_upload

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD: dict[str, Any] = {
    "eventTime": "2026-11-22T12:00:00.123Z",
    "eventName": "ObjectCreated:Put",
    "s3": {
        "bucket": {"name": "uploads"},
        "object": {
            "key": "vouchers/a+b%2B%C3%BC.parquet",
            "sequencer": "0A",
            "versionId": "v1",
            "eTag": "e1",
        },
    },
}


def with_object(name: str, **thing: Any) -> dict[str, Any]:
    return RECORD | {"eventName": name, "s3": RECORD["s3"] | {"object": {"key": "k", **thing}}}


def test_an_event_names_its_object_as_it_is() -> None:
    (event,) = object_events({"Records": [RECORD]})
    assert event.key == "vouchers/a b+ü.parquet"
    assert (event.bucket, event.version_id, event.etag, event.kind) == ("uploads", "v1", "e1", Kind.CREATED)
    assert event.time == datetime(2026, 11, 22, 12, 0, 0, 123000, UTC)


@pytest.mark.parametrize(
    "name", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"]
)
def test_every_way_of_creating_is_a_creation(name: str) -> None:
    assert object_events({"Records": [with_object(name)]})[0].kind is Kind.CREATED


@pytest.mark.parametrize("field", ["versionId", "eTag"])
def test_a_deletion_names_no_version(field: str) -> None:
    (event,) = object_events({"Records": [with_object("ObjectRemoved:DeleteMarkerCreated", **{field: "x"})]})
    assert (event.kind, event.version_id, event.etag) == (Kind.REMOVED, None, None)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("ObjectRemoved:Delete", "v1"),
        ("LifecycleExpiration:Delete", None),
        ("LifecycleExpiration:Delete", "v1"),
        ("LifecycleExpiration:DeleteMarkerCreated", "marker"),
        ("s3:LifecycleExpiration:Delete", None),
        ("ObjectInventedTomorrow:Put", None),
    ],
)
def test_the_object_is_looked_at_again_if_it_may_still_exist(name: str, version: str | None) -> None:
    (event,) = object_events({"Records": [with_object(name, versionId=version)]})
    assert (event.kind, event.forced) == (Kind.REPLAYED, False)


@pytest.mark.parametrize(
    "name",
    [
        "IntelligentTiering",
        "LifecycleTransition",
        "ObjectAcl:Put",
        "ObjectRestore:Completed",
        "ObjectRestore:Delete",
        "ObjectRestore:Post",
        "ObjectTagging:Delete",
        "ObjectTagging:Put",
        "ReducedRedundancyLostObject",
        "Replication:OperationFailedReplication",
        "Replication:OperationNotTracked",
        "s3:Replication:OperationReplicatedAfterThreshold",
    ],
)
def test_an_event_that_keeps_the_content_changes_nothing(name: str) -> None:
    assert object_events({"Records": [with_object(name)]})[0].kind is Kind.UNCHANGED


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("0055", 0), ("0056", 0)),
        (("0055", 9), ("00551", 0)),
        (("0055AED6DCD90281E5", 1), ("0055aed6dcd90281e6", 0)),
        (("", 0), ("", 1)),
        (("AA", 0), ("AA", 1)),
        (("", 5), ("01", 0)),
    ],
)
def test_events_are_ordered_by_sequencer_and_then_by_time(
    earlier: tuple[str, int], later: tuple[str, int]
) -> None:
    first, second = (
        object_events(
            {
                "Records": [
                    with_object("ObjectCreated:Put", sequencer=s) | {"eventTime": f"2026-11-22T12:00:0{t}Z"}
                ]
            }
        )[0]
        for s, t in (earlier, later)
    )
    assert first.order < second.order


def test_an_event_without_a_sequencer_is_read() -> None:
    assert object_events({"Records": [with_object("ObjectCreated:Put")]})[0].sequencer == ""


def test_the_test_event_of_s3_speaks_of_no_object() -> None:
    assert object_events({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}) == []


def in_sns(text: str) -> dict[str, Any]:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": text}}]}


def in_sqs(text: str) -> dict[str, Any]:
    return {"Records": [{"messageId": "m1", "body": text, "eventSource": "aws:sqs"}]}


def in_topic(text: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": text})


WRAPPINGS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "sns": in_sns,
    "sqs": in_sqs,
    "sns in sqs": lambda text: in_sqs(in_topic(text)),
    "sns in sns in sqs": lambda text: in_sqs(in_topic(in_topic(text))),
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
@pytest.mark.parametrize("records", [0, 1, 3])
def test_a_wrapped_notification_is_the_notification(wrap: Callable[[str], Any], records: int) -> None:
    notification = {"Records": [RECORD] * records}
    assert object_events(wrap(json.dumps(notification))) == object_events(notification)


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_wrapped_test_message_has_no_events(wrap: Callable[[str], Any]) -> None:
    assert object_events(wrap('{"Service": "Amazon S3", "Event": "s3:TestEvent"}')) == []


def eventbridge(name: str, **detail: Any) -> dict[str, Any]:
    content = {"sequencer": "0A", "version-id": "v1", "etag": "e1", "size": 1}
    object_ = {"key": "vouchers/a b+ü.parquet", **content}
    detail = {"bucket": {"name": "uploads"}, "object": object_} | detail
    return {"source": "aws.s3", "detail-type": name, "time": "2026-11-22T12:00:00Z", "detail": detail}


@pytest.mark.parametrize("wrap", [lambda event: event, lambda event: in_sqs(json.dumps(event))])
def test_an_event_of_eventbridge_is_the_event_of_s3(wrap: Callable[[Any], Any]) -> None:
    (event,) = object_events(wrap(eventbridge("Object Created", reason="PutObject")))
    (same,) = object_events({"Records": [RECORD | {"eventTime": "2026-11-22T12:00:00Z"}]})
    assert event == same


EXPIRED, MARKER = {"reason": "Lifecycle Expiration"}, {"deletion-type": "Delete Marker Created"}


@pytest.mark.parametrize(
    ("name", "detail", "kind"),
    [
        ("Object Deleted", MARKER, Kind.REMOVED),
        ("Object Deleted", {"deletion-type": "Permanently Deleted"}, Kind.REPLAYED),
        ("Object Deleted", EXPIRED, Kind.REPLAYED),
        ("Object Deleted", EXPIRED | MARKER, Kind.REPLAYED),
        ("Object Restore Initiated", {}, Kind.UNCHANGED),
        ("Object Restore Completed", {}, Kind.UNCHANGED),
        ("Object Restore Expired", {}, Kind.UNCHANGED),
        ("Object Storage Class Changed", {}, Kind.UNCHANGED),
        ("Object Access Tier Changed", {}, Kind.UNCHANGED),
        ("Object ACL Updated", {}, Kind.UNCHANGED),
        ("Object Tags Added", {}, Kind.UNCHANGED),
        ("Object Tags Deleted", {}, Kind.UNCHANGED),
        ("Object Invented Tomorrow", {}, Kind.REPLAYED),
    ],
)
def test_each_event_of_eventbridge_has_its_kind(name: str, detail: dict[str, Any], kind: Kind) -> None:
    assert object_events(eventbridge(name, **detail))[0].kind is kind


@pytest.mark.parametrize(
    ("event", "arrived"),
    [
        ({}, "an event without fields;"),
        ({"Records": [{}]}, "an event without fields;"),
        ({"Records": None}, "an event with the fields 'Records';"),
        ({"Records": "x"}, "an event with the fields 'Records';"),
        ({"Records": [None]}, "the value 'None';"),
        ({"Records": [{**RECORD, "eventTime": "x"}]}, "a record 'ObjectCreated:Put' without"),
        ({"Records": [{**RECORD, "eventTime": None}]}, "a record 'ObjectCreated:Put' without"),
        ({"Records": [{**RECORD, "s3": {}}]}, "a record 'ObjectCreated:Put' without"),
        (
            {"Records": [{"eventSource": "aws:dynamodb", "eventName": "INSERT"}]},
            "a record of 'aws:dynamodb';",
        ),
        ({"source": "aws.ec2", "detail-type": "State-change"}, "an event 'State-change' of 'aws.ec2';"),
        ({"source": "aws.s3", "detail-type": "Object Created"}, "an event 'Object Created' of 'aws.s3';"),
        (in_sqs("hello"), "the text 'hello';"),
        (in_sqs("[" * 100_000), "the text '[[["),
        (in_sqs("7"), "the value '7';"),
        (in_sqs("[]"), "the value '[]';"),
        ({"key1": "v", "key2": 2, "key3": 3}, "an event with the fields 'key1', 'key2', 'key3';"),
    ],
)
def test_another_message_is_refused_in_one_sentence(event: dict[str, Any], arrived: str) -> None:
    with pytest.raises(EventError) as refused:
        object_events(event)
    sentence = str(refused.value)
    assert sentence.startswith(f"the event is not an S3 notification, but {arrived}")
    assert sentence.endswith("takes notifications of S3, sent directly or by SQS, SNS or EventBridge")


FIELDS = st.sampled_from(
    [
        "Records", "body", "Sns", "Message", "TopicArn", "source", "detail", "detail-type", "eventName",
        "eventTime", "s3", "bucket", "name", "object", "key", "Event", "eventSource",
    ]
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.just("aws.s3")


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner)))
def test_no_message_breaks_the_parser(message: Any) -> None:
    with suppress(EventError):
        object_events(message)


@pytest.mark.parametrize("forced", [False, True])
def test_a_replay_is_an_event_as_well(forced: bool) -> None:
    record = replay_record(
        "uploads", "vouchers/a b+ü.parquet", datetime(2026, 1, 1, tzinfo=UTC), forced=forced
    )
    (event,) = object_events({"Records": [record]})
    assert (event.kind, event.bucket, event.key) == (Kind.REPLAYED, "uploads", "vouchers/a b+ü.parquet")
    assert event.forced == forced


@pytest.mark.parametrize("name", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
def test_an_example_event_of_aws_asks_for_its_object_to_be_looked_at_again(name: str) -> None:
    record = with_object(name, sequencer="0A1B2C3D4E5F678901", eTag="0123456789abcdef0123456789abcdef")
    (event,) = object_events({"Records": [record | {"eventTime": "1970-01-01T00:00:00.000Z"}]})
    assert (event.kind, event.forced, event.etag) == (Kind.REPLAYED, True, None)


@pytest.mark.parametrize(
    ("name", "is_marker"),
    [
        ("_SUCCESS", True),
        (".part-0.parquet.crc", True),
        ("2018_$folder$", True),
        ("2018/_temporary/0/part-0.parquet", True),
        ("2018/.hidden/part-0.parquet", True),
        ("2018.parquet", False),
        ("_day=1/part-0.parquet", False),
        ("a_b/c.d/part-0.parquet", False),
        ("2018/", False),
    ],
)
def test_markers_and_temporary_files_are_no_uploads(name: str, is_marker: bool) -> None:
    assert is_upload(f"vouchers/{name}") == (not is_marker)


def test_only_keys_under_the_prefix_are_uploads() -> None:
    assert not is_upload("datasets/2018/a.parquet")
    assert not is_upload("vouchers")
