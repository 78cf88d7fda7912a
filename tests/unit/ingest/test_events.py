from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.events import EventError, Kind, object_events, replay_record

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


def test_a_delete_marker_removes_the_object_and_a_deleted_version_only_itself() -> None:
    marker, version, plain, expired = object_events(
        {
            "Records": [
                with_object("ObjectRemoved:DeleteMarkerCreated", versionId="marker"),
                with_object("ObjectRemoved:Delete", versionId="v1"),
                with_object("ObjectRemoved:Delete"),
                with_object("LifecycleExpiration:DeleteMarkerCreated", versionId="marker"),
            ]
        }
    )
    assert {event.kind for event in (marker, version, plain, expired)} == {Kind.REMOVED}
    assert [event.leaves_nothing for event in (marker, version, plain, expired)] == [
        True,
        False,
        True,
        True,
    ]


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


def test_a_folder_made_in_the_console_is_no_object() -> None:
    assert (
        object_events({"Records": [with_object("ObjectCreated:Put") | {"s3": folder("vouchers/2018/")}]})
        == []
    )


def folder(key: str) -> dict[str, Any]:
    return {"bucket": {"name": "uploads"}, "object": {"key": key, "size": 0}}


def test_the_test_event_of_s3_speaks_of_no_object() -> None:
    assert object_events({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}) == []


@pytest.mark.parametrize(
    "event", [{}, {"Records": [{}]}, {"Records": None}, {"Records": [{**RECORD, "eventTime": "x"}]}]
)
def test_what_is_no_s3_notification_is_refused_in_one_sentence(event: dict[str, Any]) -> None:
    with pytest.raises(EventError, match="the event is not an S3 notification"):
        object_events(event)


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


def test_a_file_whose_key_ends_in_a_slash_is_an_object() -> None:
    thing = with_object("ObjectCreated:Put") | {"s3": folder("vouchers/2018/")}
    thing["s3"]["object"]["size"] = 9
    assert [event.key for event in object_events({"Records": [thing]})] == ["vouchers/2018/"]
