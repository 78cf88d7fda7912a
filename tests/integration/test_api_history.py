"""``/v1/history``: the uses of a country by upload date, from the reports of the sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.integration.test_api_sources import forgotten  # noqa: F401 - a fixture
from tests.support.api_gateway import call, rest_event
from tests.support.sample_files import PERU, file_of, sample_rows
from vouchers.dynamodb.sources_table import Source, SourcesTable

if TYPE_CHECKING:
    import pytest

    from tests.support.stack_harness import StackHarness


def ask(country: str = "Peru") -> Any:
    answer = call(rest_event(path="/v1/history", query={"country": country}))
    assert answer.status == 200, answer.body
    return answer.json


def put(harness: StackHarness, name: str, day: str, *countries: str, old: bool = False) -> None:
    """Count a file with a row of each country, as if it had been uploaded on a day."""
    key = f"vouchers/{name}"
    harness.ingest(
        harness.put(key, file_of(sample_rows(*[(c, "2018-01-01", None, "3", 10.0) for c in countries])))
    )
    table = SourcesTable(harness.dynamodb, harness.sources)
    source = table.load(key)
    assert source.state
    report = {name: value for name, value in source.state.report.items() if name != "countries" or not old}
    state = replace(source.state, uploaded_at=f"{day}T10:00:00.000000Z", report=report)
    new = Source(key, source.revision + 1, state)
    harness.dynamodb.put_item(TableName=harness.sources, Item=table.put_if_unchanged(source, new)["Item"])


def test_uses_are_summed_by_the_day_of_the_upload(harness: StackHarness) -> None:
    put(harness, "a", "2026-11-02", "Peru", "PERU", "China")
    put(harness, "b", "2026-11-02", "peru")
    put(harness, "c", "2026-11-01", "Peru")
    put(harness, "d", "2026-11-03", "China")
    assert ask("pErU") == {
        "country": "pErU",
        "days": [
            {"uploaded_on": "2026-11-01", "uses": 1, "sources": 1},
            {"uploaded_on": "2026-11-02", "uses": 3, "sources": 2},
        ],
        "incomplete": False,
    }
    assert ask("Chile")["days"] == []


def test_deleted_files_are_left_out(harness: StackHarness) -> None:
    harness.ingest(harness.put("vouchers/a", file_of(PERU)))
    assert [day["uses"] for day in ask()["days"]] == [len(PERU)]
    harness.ingest(harness.delete("vouchers/a"))
    assert ask()["days"] == []


def test_what_is_not_summed_is_said(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    put(harness, "old", "2026-11-01", "Peru", old=True)
    assert (ask()["days"], ask()["incomplete"]) == ([], True)
    put(harness, "old", "2026-11-01", "Peru")
    put(harness, "new", "2026-11-02", "Peru")
    assert ask()["incomplete"] is False
    monkeypatch.setattr("api.routes.history.MAX_SOURCES", 1)
    assert ([day["sources"] for day in ask()["days"]], ask()["incomplete"]) == ([1], True)
