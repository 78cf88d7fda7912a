from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from api.handler import CUSTOMER
from api.http.errors import BodyTooLargeError, RequestError
from api.http.fields import MAX_BODY, body_or_query, read
from api.routes.vouchers import Customer, VoucherFields, parse_customer
from tests.support.api_gateway import call, rest_event
from vouchers.segments import Attribute, Range, load_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.disable_socket

NOW = datetime(2018, 8, 5, 12, tzinfo=UTC)
RECENCY, FREQUENCY = load_definitions().segments
TIMESTAMP = "a date or a time such as 2018-05-03, 2018-05-03T14:30:00Z or 2018-05-03 14:30:00+02:00"
COUNTRY = "a country's name, such as Peru"
SEGMENT = "a segment's name, such as recency_segment"
NUMBER = "a number from 0 up, such as 15"


def fields(
    method: str = "GET",
    query: dict[str, str] | None = None,
    body: str | None = None,
    *,
    is_base64: bool = False,
) -> dict[str, object]:
    event = rest_event(method, query=query, body=body, is_base64=is_base64)
    return body_or_query(APIGatewayProxyEvent(event))


def parse(given: Mapping[str, object]) -> Customer:
    return parse_customer(read(given, VoucherFields), NOW)


def asked(**changes: object) -> Customer:
    return parse(CUSTOMER | changes)


def value(customer: Customer) -> float | None:
    return customer.values[customer.segment.attribute]


def refusal(**changes: object) -> str:
    given = {name: value for name, value in (CUSTOMER | changes).items() if value != "left out"}
    with pytest.raises(RequestError) as caught:
        parse(given)
    return str(caught.value)


def test_the_reference_request_is_94_days_in_peru() -> None:
    customer = asked()
    assert (customer.country, customer.segment, customer.fallback) == ("Peru", RECENCY, False)
    assert (value(customer), customer.range_) == (94, Range(91, 120))


def test_frequency_uses_the_number_of_orders() -> None:
    customer = asked(segment_name="frequent_segment")
    assert (customer.segment, value(customer)) == (FREQUENCY, 15.0)


@pytest.mark.parametrize(
    ("last_order", "days"),
    [
        (NOW, 0),
        (NOW - timedelta(days=1) + timedelta(microseconds=1), 0),
        (NOW - timedelta(days=1), 1),
        (NOW - timedelta(days=30) + timedelta(seconds=1), 29),
        (NOW - timedelta(days=30), 30),
    ],
)
def test_days_since_the_last_order_are_whole_days(last_order: datetime, days: int) -> None:
    assert value(asked(last_order_ts=last_order.isoformat())) == days


@pytest.mark.parametrize(("orders", "number"), [(0, 0), ("15", 15), ("15.0", 15), (4.5, 4.5), ("4.5", 4.5)])
def test_orders_are_numbers_or_numeric_strings(orders: object, number: float) -> None:
    assert value(asked(segment_name="frequent_segment", total_orders=orders)) == number


def test_a_country_is_trimmed() -> None:
    assert asked(country_code="  Peru\t").country == "Peru"


def test_only_the_segments_field_is_required() -> None:
    needed = {"country_code": "Peru", "segment_name": "recency_segment", "last_order_ts": "2018-05-03"}
    assert value(parse(needed)) == 94
    needed = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": "3"}
    assert value(parse(needed)) == 3


def test_unknown_fields_are_ignored_and_null_is_missing() -> None:
    assert asked(colour="red", __class__=[{}], customer_id=None) == asked()
    assert asked(first_order_ts=None).values[Attribute.DAYS_SINCE_FIRST_ORDER] is None


@pytest.mark.parametrize("customer", ["abc", "", "123", 123, 10**40])
def test_a_customer_id_is_a_string_or_a_whole_number(customer: object) -> None:
    assert asked(customer_id=customer) == asked()


@pytest.mark.parametrize("field", ["fallback", "total_orders"])
def test_a_lone_surrogate_in_a_known_field_is_refused(field: str) -> None:
    assert (
        refusal(**{field: "\ud800"}) == "a field contains a lone surrogate; give text that UTF-8 can encode"
    )
    assert asked(**{"\ud800": 1}) == asked()


def test_the_fallback_is_country_or_null() -> None:
    assert asked(fallback="country").fallback
    assert not asked(fallback=None).fallback


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("country_code", f"give {COUNTRY}"),
        ("segment_name", f"give {SEGMENT}"),
        ("last_order_ts", f"recency_segment requires it; give {TIMESTAMP}"),
    ],
)
@pytest.mark.parametrize("value", ["left out", None])
def test_a_missing_field_is_named(name: str, why: str, value: object) -> None:
    assert refusal(**{name: value}) == f"{name} is missing: {why}"


def test_frequency_requires_the_number_of_orders() -> None:
    message = f"total_orders is missing: frequent_segment requires it; give {NUMBER}"
    assert refusal(segment_name="frequent_segment", total_orders=None) == message


@pytest.mark.parametrize(
    ("name", "value", "expected", "shown"),
    [
        ("country_code", 3, COUNTRY, "3"),
        ("country_code", True, COUNTRY, "true"),
        ("country_code", ["Peru"], COUNTRY, "a list"),
        ("country_code", " ", COUNTRY, '" "'),
        ("country_code", "x" * 2049, COUNTRY, '"' + "x" * 59 + "…"),
        ("country_code", "\ud800", COUNTRY, '"?"'),
        ("segment_name", 1, SEGMENT, "1"),
        ("last_order_ts", "yesterday", TIMESTAMP, '"yesterday"'),
        ("last_order_ts", 1525305600, TIMESTAMP, "1525305600"),
        ("last_order_ts", "", TIMESTAMP, '""'),
        ("first_order_ts", "never", TIMESTAMP, '"never"'),
        ("first_order_ts", False, TIMESTAMP, "false"),
        ("total_orders", "many", NUMBER, '"many"'),
        ("total_orders", "", NUMBER, '""'),
        ("total_orders", True, NUMBER, "true"),
        ("total_orders", -1, NUMBER, "-1"),
        ("total_orders", "-0.5", NUMBER, '"-0.5"'),
        ("total_orders", float("nan"), NUMBER, "NaN"),
        ("total_orders", "NaN", NUMBER, '"NaN"'),
        ("total_orders", float("inf"), NUMBER, "Infinity"),
        ("total_orders", "inf", NUMBER, '"inf"'),
        ("total_orders", "1e999", NUMBER, '"1e999"'),
        ("total_orders", 10**400, NUMBER, "1" + "0" * 59 + "…"),
        ("total_orders", {}, NUMBER, "an object"),
        ("customer_id", 1.5, "a string or a whole number", "1.5"),
        ("customer_id", True, "a string or a whole number", "true"),
        ("fallback", "world", '"country", or left out', '"world"'),
    ],
)
def test_the_error_of_a_wrong_field_describes_valid_values(
    name: str, value: object, expected: str, shown: str
) -> None:
    assert refusal(**{name: value}) == f"{name} must be {expected}, not {shown}"


def test_a_last_order_in_the_future_is_refused_for_every_segment() -> None:
    message = "last_order_ts 2018-08-05T12:00:01Z is in the future; give the time of a past order"
    assert refusal(last_order_ts="2018-08-05T12:00:01Z") == message
    assert refusal(last_order_ts="2018-08-05T12:00:01Z", segment_name="frequent_segment") == message


@pytest.mark.parametrize("name", ["loyalty", "", "Recency_Segment"])
def test_the_error_of_an_unknown_segment_lists_the_segments(name: str) -> None:
    message = f'there is no segment "{name}"; use one of: recency_segment, frequent_segment'
    assert refusal(segment_name=name) == message


def test_fields_come_from_the_body() -> None:
    assert fields(body=json.dumps(CUSTOMER)) == CUSTOMER
    assert fields(method="POST", body=json.dumps(CUSTOMER)) == CUSTOMER


def test_fields_come_from_a_base64_body() -> None:
    encoded = base64.b64encode(json.dumps(CUSTOMER).encode()).decode()
    assert fields(body=encoded, is_base64=True) == CUSTOMER


@pytest.mark.parametrize("body", [None, "", " \n"])
def test_without_a_body_fields_come_from_the_query(body: str | None) -> None:
    assert fields(query={"country_code": "Peru"}, body=body) == {"country_code": "Peru"}
    assert fields(body=body) == {}


def test_with_a_body_only_the_fallback_comes_from_the_query() -> None:
    query = {"country_code": "Chile", "fallback": "country"}
    assert fields(query=query, body="{}") == {"fallback": "country"}
    assert fields(query=query, body='{"fallback":null}') == {"fallback": None}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "the body is not JSON: "),
        ("country_code=Peru", "the body is not JSON: "),
        ("1" * 5000, "the body is not JSON: "),
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


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, f"country is missing: give {COUNTRY}"),
        ({"country": ""}, f'country must be {COUNTRY}, not ""'),
        (
            {"country": "Peru", "segment": "x"},
            'there is no segment "x"; use one of: recency_segment, frequent_segment',
        ),
    ],
)
def test_a_wrong_request_for_counts_is_refused(query: dict[str, str], message: str) -> None:
    assert call(rest_event(path="/v1/counts", query=query)).message == message
