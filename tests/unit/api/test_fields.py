from __future__ import annotations

import base64
import gzip
import json

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from api.http.errors import BodyTooLargeError, RequestError
from api.http.fields import MAX_BODY, body_or_query
from tests.support.api_gateway import CUSTOMER, rest_event

pytestmark = pytest.mark.disable_socket


def fields(
    method: str = "GET",
    query: dict[str, str] | None = None,
    body: str | None = None,
    *,
    is_base64: bool = False,
) -> dict[str, object]:
    event = rest_event(method, query=query, body=body, is_base64=is_base64)
    return body_or_query(APIGatewayProxyEvent(event))


def test_fields_come_from_the_body() -> None:
    assert fields(body=json.dumps(CUSTOMER)) == CUSTOMER
    assert fields(method="POST", body=json.dumps(CUSTOMER)) == CUSTOMER


def test_fields_come_from_a_base64_body() -> None:
    encoded = base64.b64encode(json.dumps(CUSTOMER).encode()).decode()
    assert fields(body=encoded, is_base64=True) == CUSTOMER


@pytest.mark.parametrize("body", [None, "", " \n", "{}", "\ufeff", "\ufeff {}"])
def test_without_a_body_fields_come_from_the_query(body: str | None) -> None:
    assert fields(query={"country_code": "Peru"}, body=body) == {"country_code": "Peru"}
    assert fields(body=body) == {}


def test_with_a_body_only_the_fallback_comes_from_the_query() -> None:
    query = {"country_code": "Chile", "fallback": "country"}
    assert fields(query=query, body='{"total_orders": 1}') == {"fallback": "country", "total_orders": 1}
    assert fields(query=query, body='{"fallback":null}') == {"fallback": None}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "the body is not JSON at line 1, column 2; give a JSON object"),
        ("country_code=Peru", "the body is not JSON at line 1, column 1; give a JSON object"),
        ("1" * 5000, "the body has a number with too many digits"),
        ("[]", "the body must be a JSON object, not a list"),
        ('"x"', 'the body must be a JSON object, not "x"'),
        ("null", "the body must be a JSON object, not null"),
        ("NaN", "the body must be a JSON object, not NaN"),
        ("[" * 60000, "the body is nested too deeply; give a flat JSON object"),
        ('{"\ud800"', "the body is not UTF-8 text; give a JSON object"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(body: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        fields(body=body)
    assert str(caught.value).startswith(message)


def test_a_byte_order_mark_before_the_body_is_ignored() -> None:
    assert fields(body="\ufeff" + json.dumps(CUSTOMER)) == CUSTOMER


@pytest.mark.parametrize("is_base64", [True, False])
def test_a_compressed_body_is_refused_with_its_encoding(is_base64: bool) -> None:
    """API Gateway passes it in base64, and emulators as text."""
    packed = gzip.compress(b"{}")
    body = base64.b64encode(packed).decode() if is_base64 else packed.decode(errors="replace")
    event = rest_event("POST", body=body, is_base64=is_base64, Content_Encoding="gzip")
    with pytest.raises(RequestError, match=r'^the body is encoded as "gzip"; give plain JSON$'):
        body_or_query(APIGatewayProxyEvent(event))
    event = rest_event("POST", body=json.dumps(CUSTOMER), Content_Encoding="identity")
    assert body_or_query(APIGatewayProxyEvent(event)) == CUSTOMER


@pytest.mark.parametrize("body", ["%%%", "é", base64.b64encode(b"\xff\xfe{}").decode()])
def test_a_base64_body_that_is_not_text_is_refused(body: str) -> None:
    with pytest.raises(RequestError, match=r"^the body is not UTF-8 text; give a JSON object$"):
        fields(body=body, is_base64=True)


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_is_read_up_to_its_limit(*, is_base64: bool) -> None:
    def body(size: int) -> str:
        text = "{}" + " " * (size - 2)
        return base64.b64encode(text.encode()).decode() if is_base64 else text

    assert fields(body=body(MAX_BODY), is_base64=is_base64) == {}
    with pytest.raises(BodyTooLargeError, match=r"^the body has 65537 bytes; give at most 65536$"):
        fields(body=body(MAX_BODY + 1), is_base64=is_base64)
