"""A change of the segment definitions, from the file to the responses: tenure, and ranges of a country."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from api import dependencies
from api.cached_table import TTLCache
from api.routes import counts, segments, selections, vouchers
from ingest import handler
from ingest.handler import IngestError
from tests.support.api_gateway import call, rest_event
from tests.support.stack_harness import parquet
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stack_harness import StackHarness

KEY = "vouchers/a.parquet"
CHANGED = """
[tenure_segment]
attribute = "days_since_first_order"
ranges = [[0, 364], [365, 99999999]]

[tenure_segment.countries]
Peru = [[0, 99], [100, 199]]
"""
ROWS = {
    "country_code": ["Peru", "PERU", "Chile", "Peru", "Peru", "Peru"],
    "last_order_ts": ["2026-10-01"] * 6,
    "first_order_ts": ["2026-10-01", "2026-06-01", "2024-01-01", "2020-01-01", "x", None],
    "total_orders": ["3"] * 6,
    "voucher_amount": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
}


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(CHANGED)
    monkeypatch.setattr(handler, "load_definitions", partial(load_definitions, file))
    for route in (counts, segments, selections, vouchers):
        monkeypatch.setattr(route, "load_definitions", partial(load_definitions, file))


@pytest.fixture
def _asked(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    table = SegmentsTable(handler.dynamodb_client(), harness.segments)
    monkeypatch.setattr(dependencies, "segments_table", lambda: table)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: TTLCache(0))


def ask(**customer: object) -> Any:
    body = json.dumps({"customers": [customer], "as_of": "2026-11-01"})
    (selection,) = call(rest_event("POST", "/v1/selections", body=body)).json["selections"]
    return selection.get("voucher_amount", selection.get("error", {}).get("detail"))


@pytest.mark.usefixtures("changed")
def test_tenure_uses_the_countrys_ranges_and_rejects_unreadable_dates(
    harness: StackHarness,
) -> None:
    harness.ingest(harness.put(KEY, parquet(pa.table(ROWS)), **{"as-of": "2026-11-01"}))
    cells = {cell: counters for cell, counters in harness.cells().items() if cell[1] != "#spellings"}
    assert cells == {
        ("peru", "tenure_segment#0-99"): {"1": 1},
        ("peru", "tenure_segment#100-199"): {"2": 1},
        ("chile", "tenure_segment#365-99999999"): {"3": 1},
    }
    state = harness.source(KEY).state
    assert state is not None
    assert state.report is not None
    assert state.report["rejected_by_reason"] == {"first_order_ts_not_a_date": 1}
    assert state.report["segments"] == {"tenure_segment": {"counted": 5, "unsegmented": 2}}
    rejected, _ = harness.result_keys()
    assert [row["first_order_ts"] for row in harness.result_rows(rejected)] == ["x"]


@pytest.mark.usefixtures("changed")
def test_a_file_without_first_orders_fails_only_if_a_segment_uses_tenure(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = parquet(pa.table({name: content for name, content in ROWS.items() if name != "first_order_ts"}))
    with pytest.raises(IngestError, match="it has no column 'first_order_ts'"):
        harness.ingest(harness.put(KEY, lacking))
    monkeypatch.setattr(handler, "load_definitions", load_definitions)
    assert harness.ingest(harness.put(KEY, lacking)) == ["counted"]


@pytest.mark.usefixtures("_asked")
def test_a_replay_gives_the_answers_of_the_new_definitions(
    harness: StackHarness, request: pytest.FixtureRequest
) -> None:
    harness.ingest(harness.put(KEY, parquet(pa.table(ROWS)), **{"as-of": "2026-11-01"}))
    request.getfixturevalue("changed")
    assert harness.ingest(harness.replay(KEY)) == ["counted"]
    tenure = {"segment_name": "tenure_segment", "first_order_ts": "2026-10-31"}
    assert ask(country_code="peru", **tenure) == [1.0]
    assert ask(country_code="Chile", **tenure) == []
    assert ask(country_code="Chile", **tenure | {"first_order_ts": "2024-01-01"}) == [3.0]
    missing = ask(country_code="Peru", segment_name="tenure_segment")
    assert missing.startswith("first_order_ts is missing: tenure_segment requires it; give a date")
    later = ask(country_code="Peru", **tenure | {"first_order_ts": "2026-11-02"})
    assert later == "first_order_ts is later than the as-of date; give the time of a past order"


@pytest.mark.usefixtures("changed", "_asked")
def test_segments_and_counts_show_a_countrys_own_ranges(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, parquet(pa.table(ROWS)), **{"as-of": "2026-11-01"}))
    (everywhere,) = call(rest_event(path="/v1/segments")).json["segments"]
    assert [(r["min_range"], r["max_range"], r["sample_size"]) for r in everywhere["ranges"]] == [
        (0, 99, 1),
        (0, 364, 0),
        (100, 199, 1),
        (365, 99999999, 1),
    ]
    assert everywhere["countries"] == {
        "peru": [{"min_range": 0, "max_range": 99}, {"min_range": 100, "max_range": 199}]
    }
    (peru,) = call(rest_event(path="/v1/segments", query={"country": "Peru"})).json["segments"]
    assert [r["max_range"] for r in peru["ranges"]] == [99, 199]
    counts = call(rest_event(path="/v1/counts", query={"country": "PERU"})).json["rows"]
    assert {row["max_range"] for row in counts} == {99, 199}
