"""What events of S3 do to the counts, however they arrive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ingest import handler
from ingest.handler import IngestError, lambda_handler
from tests.support.sample_files import PERU, expected, file_of
from tests.support.stack_harness import lambda_context
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

KEY = "vouchers/2018 ü+.parquet"
ONE = PERU[:1]


def without(record: dict[str, Any], *fields: str) -> dict[str, Any]:
    """Return a record without fields of its object, such as the sequencer."""
    kept = {name: value for name, value in record["s3"]["object"].items() if name not in fields}
    return record | {"s3": record["s3"] | {"object": kept}}


@pytest.mark.parametrize("fields", [(), ("versionId",), ("sequencer",), ("versionId", "sequencer")])
@pytest.mark.parametrize("name", ["LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated"])
def test_an_expiration_keeps_an_object_that_is_still_there(
    harness: StackHarness, name: str, fields: tuple[str, ...]
) -> None:
    old, new = harness.put(KEY, file_of(ONE)), harness.put(KEY, file_of(PERU))
    harness.ingest(old, new)
    expired = harness.record(name, KEY, {"VersionId": old["s3"]["object"]["versionId"]})
    harness.s3.delete_object(Bucket=harness.uploads, Key=KEY, VersionId=old["s3"]["object"]["versionId"])
    assert harness.ingest(without(expired, *fields)) == ["duplicate"]
    assert harness.cells() == expected([PERU])


@pytest.mark.parametrize("fields", [(), ("versionId",), ("sequencer",), ("versionId", "sequencer")])
@pytest.mark.parametrize("name", ["LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated"])
def test_an_expiration_subtracts_an_object_that_is_gone(
    harness: StackHarness, name: str, fields: tuple[str, ...]
) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    deleted = harness.delete(KEY) | {"eventName": name}
    assert harness.ingest(without(deleted, *fields)) == ["deleted"]
    assert harness.cells() == {}


def test_a_late_event_of_a_removed_delete_marker_deletes_nothing(
    harness: StackHarness,
) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    marked = harness.delete(KEY)
    restored = harness.delete_version(KEY, marked["s3"]["object"]["versionId"])
    assert harness.ingest(restored, marked) == ["duplicate", "superseded"]
    assert harness.cells() == expected([PERU])


@pytest.mark.parametrize(
    "name",
    [
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "ObjectRestore:Completed",
        "LifecycleTransition",
        "IntelligentTiering",
    ],
)
def test_an_event_that_keeps_the_content_is_ignored(harness: StackHarness, name: str) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    before = harness.source(KEY)
    assert harness.ingest(without(harness.record(name, KEY), "versionId")) == ["ignored"]
    assert (harness.cells(), harness.source(KEY)) == (expected([PERU]), before)


@pytest.mark.parametrize(
    "key", ["vouchers/_SUCCESS", "vouchers/2018/.a.parquet.crc", "vouchers/2018/", "other/a"]
)
def test_an_object_that_is_no_upload_is_ignored(harness: StackHarness, key: str) -> None:
    assert harness.ingest(harness.put(key, b"")) == ["ignored"]
    assert harness.ingest(harness.delete(key)) in (["ignored"], ["deleted"])
    assert harness.cells() == {}


def test_a_key_that_ends_in_a_slash_follows_its_content(harness: StackHarness) -> None:
    key = "vouchers/2018/"
    assert harness.ingest(harness.put(key, file_of(PERU))) == ["counted"]
    assert harness.cells() == expected([PERU])
    assert harness.ingest(harness.put(key, b"")) == ["deleted"]
    assert harness.cells() == {}
    assert harness.ingest(harness.put(key, b"")) == ["ignored"]
    assert harness.ingest(harness.put(key, file_of(ONE))) == ["counted"]
    assert harness.ingest(harness.delete(key)) == ["deleted"]
    assert harness.cells() == {}


def queue(*bodies: Any) -> dict[str, Any]:
    """Return the messages of a queue as Lambda hands them over; their ids are their positions."""
    return {
        "Records": [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def test_a_queue_gets_back_only_the_messages_that_failed(harness: StackHarness) -> None:
    good = {"Records": [harness.put(KEY, file_of(PERU))]}
    bad = {
        "Records": [
            harness.put("vouchers/bad.parquet", b"PAR1"),
            harness.put("vouchers/b.parquet", file_of(ONE)),
        ]
    }
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    answer = lambda_handler(queue(good, bad, test, {"no": "notification"}), lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]}
    assert harness.cells() == expected([PERU, ONE])


def test_a_queue_whose_messages_are_all_counted_gets_none_back(harness: StackHarness) -> None:
    messages = queue({"Records": [harness.put(KEY, file_of(PERU))]}, {"Event": "s3:TestEvent"})
    assert lambda_handler(messages, lambda_context()) == {"batchItemFailures": []}


def test_a_batch_of_which_every_message_fails_is_an_error(harness: StackHarness) -> None:
    """A mapping without partial responses would otherwise delete the messages."""
    bad = harness.put("vouchers/bad.parquet", b"PAR1")
    with pytest.raises(
        IngestError, match=r"'vouchers/bad\.parquet' was not counted.*; the event is not an S3"
    ):
        lambda_handler(queue({"Records": [bad]}, {"no": "notification"}), lambda_context())


def test_an_event_of_another_bucket_is_refused(harness: StackHarness) -> None:
    record = harness.put(KEY, file_of(PERU))
    record = record | {"s3": record["s3"] | {"bucket": {"name": "another"}}}
    with pytest.raises(
        IngestError,
        match=r"^the event is of the bucket 'another'; this function counts the objects of 'uploads'$",
    ):
        harness.ingest(record)
    assert harness.cells() == {}
    assert harness.source(KEY).state is None


@pytest.fixture
def refused_calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Codes with which S3 refuses calls of the ingest function, by operation."""
    codes: dict[str, str] = {}
    client = handler.s3_client()
    real = vars(BaseClient)["_make_api_call"]

    def call(operation: str, arguments: Any) -> Any:
        if operation in codes:
            raise ClientError({"Error": {"Code": codes[operation], "Message": "refused"}}, operation)
        return real(client, operation, arguments)

    monkeypatch.setattr(client, "_make_api_call", call)
    return codes


@pytest.mark.parametrize(
    ("operation", "code", "sentence"),
    [
        ("GetObject", "InvalidObjectState", "it is archived; restore it in S3"),
        ("GetObject", "AccessDenied", "S3 denies access to it; allow the role"),
        ("GetObject", "InvalidRequest", "uploaded with a key of its own"),
        ("GetObject", "KMS.DisabledException", "its KMS key cannot be used; "),
        ("HeadObject", "400", "uploaded with a key of its own"),
        ("HeadObject", "403", "S3 denies access to it; allow the role"),
    ],
)
def test_an_object_that_cannot_be_read_fails_with_advice_and_counts_later(
    harness: StackHarness, refused_calls: dict[str, str], operation: str, code: str, sentence: str
) -> None:
    harness.ingest(harness.put(KEY, file_of(ONE)))
    refused_calls[operation] = code
    record = harness.put(KEY, file_of(PERU))
    for _ in range(2):
        with pytest.raises(IngestError, match=f"'{KEY.replace('+', '[+]')}' was not counted: .*{sentence}"):
            harness.ingest(record)
    state = harness.source(KEY).state
    assert state is not None
    assert state.status is Status.FAILED
    assert harness.cells() == {}
    refused_calls.clear()
    assert harness.ingest(harness.replay(KEY)) == ["counted"]
    assert harness.cells() == expected([PERU])


@pytest.mark.parametrize(("listing", "outcome"), [(None, "deleted"), ("AccessDenied", "failed")])
def test_an_absent_object_is_deleted_even_if_s3_denies_access_to_it(
    harness: StackHarness, refused_calls: dict[str, str], listing: str | None, outcome: str
) -> None:
    for key in (KEY, f"{KEY}.2"):
        harness.ingest(harness.put(key, file_of(ONE)))
    record = harness.delete(KEY)
    refused_calls["HeadObject"] = "403"
    if listing:
        refused_calls["ListObjectsV2"] = listing
    if outcome == "failed":
        with pytest.raises(IngestError, match="S3 denies access to it"):
            harness.ingest(record)
    else:
        assert harness.ingest(record) == ["deleted"]
        assert harness.cells() == expected([ONE])
    state = harness.source(KEY).state
    assert state is not None
    assert state.status == outcome


def test_uploads_can_have_another_prefix(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOADS_PREFIX", "crm/uses/")
    names = ("crm/uses/_a/b.parquet", "vouchers/a.parquet", "crm/other.parquet", "crm/uses/a.parquet")
    outcomes = [harness.ingest(harness.put(name, file_of(ONE))) for name in names]
    assert outcomes == [["ignored"], ["ignored"], ["ignored"], ["counted"]]
    assert harness.cells() == expected([ONE])
    harness.put("crm/uses/t/_delta_log/00000000000000000000.json", b"{}")
    with pytest.raises(IngestError, match="it has rows of the Delta Lake table 'crm/uses/t/'"):
        harness.ingest(harness.put("crm/uses/t/part-0.parquet", file_of(ONE)))
