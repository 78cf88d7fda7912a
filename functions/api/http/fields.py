"""How requests are written: the types of their fields, with what JSON Schema says of them besides."""

from __future__ import annotations

import base64
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from api.http.errors import BodyTooLargeError, RequestError
from api.http.format_value import format_value
from vouchers.segments import Attribute
from vouchers.text import country_key
from vouchers.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from vouchers.segments import Definitions, Segment

MOMENT = (
    r"^\d{4}-\d{2}-\d{2}"
    r"([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?)?$"
)

SEGMENT, NUMERAL = "segment", "numeral"
"""Formats of fields that the description of the API says more of: see ``openapi/schemas.py``."""

Moment = Annotated[
    str, Meta(examples=["2018-05-03", "2018-05-03T14:30:00Z"], extra_json_schema={"pattern": MOMENT})
]
"""A date, or a date and a time with or without seconds, fractions and a zone; without one it is UTC."""

CountryName = Annotated[str, Meta(examples=["Peru"], extra_json_schema={"pattern": r"\S"})]
SegmentName = Annotated[str, Meta(extra_json_schema={"format": SEGMENT})]
Orders = Annotated[float, Meta(ge=0, le=sys.float_info.max, extra_json_schema={"format": NUMERAL})]
Fallback = Literal["country"]


MAX_BODY = 64 * 1024
"""Bytes of a body that are read."""


def fields_of(event: APIGatewayProxyEvent) -> dict[str, object]:
    """Return the fields of the JSON body, or of the query string where there is no body.

    The query string's ``fallback`` counts beside a body too.

    Raises:
        RequestError: if the body is not a JSON object in UTF-8, or is too large.
    """
    query = event.query_string_parameters
    body = text_of(event, MAX_BODY)
    if not body.strip():
        return dict(query)
    beside = {"fallback": query["fallback"]} if "fallback" in query else {}
    return beside | json_object(body)


def text_of(event: APIGatewayProxyEvent, most: int) -> str:
    """Return the body as text; empty where there is none.

    Raises:
        RequestError: if it is not UTF-8, or has more than ``most`` bytes.
    """
    try:
        text = event.body or ""
        raw = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
        if len(raw) > most:
            raise BodyTooLargeError(f"the body has {len(raw)} bytes; give at most {most}")
        return raw.decode()
    except ValueError:
        raise RequestError("the body is not UTF-8 text; give a JSON object") from None


def json_object(body: str) -> dict[str, object]:
    """Return the JSON object that a body holds.

    Raises:
        RequestError: if it holds none.
    """
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise RequestError("the body is nested too deeply; give a flat JSON object") from None
    if not isinstance(fields, dict):
        raise RequestError(f"the body must be a JSON object, not {format_value(fields)}")
    return fields


Fields = TypeVar("Fields", bound=msgspec.Struct)

MAX_COUNTRY = 2048
"""Bytes of a country's key: DynamoDB takes no longer partition keys."""

TIMESTAMP = "a date or a time such as 2018-05-03, 2018-05-03T14:30:00Z or 2018-05-03 14:30:00+02:00"
COUNTRY = "a country's name, such as Peru"
SEGMENT_EXAMPLE = "a segment's name, such as recency_segment"
EXPECTED = {
    "as_of": TIMESTAMP,
    "country": COUNTRY,
    "country_code": COUNTRY,
    "segment": SEGMENT_EXAMPLE,
    "segment_name": SEGMENT_EXAMPLE,
    "last_order_ts": TIMESTAMP,
    "first_order_ts": TIMESTAMP,
    "total_orders": "a number from 0 up, such as 15",
    "customer_id": "a string or a whole number",
    "fallback": '"country", or left out',
    "customers": "a list of 1 to 100 customers",
    "limit": "a whole number from 1 to 100",
    "cursor": "the next_cursor of the page before",
    "status": "counted, failed or deleted",
}
NEEDED = {
    Attribute.DAYS_SINCE_LAST_ORDER: "last_order_ts",
    Attribute.DAYS_SINCE_FIRST_ORDER: "first_order_ts",
    Attribute.TOTAL_ORDERS: "total_orders",
}
"""Which field a segment's attribute is read from."""


def read(fields: Mapping[str, object], into: type[Fields]) -> Fields:
    """Return the fields that ``into`` has; others are ignored.

    Raises:
        RequestError: if one is missing or of a wrong type; it names it and says what was expected.
    """
    known = {name: fields[name] for name in into.__struct_fields__ if name in fields}
    try:
        return msgspec.convert(known, into, strict=False)
    except UnicodeEncodeError:
        raise RequestError("a field holds half a surrogate pair; give text that UTF-8 can say") from None
    except msgspec.ValidationError as error:
        # msgspec ends its messages with the field: "… required field `x`" or "… - at `$.x`"
        name = re.split(r"\W+", str(error))[-2]
        raise wrong(name, fields.get(name)) from None


def read_exactly(fields: Mapping[str, object], into: type[Fields]) -> Fields:
    """Return the fields that ``into`` has, as ``read`` does, but take no text for null.

    Raises:
        RequestError: if one is missing or of a wrong type; it names it and says what was expected.
    """
    written = read(fields, into)
    for name in into.__struct_fields__:
        if isinstance(fields.get(name), str) and getattr(written, name) is None:
            raise wrong(name, fields[name])
    return written


def country_of(name: str, value: str) -> str:
    """Return a country's name without blanks around it.

    Raises:
        RequestError: if it cannot be one.
    """
    try:
        length = len(country_key(value).encode())
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= MAX_COUNTRY:
        raise wrong(name, value)
    return value.strip()


def segment_of(name: str, value: str, definitions: Definitions, country: str) -> Segment:
    """Return the segment that a field names, as a country has it.

    Raises:
        RequestError: if there is none of that name; it lists those that there are.
    """
    try:
        return definitions.segment(value).in_country(country)
    except KeyError:
        there_are = ", ".join(definitions.names)
        raise RequestError(
            f"there is no segment {format_value(value)}; there are: {there_are}", name
        ) from None


def moment_of(name: str, text: str | None) -> datetime | None:
    """Return the moment that a field names, in UTC.

    Raises:
        RequestError: if it names none.
    """
    try:
        return None if text is None else parse_timestamp(text)
    except ValueError:
        raise wrong(name, text) from None


def missing(name: str, why: str = "") -> RequestError:
    """Return the error of a field that is missing."""
    return RequestError(f"{name} is missing: {why}give {EXPECTED[name]}", name)


def wrong(name: str, value: object) -> RequestError:
    """Return the error of a field that is not what was expected; null is missing."""
    if value is None:
        return missing(name)
    return RequestError(f"{name} must be {EXPECTED[name]}, not {format_value(value)}", name)
