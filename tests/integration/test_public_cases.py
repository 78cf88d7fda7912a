"""Events and files of other tools, each with its required result, from the folder VOUCHERS_CASES."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from ingest.handler import IngestError, lambda_handler
from tests.support.stack_harness import lambda_context
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.timestamps import parse_timestamp

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

FOLDER = Path(os.environ.get("VOUCHERS_CASES", "."))
LISTED = json.loads((FOLDER / "cases.json").read_text()) if "VOUCHERS_CASES" in os.environ else {}
EVENTS = LISTED.get("events", [])
FILES = [case for case in LISTED.get("cases", []) if "wide" not in case]
"""The wide case has a commit that is too large for moto; ``test_refusals.py`` tests its kind."""
REQUESTS = [request for case in FILES for request in case.get("requests", [])]
SAME_DAY = "2018-05-03 00:00:00"
"""The day that each accepted time of a request names."""


def filled(name: str, key: str, bucket: str) -> dict[str, Any]:
    """Return a sample event for an object of the bucket."""
    text = (FOLDER / name).read_text()
    for placeholder, value in (("BUCKET", bucket), ("KEY", key), ("TIME", "2020-06-02T00:00:00.000Z")):
        text = text.replace(placeholder, value)
    event: dict[str, Any] = json.loads(text)
    return event


def counts(harness: StackHarness, countries: set[str]) -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """Return the counts of countries by segment, range and amount."""
    found: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for (country, cell), counters in harness.cells().items():
        if "#" in cell[1:] and country in countries:
            segment, range_ = cell.split("#")
            found.setdefault(country, {}).setdefault(segment, {})[range_] = counters
    return found


def put_and_ingest(harness: StackHarness, key: str, case: dict[str, Any], metadata: dict[str, str]) -> None:
    """Upload a file of a case, ingest it, and check its outcome."""
    failed = case["outcome"] == "failed"
    record = harness.put(key, (FOLDER / case["file"]).read_bytes(), **metadata)
    with pytest.raises(IngestError) if failed else nullcontext() as error:
        outcomes = harness.ingest(record)
    if failed:
        assert error is not None
        assert all(name in str(error.value) for name in case.get("error_names", ()))
    elif case["outcome"] == "counted" or "before" not in case:
        assert outcomes == [case["outcome"]]


@pytest.mark.parametrize("case", FILES, ids=lambda case: case["case"])
def test_a_file_has_the_required_result(harness: StackHarness, case: dict[str, Any]) -> None:
    if "before" in case:
        put_and_ingest(harness, case["key"], case["before"], case["metadata"])
    put_and_ingest(harness, case["key"], case, case["metadata"])
    names = set(case["counts"])
    required = {name.casefold(): segments for name, segments in case["counts"].items()}
    assert counts(harness, {*required, case.get("not_counted", "").casefold()}) == required
    state = harness.source(case["key"]).state
    if case["outcome"] == "counted":
        assert state is not None
        assert state.report["rows"] == case["rows"]
        assert state.report["rejected_by_reason"] == case["rejected_by_reason"]
    table = SegmentsTable(harness.dynamodb, harness.segments)
    assert {found.name for name in names if (found := table.country(name))} == names
    for spelling, name in case.get("also_asked_as", {}).items():
        found = table.country(spelling)
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request["last_order_ts"])
def test_a_time_in_a_request_has_the_required_status(request_: dict[str, Any]) -> None:
    if request_["status"] == HTTPStatus.OK:
        assert parse_timestamp(request_["last_order_ts"]).date() == parse_timestamp(SAME_DAY).date()
    else:
        with pytest.raises(ValueError, match="not a timestamp"):
            parse_timestamp(request_["last_order_ts"])


@pytest.mark.parametrize("case", EVENTS, ids=lambda case: Path(case["event"]).stem)
def test_an_event_has_the_required_result(harness: StackHarness, case: dict[str, Any]) -> None:
    key = case["key"]
    written = quote_plus(key) if case["key_written"] == "quoted" else key
    harness.put(key, (FOLDER / case["file"]).read_bytes(), **case["metadata"])
    if case["first"] != "uploaded":
        lambda_handler(filled("events/direct.json", quote_plus(key), harness.uploads), lambda_context())
    if case["first"] == "counted, deleted":
        harness.delete(key)
    lambda_handler(filled(case["event"], written, harness.uploads), lambda_context())
    required = {country.casefold(): segments for country, segments in case["counts"].items()}
    assert counts(harness, set(required)) == (required if case["then"] == "counted" else {})
