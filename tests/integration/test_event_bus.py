"""The events that tell what became of a source, and what happens if EventBridge does not take one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ingest import handler
from ingest.handler import IngestError
from tests.support.documents import text
from tests.support.sample_files import BROKEN, DIRTY, PERU, file_of

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

KEY = "vouchers/2026/a b.parquet"
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "PutEvents")
PAGE = text("docs/how-to/wait-for-a-file.md")


@dataclass
class FakeEventBridge:
    """Takes events, or fails once with each of ``failures``: an error, or the message of an entry."""

    failures: list[Exception | str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        if failure:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Any", "ErrorMessage": failure}]}
        self.taken += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.taken]


@pytest.fixture
def bridge(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> FakeEventBridge:
    assert harness
    fake = FakeEventBridge()
    monkeypatch.setenv("EVENT_BUS", "crm")
    monkeypatch.setattr(handler, "events_client", lambda: fake)
    return fake


def test_a_counted_file_is_told_with_its_rows(harness: StackHarness, bridge: FakeEventBridge) -> None:
    harness.ingest(harness.put(KEY, file_of(DIRTY), as_of="2018-08-05"))
    (entry,), state = bridge.taken, harness.source(KEY).state
    assert state
    assert (entry["EventBusName"], entry["Source"]) == ("crm", "voucher-selector")
    assert entry["DetailType"] == "Source Counted"
    assert json.loads(entry["Detail"]) == {
        "bucket": harness.uploads,
        "key": KEY,
        "status": "counted",
        "committed_at": state.committed_at,
        "uploaded_at": state.uploaded_at,
        "as_of": "2018-08-05T00:00:00.000000Z",
        "definitions": state.definitions,
        "version_id": state.version_id,
        "etag": state.etag,
        "rows": state.report["rows"],
        "counted": state.report["counted"],
        "rejected": state.report["rejected"],
        "error": None,
    }
    assert state.report["rejected"] > 0


def test_a_file_that_fails_and_one_that_goes_are_told(harness: StackHarness, bridge: FakeEventBridge) -> None:
    with pytest.raises(IngestError):
        harness.ingest(harness.put(KEY, BROKEN))
    harness.ingest(harness.delete(KEY))
    failed, deleted = bridge.details()
    assert (failed["status"], failed["rows"]) == ("failed", None)
    assert failed["error"].startswith(f"'{KEY}' was not counted: ")
    assert (deleted["status"], deleted["error"]) == ("deleted", None)
    assert [entry["DetailType"] for entry in bridge.taken] == ["Source Failed", "Source Deleted"]


def test_ignored_and_late_events_are_not_told(harness: StackHarness, bridge: FakeEventBridge) -> None:
    first, second = (harness.put(KEY, file_of(PERU)) for _ in range(2))
    harness.ingest(second, first, harness.put("vouchers/_SUCCESS", b""))
    assert [detail["key"] for detail in bridge.details()] == [KEY]


@pytest.mark.parametrize("failure", [DENIED, EndpointConnectionError(endpoint_url="https://e"), "too large"])
def test_an_event_that_is_not_taken_is_sent_by_the_next_attempt(
    harness: StackHarness, bridge: FakeEventBridge, failure: Exception | str
) -> None:
    bridge.failures.append(failure)
    record = harness.put(KEY, file_of(PERU))
    with pytest.raises(IngestError, match="is counted, but the event that says so was not sent to 'crm': "):
        harness.ingest(record)
    counted, state = harness.cells(), harness.source(KEY).state
    assert counted
    assert state
    assert harness.ingest(record) == ["duplicate"]
    assert harness.cells() == counted
    assert [detail["committed_at"] for detail in bridge.details()] == [state.committed_at]


def test_by_default_nobody_is_told(
    harness: StackHarness, bridge: FakeEventBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS", "")
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert bridge.taken == []


def test_the_guide_describes_every_field_of_an_event(harness: StackHarness, bridge: FakeEventBridge) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    [detail] = bridge.details()
    example = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    assert list(example["detail"]) == list(detail)
    assert [name for name in detail if f"`{name}`" not in PAGE] == []
