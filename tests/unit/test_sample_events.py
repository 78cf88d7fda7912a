"""The events for `sam local invoke` are what S3 and API Gateway send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.cli.stack import REFERENCE
from ingest.events import Kind, object_events

EVENTS = Path("infra/events")


def sample(name: str) -> Any:
    return json.loads((EVENTS / name).read_text())


def test_the_put_event_creates_what_the_delete_event_removes_later() -> None:
    (put,), (delete,) = object_events(sample("put.json")), object_events(sample("delete.json"))
    assert (put.kind, delete.kind) == (Kind.CREATED, Kind.REMOVED)
    assert (put.bucket, put.key) == (delete.bucket, delete.key)
    assert put.order < delete.order


def test_the_api_event_is_the_reference_request() -> None:
    event = sample("voucher_amount.json")
    assert (event["httpMethod"], event["path"]) == ("GET", "/voucher_amount")
    assert json.loads(event["body"]) == REFERENCE
