"""Reading requests: from an event to values whose types and limits hold."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from api.echo import shown
from api.errors import BodyTooLargeError, RequestError
from api.timestamps import parse_timestamp
from vouchers.counts import country_key
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from vouchers.segments import Definitions, Segment

MAX_BODY = 64 * 1024
"""Bytes of a body that are read."""

MAX_COUNTRY = 2048
"""Bytes of a country's key: DynamoDB takes no longer partition keys."""

TIMESTAMP = "a date or a time such as 2018-05-03, 2018-05-03T14:30:00Z or 2018-05-03 14:30:00+02:00"
COUNTRY = "a country's name, such as Peru"
EXPECTED = {
    "country": COUNTRY,
    "country_code": COUNTRY,
    "segment_name": "a segment's name, such as recency_segment",
    "last_order_ts": TIMESTAMP,
    "first_order_ts": TIMESTAMP,
    "total_orders": "a number from 0 up, such as 15",
    "customer_id": "a string or a whole number",
    "fallback": '"country", or left out',
}
NEEDED = {
    Attribute.DAYS_SINCE_LAST_ORDER: "last_order_ts",
    Attribute.TOTAL_ORDERS: "total_orders",
}
"""Which field a segment's attribute is read from."""


class VoucherFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a request for a voucher, as they are written; others are ignored."""

    country_code: str
    segment_name: str
    last_order_ts: str | None = None
    first_order_ts: str | None = None
    total_orders: Annotated[float, Meta(ge=0, le=sys.float_info.max)] | None = None
    customer_id: str | int | None = None
    fallback: Literal["country"] | None = None


@dataclass(frozen=True, slots=True)
class VoucherRequest:
    """Which customer asks: the country, the segment, and the customer's value of its attribute."""

    country: str
    segment: Segment
    value: float
    fallback: bool


@dataclass(frozen=True, slots=True)
class CountsRequest:
    """Which counts are asked for."""

    country: str
    segments: tuple[Segment, ...]


def fields_of(event: APIGatewayProxyEvent) -> dict[str, object]:
    """Return the fields of the JSON body, or of the query string where there is no body.

    The query string's ``fallback`` counts beside a body too.

    Raises:
        RequestError: if the body is not a JSON object in UTF-8, or is too large.
    """
    query = event.query_string_parameters
    body = _body(event)
    if not body.strip():
        return dict(query)
    beside = {"fallback": query["fallback"]} if "fallback" in query else {}
    return beside | _json_object(body)


def voucher_request(fields: Mapping[str, object], definitions: Definitions, now: datetime) -> VoucherRequest:
    """Return what a request for a voucher asks.

    Args:
        fields: as ``fields_of`` gives them.
        definitions: the segments that there are.
        now: the moment in UTC that recency is measured to.

    Raises:
        RequestError: if a field is missing or wrong; the message names it and says what was expected.
    """
    written = _voucher_fields(fields)
    country = _country("country_code", written.country_code)
    segment = _segment(written.segment_name, definitions)
    value = _values(written, now)[segment.attribute]
    if value is None:
        raise _missing(NEEDED[segment.attribute], f"{segment.name} needs it; ")
    return VoucherRequest(country, segment, value, fallback=written.fallback is not None)


def counts_request(query: Mapping[str, str], definitions: Definitions) -> CountsRequest:
    """Return what a request for counts asks.

    Raises:
        RequestError: if the country is missing or the segment is unknown.
    """
    if "country" not in query:
        raise _missing("country")
    wanted = query.get("segment")
    segments = definitions.segments if wanted is None else (_segment(wanted, definitions),)
    return CountsRequest(_country("country", query["country"]), segments)


def _body(event: APIGatewayProxyEvent) -> str:
    try:
        text = event.body or ""
        raw = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
        if len(raw) > MAX_BODY:
            raise BodyTooLargeError(f"the body has {len(raw)} bytes; give at most {MAX_BODY}")
        return raw.decode()
    except ValueError:
        raise RequestError("the body is not UTF-8 text; give a JSON object") from None


def _json_object(body: str) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise RequestError("the body is nested too deeply; give a flat JSON object") from None
    if not isinstance(fields, dict):
        raise RequestError(f"the body must be a JSON object, not {shown(fields)}")
    return fields


def _voucher_fields(fields: Mapping[str, object]) -> VoucherFields:
    known = {name: fields[name] for name in VoucherFields.__struct_fields__ if name in fields}
    try:
        return msgspec.convert(known, VoucherFields, strict=False)
    except UnicodeEncodeError:
        raise RequestError("a field holds half a surrogate pair; give text that UTF-8 can say") from None
    except msgspec.ValidationError as error:
        # msgspec ends its messages with the field: "… required field `x`" or "… - at `$.x`"
        name = re.split(r"\W+", str(error))[-2]
        raise _wrong(name, fields.get(name)) from None


def _country(name: str, value: str) -> str:
    try:
        length = len(country_key(value).encode())
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= MAX_COUNTRY:
        raise _wrong(name, value)
    return value.strip()


def _segment(name: str, definitions: Definitions) -> Segment:
    try:
        return definitions.segment(name)
    except KeyError:
        there_are = ", ".join(definitions.names)
        raise RequestError(f"there is no segment {shown(name)}; there are: {there_are}") from None


def _values(written: VoucherFields, now: datetime) -> dict[Attribute, float | None]:
    last_order = _moment("last_order_ts", written.last_order_ts)
    _moment("first_order_ts", written.first_order_ts)
    if last_order and last_order > now:
        raise RequestError(
            f"last_order_ts {written.last_order_ts} is in the future; give the time of an order that was made"
        )
    return {
        Attribute.DAYS_SINCE_LAST_ORDER: (now - last_order).days if last_order else None,
        Attribute.TOTAL_ORDERS: written.total_orders,
    }


def _moment(name: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_timestamp(text)
    except ValueError:
        raise _wrong(name, text) from None


def _missing(name: str, why: str = "") -> RequestError:
    return RequestError(f"{name} is missing: {why}give {EXPECTED[name]}")


def _wrong(name: str, value: object) -> RequestError:
    if value is None:
        return _missing(name)
    return RequestError(f"{name} must be {EXPECTED[name]}, not {shown(value)}")
