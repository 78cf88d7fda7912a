"""Fields of requests: their types, with additions for their JSON Schema, and reading them."""

import base64
import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from msgspec import Meta

from api.http.errors import BodyTooLargeError, RequestError, format_value
from api.http.responses import header
from vouchers.segments import Definitions, Segment
from vouchers.text import country_key, country_name
from vouchers.timestamps import parse_timestamp

SEGMENT_FORMAT, NUMERAL_FORMAT, TIMESTAMP_FORMAT = "segment", "numeral", "timestamp"
"""Mark fields whose schema ``openapi/document.py`` completes."""

Timestamp = Annotated[str, Meta(extra_json_schema={"format": TIMESTAMP_FORMAT})]
"""A date, or a date and time with optional seconds, fraction and zone; UTC by default. Empty: no time."""

NAME = r"[^\s\u200b-\u200f\u2060\ufeff]"
"""A character that ``vouchers.text`` keeps in a country's name."""

CountryName = Annotated[str, Meta(examples=["Peru"], extra_json_schema={"pattern": NAME})]
SegmentName = Annotated[str, Meta(extra_json_schema={"format": SEGMENT_FORMAT})]
Orders = Annotated[float, Meta(ge=0, le=sys.float_info.max, extra_json_schema={"format": NUMERAL_FORMAT})]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A time of an answer, in UTC."""

Fallback = Literal["country"]
Format = Literal["csv", "json"]
Fields = TypeVar("Fields", bound=msgspec.Struct)

MAX_BODY = 64 * 1024
"""Bytes of a request body."""

MAX_COUNTRY_KEY = 2048
"""Bytes of a partition key of DynamoDB."""

TIMESTAMP = "a date or a time such as 2018-05-03, 2018-05-03T14:30:00Z or 2018-05-03 14:30:00+02:00"
COUNTRY = "a country's name, such as Peru"
SEGMENT = "a segment's name, such as recency_segment"
EXPECTED = {
    "as_of": TIMESTAMP,
    "country": COUNTRY,
    "country_code": COUNTRY,
    "segment": SEGMENT,
    "segment_name": SEGMENT,
    "last_order_ts": TIMESTAMP,
    "first_order_ts": TIMESTAMP,
    "total_orders": "a number from 0 up, such as 15",
    "customer_id": "a string or a whole number",
    "fallback": '"country", or left out',
    "customers": "a list of 1 to 100 customers",
    "limit": "a whole number from 1 to 100",
    "cursor": "the next_cursor of the previous page",
    "status": "counted, failed or deleted",
    "format": "csv or json",
    "source": "the key of a file, such as vouchers/2018/may.parquet",
    "name": "a file's name such as may.parquet, of at most 1,024 characters",
    "column_names": "printable ASCII such as country_code=country, of at most 1,800 characters",
}
"""Describes the valid values of each field, for error messages."""


def body_or_query(event: APIGatewayProxyEvent) -> dict[str, object]:
    """Return the fields of the JSON body, or of the query string if the body is blank or an empty object.

    ``fallback`` in the query string is added to the fields of a body that lacks it.

    Raises:
        RequestError: if the body is not a JSON object in UTF-8, or is too large.
    """
    query = event.query_string_parameters
    given = {name: query[name] for name in ("fallback",) if name in query}
    return given | json_object(event, MAX_BODY, blank=query)


def json_object(
    event: APIGatewayProxyEvent, max_bytes: int, *, blank: dict[str, str] | None = None
) -> dict[str, object]:
    """Return the JSON object in the body.

    Args:
        event: the request.
        max_bytes: maximum size of the body.
        blank: the fields to return for a blank body, which is an error by default.

    Raises:
        RequestError: if the body is not a JSON object in UTF-8, or is too large.
    """
    try:
        text = event.body or ""
        raw = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
        if len(raw) > max_bytes:
            raise BodyTooLargeError(f"the body has {len(raw)} bytes; give at most {max_bytes}")
        body = raw.decode().removeprefix("\ufeff")
    except ValueError:
        refuse_encoding(event)
        raise RequestError("the body is not UTF-8 text; give a JSON object") from None
    if blank is not None and not body.strip():
        return {**blank}
    try:
        fields = json.loads(body)
    except json.JSONDecodeError as error:
        # Emulators pass compressed bodies as text.
        refuse_encoding(event)
        place = f"line {error.lineno}, column {error.colno}"
        raise RequestError(f"the body is not JSON at {place}; give a JSON object") from None
    except ValueError:
        raise RequestError("the body has a number with too many digits") from None
    except RecursionError:
        raise RequestError("the body is nested too deeply; give a flat JSON object") from None
    if blank and fields == {}:
        return {**blank}
    if not isinstance(fields, dict):
        raise RequestError(f"the body must be a JSON object, not {format_value(fields)}")
    return fields


def refuse_encoding(event: APIGatewayProxyEvent) -> None:
    """Raise RequestError if the body is compressed."""
    if encoding := header(event, "Content-Encoding"):
        raise RequestError(f"the body is encoded as {format_value(encoding)}; give plain JSON") from None


def read(fields: Mapping[str, object], into: type[Fields]) -> Fields:
    """Convert fields to ``into``, with strings to numbers; fields that it lacks are ignored.

    Raises:
        RequestError: if a field is missing or of a wrong type.
    """
    known = {name: fields[name] for name in into.__struct_fields__ if name in fields}
    try:
        given = msgspec.convert(known, into, strict=False)
    except UnicodeEncodeError:
        raise RequestError("a field contains a lone surrogate; give text that UTF-8 can encode") from None
    except msgspec.ValidationError as error:
        # msgspec ends its messages with the field: "… required field `x`" or "… - at `$.x`"
        name = re.split(r"\W+", str(error))[-2]
        raise wrong(name, fields.get(name)) from None
    for name in into.__struct_fields__:
        # msgspec takes some strings for null.
        if isinstance(fields.get(name), str) and getattr(given, name) is None:
            raise wrong(name, fields[name])
    return given


def country_of(name: str, value: str) -> str:
    """Return the value of a field with a country's name, as ``vouchers.text.country_name`` writes it.

    Raises:
        RequestError: if it is blank, too long, or not UTF-8.
    """
    try:
        length = len(country_key(value).encode())
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= MAX_COUNTRY_KEY:
        raise wrong(name, value)
    return country_name(value)


def segment_of(name: str, value: str, definitions: Definitions, country: str) -> Segment:
    """Return the segment that a field names, with the ranges of a country.

    Raises:
        RequestError: if it is not defined; it lists the segments.
    """
    try:
        return definitions.segment(value).in_country(country)
    except KeyError:
        names = ", ".join(definitions.names)
        raise RequestError(f"there is no segment {format_value(value)}; use one of: {names}", name) from None


def time_of(name: str, text: str | None) -> datetime | None:
    """Return the time that a field gives, in UTC; None if it is null or blank.

    Raises:
        RequestError: if it is not a timestamp.
    """
    try:
        return parse_timestamp(text) if text and text.strip() else None
    except ValueError:
        raise wrong(name, text) from None


def wrong(name: str, value: object) -> RequestError:
    """Return the error of a field with a wrong value; null counts as missing."""
    if value is None:
        return RequestError(f"{name} is missing: give {EXPECTED[name]}", name)
    return RequestError(f"{name} must be {EXPECTED[name]}, not {format_value(value)}", name)
