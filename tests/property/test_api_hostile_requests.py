from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from api import dependencies
from api.cached_table import TTLCache
from api.routes.choices import ChoicesAnswer
from api.routes.counts import CountsAnswer
from api.routes.history import HistoryAnswer
from api.routes.segments import SegmentsAnswer
from api.routes.selections import SelectionsAnswer
from api.routes.sources import SourcesAnswer
from api.routes.uploads import UploadAnswer
from api.routes.vouchers import VoucherAnswer
from tests.support.api_gateway import call, rest_event
from tests.support.fake_segments_table import CountedTable
from vouchers.dynamodb.sources_table import SourcesTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient

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
BESIDE: dict[str, st.SearchStrategy[Any]] = {"as_of": VALUES, "fallback": VALUES, "customers": VALUES}
PLACES = st.lists(TEXTS | st.just("2026-11-22T10:00:00.000000Z"), max_size=3)
CURSORS = st.tuples(
    TEXTS | st.just("2026-11-22T10:00:00.000000Z"),
    st.dictionaries(st.sampled_from(["counted", "failed"]) | TEXTS, PLACES),
).map(lambda cursor: base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("="))
ANSWERS: dict[str, type[msgspec.Struct]] = {
    "/voucher_amount": VoucherAnswer,
    "/v1/choices": ChoicesAnswer,
    "/v1/counts": CountsAnswer,
    "/v1/history": HistoryAnswer,
    "/v1/segments": SegmentsAnswer,
    "/v1/selections": SelectionsAnswer,
    "/v1/sources": SourcesAnswer,
    "/v1/uploads": UploadAnswer,
}
FIELDS = st.dictionaries(st.sampled_from(KNOWN), SENSIBLE) | st.dictionaries(
    st.sampled_from(KNOWN) | TEXTS, VALUES
)


@pytest.fixture(autouse=True, scope="module")
def counted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dependencies, "segments_table", CountedTable)
        cache = TTLCache(60)
        patch.setattr(dependencies, "answer_cache", lambda: cache)
        sources = SourcesTable(empty_client(), "sources")
        patch.setattr(dependencies, "sources_table", lambda: sources)
        patch.setattr(dependencies, "uploads_bucket", lambda: "uploads")
        patch.setattr(dependencies, "uploads_prefix", lambda: "vouchers/")
        s3 = offline_session().create_client("s3", region_name="eu-west-1")
        patch.setattr(dependencies, "s3_client", lambda: s3)
        yield


def offline_session() -> Session:
    """Return a session that can sign requests."""
    session = get_session()
    session.set_credentials("test", "test")
    return session


def empty_client() -> DynamoDBClient:
    """Return a client of DynamoDB whose requests all get an empty answer."""
    client = offline_session().create_client("dynamodb", region_name="eu-west-1")

    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(b'{"Items": []}'))

    client.meta.events.register("before-send.dynamodb", answer)
    return cast("DynamoDBClient", client)


class Body(io.BytesIO):
    """A raw response body like urllib3's."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def assert_answered(event: dict[str, Any]) -> None:
    answer = call(event)
    if answer.status == 200:
        assert msgspec.json.decode(answer.body.encode(), type=ANSWERS[event["path"]])
    else:
        assert answer.status in (400, 404, 409)
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


@pytest.mark.parametrize("path", ["/v1/choices", "/v1/counts", "/v1/history", "/v1/rejected", "/v1/segments"])
@given(st.dictionaries(st.sampled_from(["country", "segment", "source"]), TEXTS | SENSIBLE.map(str)))
def test_no_query_makes_a_route_fail(path: str, query: dict[str, str]) -> None:
    assert_answered(rest_event(path=path, query=query))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["name", "as_of", "column_names"], TEXTS | VALUES)))
def test_no_fields_make_uploads_fail(fields: dict[str, Any]) -> None:
    for body in (json.dumps(fields), json.dumps(fields, ensure_ascii=False)):
        assert_answered(rest_event("POST", "/v1/uploads", body=body))


@given(
    st.fixed_dictionaries(
        {}, optional={"status": TEXTS, "limit": TEXTS | st.integers().map(str), "cursor": CURSORS | TEXTS}
    )
)
def test_no_query_makes_the_sources_fail(query: dict[str, str]) -> None:
    assert_answered(rest_event(path="/v1/sources", query=query))


@given(st.lists(FIELDS | VALUES, max_size=4), st.fixed_dictionaries({}, optional=BESIDE) | VALUES)
def test_no_customers_make_the_function_fail(customers: list[Any], beside: object) -> None:
    fields = beside | {"customers": customers} if isinstance(beside, dict) else beside
    for body in (json.dumps(fields), json.dumps(fields, ensure_ascii=False)):
        assert_answered(rest_event("POST", "/v1/selections", body=body))


@given(st.binary(), st.booleans())
def test_no_bytes_make_selections_fail(raw: bytes, is_base64: bool) -> None:
    body = base64.b64encode(raw).decode() if is_base64 else raw.decode(errors="surrogateescape")
    assert_answered(rest_event("POST", "/v1/selections", body=body, is_base64=is_base64))


@given(st.fixed_dictionaries({}, optional={"Accept": TEXTS, "If_None_Match": TEXTS, "Origin": TEXTS}))
def test_no_headers_make_the_function_fail(headers: dict[str, Any]) -> None:
    for path in ("/v1/counts", "/v1/segments", "/openapi.json"):
        answer = call(rest_event(path=path, query={"country": "Peru"}, **headers))
        assert answer.status in (200, 304)
        assert answer.body.encode() or answer.status == 304


@given(TEXTS, st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE"]))
def test_no_path_makes_the_function_fail(path: str, method: str) -> None:
    for prefix in ("/", "/v1/", "/v1/sources/"):
        answer = call(rest_event(method, prefix + path))
        assert answer.status in (200, 204, 400, 404, 405)
