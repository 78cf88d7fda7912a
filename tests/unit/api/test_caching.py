from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api_gateway import REQUEST_ID, call, rest_event
from vouchers.counts import range_cell
from vouchers.segments import Range

if TYPE_CHECKING:
    from tests.support.api_gateway import Answer
    from tests.support.fake_segments_table import CountedTable

pytestmark = pytest.mark.disable_socket

QUERY = {"country": "Peru"}
CACHEABLE = [
    ("/v1/counts", QUERY),
    ("/v1/segments", QUERY),
    ("/v1/segments", {}),
    ("/v1/countries", {}),
    ("/v1/choices", {}),
]


def ask(path: str, query: dict[str, str], method: str = "GET", **headers: Any) -> Answer:
    return call(rest_event(method, path, query=query or None, **headers))


@pytest.mark.parametrize(("path", "query"), CACHEABLE)
def test_an_unchanged_answer_is_a_304(path: str, query: dict[str, str]) -> None:
    first = ask(path, query)
    assert (first.status, first.headers["Cache-Control"]) == (200, "private, no-cache")
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = ask(path, query, If_None_Match=condition)
        assert (again.status, again.body) == (304, "")
        kept = {"ETag": tag, "Cache-Control": "private, no-cache", "X-Request-Id": REQUEST_ID}
        assert again.headers == kept | ({"Vary": "Accept"} if path in {"/v1/counts", "/v1/choices"} else {})


@pytest.mark.parametrize(("path", "query"), CACHEABLE)
def test_a_changed_answer_is_sent(counted: CountedTable, path: str, query: dict[str, str]) -> None:
    tag = ask(path, query).headers["ETag"]
    counted.counts[range_cell("Peru", "frequent_segment", Range(0, 4))]["2640"] += 1
    if path == "/v1/countries":
        counted.counts["peru", "#spellings"] = {"Peru": 2}  # type: ignore[index] # a cell is a tuple
    changed = ask(path, query, If_None_Match=tag)
    assert changed.status == 200
    assert changed.body
    assert changed.headers["ETag"] != tag


def test_header_names_ignore_case_in_both_forms_of_the_event() -> None:
    tag = ask("/v1/counts", QUERY).headers["ETag"]
    event = rest_event(path="/v1/counts", query=QUERY)
    single = event | {"headers": {"if-none-match": tag}, "multiValueHeaders": None}
    several = event | {"headers": {}, "multiValueHeaders": {"IF-NONE-MATCH": ['"other"', tag]}}
    assert (call(single).status, call(several).status, call(event).status) == (304, 304, 200)


@pytest.mark.parametrize("condition", ["", '"other"', "other", 'W/"other"', ","])
def test_an_answer_is_sent_if_no_tag_matches(condition: str) -> None:
    assert ask("/v1/counts", QUERY, If_None_Match=condition).status == 200


def test_head_has_the_etag() -> None:
    get, head = ask("/v1/counts", QUERY), ask("/v1/counts", QUERY, "HEAD")
    assert (head.status, head.body, head.headers) == (200, "", get.headers)
    assert ask("/v1/counts", QUERY, "HEAD", If_None_Match=get.headers["ETag"]).status == 304


@pytest.mark.parametrize(
    ("path", "query"), [("/v1/counts", {}), ("/v1/nothing", {}), ("/v1/segments", {"country": "x"})]
)
def test_errors_are_not_cacheable(path: str, query: dict[str, str]) -> None:
    answer = ask(path, query, If_None_Match="*")
    assert answer.status in (400, 404)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_vouchers_are_not_cacheable() -> None:
    query = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": "1"}
    answer = ask("/voucher_amount", query, If_None_Match="*")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
