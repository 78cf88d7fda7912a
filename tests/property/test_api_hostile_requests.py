from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import handler
from api.recent import Memory
from tests.api_gateway import call, rest_event
from tests.counted import CountedTable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.disable_socket

KNOWN = [
    "country_code",
    "segment_name",
    "last_order_ts",
    "first_order_ts",
    "total_orders",
    "customer_id",
    "fallback",
]
SENSIBLE = st.sampled_from(
    ["Peru", "recency_segment", "frequent_segment", "2018-05-03", "2018-05-03T00:00:00Z", 15, "15", "country"]
)
TEXTS = st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | SENSIBLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(st.sampled_from(KNOWN), SENSIBLE) | st.dictionaries(
    st.sampled_from(KNOWN) | TEXTS, VALUES
)


@pytest.fixture(autouse=True, scope="module")
def counted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "segments_table", CountedTable)
        memory = Memory(60)
        patch.setattr(handler, "memory", lambda: memory)
        yield


def assert_answered(event: dict[str, Any]) -> None:
    answer = call(event)
    assert answer.body.encode()
    if answer.status == 200:
        assert list(answer.json) in (["voucher_amount"], ["country", "rows", "updated_at"])
    else:
        assert answer.status in (400, 404)
        assert answer.message


@given(st.binary())
def test_no_bytes_as_a_body_make_the_function_fail(raw: bytes) -> None:
    assert_answered(rest_event(body=base64.b64encode(raw).decode(), is_base64=True))
    assert_answered(rest_event(body=raw.decode(errors="surrogateescape")))


@given(text=TEXTS, is_base64=st.booleans())
def test_no_text_as_a_body_makes_the_function_fail(*, text: str, is_base64: bool) -> None:
    assert_answered(rest_event(body=text, is_base64=is_base64))


@given(FIELDS)
def test_no_fields_make_the_function_fail(fields: dict[str, Any]) -> None:
    assert_answered(rest_event(body=json.dumps(fields)))
    assert_answered(rest_event(body=json.dumps(fields, ensure_ascii=False)))


@given(st.dictionaries(st.sampled_from(KNOWN) | TEXTS, TEXTS | SENSIBLE.map(str)))
def test_no_query_makes_the_function_fail(query: dict[str, str]) -> None:
    assert_answered(rest_event(query=query))


@given(st.dictionaries(st.sampled_from(["country", "segment"]), TEXTS | SENSIBLE.map(str)))
def test_no_query_makes_the_counts_fail(query: dict[str, str]) -> None:
    assert_answered(rest_event(path="/v1/counts", query=query))
