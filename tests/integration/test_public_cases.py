"""Events and files of other tools, each with its required result, from the folder VOUCHERS_CASES."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from ingest.handler import lambda_handler
from tests.support.stack_harness import lambda_context

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

FOLDER = Path(os.environ.get("VOUCHERS_CASES", "."))
EVENTS = json.loads((FOLDER / "cases.json").read_text())["events"] if "VOUCHERS_CASES" in os.environ else []


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
