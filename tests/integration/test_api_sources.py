from __future__ import annotations

import base64
import io
import itertools
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from api import dependencies
from api.http.middleware import logger
from ingest import handler
from ingest.handler import IngestError
from tests.support.api_gateway import REQUEST_ID, Answer, call, rest_event
from tests.support.sam_template import transformed
from tests.support.sample_files import BROKEN, DIRTY, PERU, file_of
from tests.support.stack_harness import SOURCES_INDEX, UPLOADED_INDEX
from vouchers.dynamodb.sources_table import Source, SourcesTable, State, Status
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stack_harness import StackHarness


@pytest.fixture(autouse=True)
def forgotten(harness: StackHarness) -> Iterator[None]:
    """Create the API function's clients in the environment of the harness."""
    assert harness
    caches = (dependencies.segments_table, dependencies.sources_table, dependencies.answer_cache)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def ask(path: str = "/v1/sources", **query: str) -> Answer:
    return call(rest_event(path=path, query=query or None))


def sources(**query: str) -> list[dict[str, Any]]:
    answer = ask(**query)
    assert answer.status == 200, answer.body
    listed: list[dict[str, Any]] = answer.json["sources"]
    return listed


def pages(**query: str) -> list[list[str]]:
    """Return the keys on every page."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask(**query, **cursor).json
        found.append([source["source"] for source in answer["sources"]])
        if answer["next_cursor"] is None:
            return found
        cursor = {"cursor": answer["next_cursor"]}


def put(
    harness: StackHarness, key: str, status: Status = Status.COUNTED, at: str = "2026-11-22T10:00:00.000000Z"
) -> None:
    """Put a committed source into the table."""
    state = State(status, "01", at, at, "206f16a74bf2")
    table = SourcesTable(harness.dynamodb, harness.sources)
    item = table.put_if_unchanged(Source(key), Source(key, 1, state))["Item"]
    harness.dynamodb.put_item(TableName=harness.sources, Item=item)


def test_the_tests_create_the_indexes_of_the_template() -> None:
    indexes = transformed().of_type("DynamoDB::Table")["SourcesTable"]["GlobalSecondaryIndexes"]
    assert indexes == [SOURCES_INDEX, UPLOADED_INDEX]


def test_the_window_is_from_the_oldest_to_the_newest_upload_that_counts(harness: StackHarness) -> None:
    assert ask().json["window"] is None
    days = (3, 1, 4, 2)
    for day in days:
        record = harness.put(f"vouchers/{day}.parquet", file_of(DIRTY))
        harness.ingest(record | {"eventTime": f"2026-11-0{day}T12:00:00.000Z"})
    with suppress(IngestError):
        harness.ingest(
            harness.put("vouchers/broken.parquet", b"x") | {"eventTime": "2026-11-09T12:00:00.000Z"}
        )

    def window() -> list[str]:
        return [moment[:10] for moment in ask(limit="1").json["window"].values()]

    assert window() == ["2026-11-01", "2026-11-04"]
    harness.ingest(harness.delete("vouchers/1.parquet"), harness.replay("vouchers/2.parquet", forced=True))
    assert window() == ["2026-11-02", "2026-11-04"]


def test_a_source_has_its_status_and_report(harness: StackHarness) -> None:
    harness.ingest(harness.put("vouchers/dirty.parquet", file_of(DIRTY)))
    (listed,) = sources()
    state = harness.source("vouchers/dirty.parquet").state
    assert state
    assert listed == {
        "source": "vouchers/dirty.parquet",
        "status": "counted",
        "committed_at": state.committed_at,
        "uploaded_at": state.uploaded_at,
        "as_of": state.as_of,
        "definitions": load_definitions().version,
        "version_id": state.version_id,
        "etag": state.etag,
        "error": None,
        "report": {
            "rows": 3,
            "counted": 1,
            "rejected": 2,
            "rejected_by_reason": {"country_code_missing": 1, "total_orders_negative": 1},
            "repaired": {"total_orders_empty": 0, "voucher_amount_null": 0},
            "segments": {
                "recency_segment": {"counted": 1, "unsegmented": 0},
                "frequent_segment": {"counted": 1, "unsegmented": 0},
            },
            "rejected_examples": {
                "country_code_missing": [{"row": 0, "value": None, "object": None}],
                "total_orders_negative": [{"row": 1, "value": "-1", "object": None}],
            },
            "countries": {"Peru": 1},
            "seconds": state.report["seconds"],
        },
        "rejected_object": state.rejected_object,
    }
    assert ask("/v1/sources/vouchers/dirty.parquet").json == listed | {"commit_under_way": False}


def test_failed_and_deleted_sources_have_their_status(harness: StackHarness) -> None:
    with pytest.raises(handler.IngestError, match="was not counted"):
        harness.ingest(harness.put("vouchers/bad.parquet", BROKEN))
    harness.ingest(harness.put("vouchers/gone.parquet", file_of(PERU)))
    harness.ingest(harness.delete("vouchers/gone.parquet"))
    failed, gone = (ask(f"/v1/sources/vouchers/{name}.parquet").json for name in ("bad", "gone"))
    assert (failed["status"], failed["report"]) == ("failed", None)
    assert failed["error"].startswith("'vouchers/bad.parquet' was not counted: it cannot be read as Parquet")
    assert (gone["status"], gone["report"], gone["as_of"]) == ("deleted", None, None)
    assert [source["source"] for source in sources(status="failed")] == ["vouchers/bad.parquet"]
    assert [source["source"] for source in sources(status="deleted")] == ["vouchers/gone.parquet"]
    assert sources(status="counted") == []
    assert len(sources()) == 2


def test_a_commit_in_progress_is_marked(harness: StackHarness) -> None:
    state = State(Status.COUNTED, "01", "2026", "2026-11-22T10:00:00.000000Z", "206f16a74bf2")
    begun = Source("vouchers/wide.parquet", 1, None, state)
    item = SourcesTable(harness.dynamodb, harness.sources).put_if_unchanged(Source(begun.key), begun)["Item"]
    harness.dynamodb.put_item(TableName=harness.sources, Item=item)
    assert ask("/v1/sources/vouchers/wide.parquet").json["commit_under_way"] is True
    assert sources() == []


KEYS = [
    "vouchers/2018/a.parquet",
    "vouchers/a b+ü.parquet",
    "vouchers//a//b/",
    "vouchers/100%.parquet",
    "vouchers/a%20b.parquet",
    "vouchers/日本/😀.parquet",
    "vouchers/line\nend\t.parquet",
    "vouchers/../a?b=c#d&e.parquet",
    "vouchers/<'\"`{}[]|\\^>.parquet",
    "vouchers/" + "x" * 1015,
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "sent",
    [lambda key: key, lambda key: quote(key, safe=""), quote],
    ids=["decoded", "encoded", "slashes kept"],
)
def test_every_key_is_found_with_an_encoded_or_decoded_path(
    harness: StackHarness, key: str, sent: Any
) -> None:
    put(harness, key)
    answer = ask(f"/v1/sources/{sent(key)}")
    assert answer.status == 200, answer.body
    assert answer.json["source"] == key


def test_a_key_that_looks_encoded_differs_from_its_decoded_form(harness: StackHarness) -> None:
    for key in ("vouchers/a b", "vouchers/a%20b"):
        put(harness, key)
        assert ask(f"/v1/sources/{quote(key)}").json["source"] == key


@pytest.mark.parametrize("path", ["nothing", "%ff", "x" * 2000, "\ud800", "%", " ", "%00"])
def test_an_unknown_source_is_not_found(path: str) -> None:
    answer = ask(f"/v1/sources/{path}")
    assert answer.status == 404
    assert answer.problem["type"].endswith(":unknown-source")


def test_sources_are_listed_by_descending_commit_time(harness: StackHarness) -> None:
    order = [5, 2, 9, 7, 1, 8, 3, 6, 4]
    for number, status in zip(order, itertools.cycle(Status), strict=False):
        put(harness, f"vouchers/{number}", status, f"2026-11-22T10:00:0{number}.000000Z")
    assert [source["source"][-1] for source in sources()] == list("987654321")
    for limit in range(1, 11):
        found = pages(limit=str(limit))
        assert "".join(key[-1] for page in found for key in page) == "987654321"
        assert {len(page) for page in found[:-1]} <= {limit}


def test_sources_with_the_same_time_are_listed_once(harness: StackHarness) -> None:
    keys = {f"vouchers/{number}" for number in range(10)}
    for key, status in zip(sorted(keys), itertools.cycle(Status), strict=False):
        put(harness, key, status)
    found = [key for page in pages(limit="3") for key in page]
    assert (len(found), set(found)) == (10, keys)


def test_commits_between_pages_do_not_shift_them(harness: StackHarness) -> None:
    for number in range(4):
        put(harness, f"vouchers/{number}", at=f"2026-11-22T10:00:0{number}.000000Z")
    first = ask(limit="2").json
    put(harness, "vouchers/new", Status.FAILED, "2026-11-22T11:00:00.000000Z")
    put(harness, "vouchers/2", at="2026-11-22T11:00:01.000000Z")
    second = ask(limit="2", cursor=first["next_cursor"]).json
    assert [source["source"][-1] for source in first["sources"] + second["sources"]] == ["3", "2", "1", "0"]
    assert second["next_cursor"] is None


def test_a_page_costs_a_query_for_each_status_and_two_for_the_window(harness: StackHarness) -> None:
    for number in range(30):
        put(harness, f"vouchers/{number}", at=f"2026-11-22T10:00:{number:02}.000000Z")
    asked: list[str] = []
    table = dependencies.sources_table()
    table.client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    cursor = ask(limit="10").json["next_cursor"]
    assert asked == ["Query"] * 5
    ask(limit="10", cursor=cursor)
    assert asked == ["Query"] * 10


def test_a_page_has_twenty_sources_by_default(harness: StackHarness) -> None:
    for number in range(21):
        put(harness, f"vouchers/{number}")
    assert [len(page) for page in pages()] == [20, 1]


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


MOMENT = "2026-11-22T10:00:00.000000Z"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "many"),
        ("limit", "1.5"),
        ("status", "lost"),
        ("status", "null"),
    ],
)
def test_a_wrong_parameter_is_refused(name: str, value: str) -> None:
    answer = ask(**{name: value})
    assert answer.status == 400
    assert answer.problem["field"] == name
    assert answer.message.startswith(f"{name} must be ")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ü",
        encoded({}),
        encoded([MOMENT, {"lost": ["a", MOMENT]}]),
        encoded([MOMENT, {"counted": ["", MOMENT]}]),
        encoded([MOMENT, {"counted": ["x" * 1025, MOMENT]}]),
        encoded([MOMENT, {"counted": ["a", "2026"]}]),
        encoded([MOMENT, {"counted": ["a", "2027-11-22T10:00:00.000000Z"]}]),
    ],
)
def test_a_cursor_that_no_answer_contained_leads_to_no_page(cursor: str) -> None:
    answer = ask(cursor=cursor)
    assert answer.status == 404
    assert answer.problem["type"].endswith(":unknown-page")
    assert answer.message.endswith("; give the next_cursor of the previous page")


def test_without_the_sources_table_only_its_routes_fail(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES_TABLE")
    dependencies.sources_table.cache_clear()
    assert ask().status == 500
    assert ask("/v1/sources/a").message.endswith(REQUEST_ID)
    assert ask("/v1/countries").status == 200
    assert harness


def test_the_log_has_the_status_of_the_answer_and_of_the_request(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert harness
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    ask(status="failed")
    logged = json.loads(written.getvalue())
    assert (logged["status"], logged["source_status"]) == (200, "failed")
