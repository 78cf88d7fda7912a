"""``/v1/rejected``: the rejected rows of files that the ingest function counted."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from api import dependencies
from tests.integration.test_api_sources import forgotten  # noqa: F401 - a fixture
from tests.support.api_gateway import Answer, call, rest_event
from tests.support.sample_files import DIRTY, PERU, file_of, sample_rows
from vouchers.dynamodb.sources_table import SourcesTable
from vouchers.report import MAX_EXCERPT_ROWS

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

KEY = "vouchers/dirty.parquet"


@pytest.fixture(autouse=True)
def environment(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESULTS_BUCKET", harness.results)
    monkeypatch.setattr(dependencies, "s3_client", lambda: harness.s3)


def ask(source: str = KEY, **query: str) -> Answer:
    return call(rest_event(path="/v1/rejected", query={"source": source, **query}))


def kept_rows(harness: StackHarness, key: str = KEY) -> list[dict[str, Any]]:
    state = SourcesTable(harness.dynamodb, harness.sources).load(key).state
    assert state
    return harness.result_rows(state.rejected_object or "")


def test_the_rows_are_those_of_the_results_bucket(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(DIRTY)))
    answer = ask()
    assert answer.json["rows"] == kept_rows(harness)
    assert (answer.json["source"], answer.json["rows_left_out"]) == (KEY, 0)


def test_a_file_without_rejected_rows_has_none(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert ask().json["rows"] == []


def test_the_first_thousand_rows_are_listed_with_short_values(harness: StackHarness) -> None:
    rows = sample_rows(*[("Peru", "2018-01-01", None, "x" * 100, 1.0)] * (MAX_EXCERPT_ROWS + 7))
    harness.ingest(harness.put(KEY, file_of(rows)))
    answer = ask().json
    assert (len(answer["rows"]), answer["rows_left_out"]) == (MAX_EXCERPT_ROWS, 7)
    assert answer["rows"][-1] == {
        **{name: value and value[:60] for name, value in kept_rows(harness)[MAX_EXCERPT_ROWS - 1].items()
           if name != "row"},
        "row": MAX_EXCERPT_ROWS - 1,
    }  # fmt: skip


def test_csv_has_the_same_rows_and_evaluates_nothing(harness: StackHarness) -> None:
    rows = sample_rows(("=1+1", "2018-01-01", None, "many", 1.0), ("Peru", "2018-01-01", None, "-1", 1.0))
    harness.ingest(harness.put(KEY, file_of(rows)))
    answer = ask(format="csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert "rejected-vouchers-dirty.parquet.csv" in answer.headers["Content-Disposition"]
    first, second = csv.DictReader(io.StringIO(answer.body))
    assert (first["country_code"], first["reason"]) == ("'=1+1", "total_orders_not_a_number")
    assert (second["country_code"], second["total_orders"]) == ("Peru", "'-1")


def test_unknown_sources_and_datasets_are_refused_in_one_sentence(harness: StackHarness) -> None:
    assert (ask("vouchers/none.parquet").status, ask("").status) == (404, 400)
    assert "there is no source" in ask("vouchers/none.parquet").message
    harness.ingest(harness.put(KEY, file_of(DIRTY)))
    state = SourcesTable(harness.dynamodb, harness.sources).load(KEY).state
    assert state
    harness.s3.delete_object(Bucket=harness.results, Key=str(state.rejected_excerpt))
    assert ask().status == 404
    assert "are not kept for the API; use make rejected" in ask().message


def test_replacing_or_deleting_a_file_deletes_its_excerpt(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(DIRTY)))
    assert [key for key in harness.result_keys() if key.endswith(".json")]
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert harness.result_keys() == []
