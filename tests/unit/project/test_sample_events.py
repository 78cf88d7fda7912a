"""The events for `sam local invoke` are what S3 and API Gateway send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.events import Kind, object_events
from voucher_selector.cli.stack import REFERENCE

EVENTS = Path("infra/events")


def sample(name: str) -> Any:
    return json.loads((EVENTS / name).read_text())


@pytest.mark.parametrize("name", ["put.json", "delete.json"])
def test_the_events_of_s3_are_examples_for_the_sample_on_this_machine(name: str) -> None:
    (event,) = object_events(sample(name))
    assert (event.kind, event.forced) == (Kind.REPLAYED, True)
    assert event.bucket == "voucher-selector-uploads-000000000000-us-east-1"
    assert event.key == "vouchers/sample.parquet"


def test_the_api_event_is_the_reference_request() -> None:
    event = sample("voucher_amount.json")
    assert (event["httpMethod"], event["path"]) == ("GET", "/voucher_amount")
    assert json.loads(event["body"]) == REFERENCE
