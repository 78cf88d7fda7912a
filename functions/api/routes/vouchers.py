"""``/voucher_amount``: which voucher amount one customer gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from api import dependencies
from api.http.errors import RequestError, UnknownCountryError
from api.http.fields import (
    SOURCE_FIELDS,
    CountryName,
    Fallback,
    Orders,
    SegmentName,
    Timestamp,
    body_or_query,
    country_of,
    missing,
    read,
    segment_of,
    time_of,
)
from api.http.middleware import log_fields
from vouchers.counts import most_used
from vouchers.dynamodb.segments_table import CellCounts
from vouchers.segments import Attribute, load_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.cached_table import CachedSegmentsTable
    from api.http.routing import Router
    from vouchers.dynamodb.segments_table import CountryCounts
    from vouchers.segments import Definitions, Segment


class VoucherFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a voucher. Unknown fields are ignored; null means that a field is missing.

    Attributes:
        country_code: the country's name; surrounding blanks and case are ignored.
        segment_name: the segment to choose by.
        last_order_ts: time of the last order; required by segments by days since the last order.
        first_order_ts: time of the first order; required by segments by days since the first order.
        total_orders: number of orders, as a number or a string; required by segments by orders.
        customer_id: the customer's id; never logged.
        fallback: if the customer's range has no answer, use the counts of all ranges in the country.
    """

    country_code: CountryName
    segment_name: SegmentName
    last_order_ts: Timestamp | None = None
    first_order_ts: Timestamp | None = None
    total_orders: Orders | None = None
    customer_id: str | int | None = None
    fallback: Fallback | None = None


class VoucherAnswer(msgspec.Struct, frozen=True):
    """The amounts to choose from: one, several on a tie (ascending), or none."""

    voucher_amount: list[float]


@dataclass(frozen=True, slots=True)
class VoucherRequest:
    """A valid request for a voucher; ``value`` is the customer's value of the segment's attribute."""

    country: str
    segment: Segment
    value: float
    fallback: bool


def voucher_amount(router: Router) -> VoucherAnswer:
    """Answer which voucher amount to give a customer."""
    fields = body_or_query(router.current_event)
    log_fields(router, country=fields.get("country_code"), segment=fields.get("segment_name"))
    now = datetime.now(UTC)
    request = parse_voucher_request(fields, load_definitions(), now)
    return VoucherAnswer(choose_amounts(dependencies.cached_segments_table(router, now), request))


def parse_voucher_request(
    fields: Mapping[str, object], definitions: Definitions, now: datetime
) -> VoucherRequest:
    """Check the fields of a request for a voucher.

    Args:
        fields: JSON values by name.
        definitions: the segment definitions.
        now: in UTC; recency is measured to it.

    Raises:
        RequestError: if a field is missing or wrong.
    """
    given = read(fields, VoucherFields)
    country = country_of("country_code", given.country_code)
    segment = segment_of("segment_name", given.segment_name, definitions, country)
    value = required_value(segment, attributes(given, now, "is in the future"))
    return VoucherRequest(country, segment, value, fallback=given.fallback is not None)


def attributes(given: VoucherFields, as_of: datetime, later: str) -> dict[Attribute, float | None]:
    """Return a customer's attributes, None for those that the request lacks.

    Args:
        given: the request's fields.
        as_of: in UTC; recency is measured to it.
        later: completes the error message "last_order_ts … <later>" for a last order after ``as_of``.

    Raises:
        RequestError: if a time is invalid, or the last order is after ``as_of``.
    """
    last_order = time_of("last_order_ts", given.last_order_ts)
    first_order = time_of("first_order_ts", given.first_order_ts)
    if last_order and last_order > as_of:
        message = f"last_order_ts {given.last_order_ts} {later}; give the time of a past order"
        raise RequestError(message, "last_order_ts")
    return {
        Attribute.DAYS_SINCE_LAST_ORDER: (as_of - last_order).days if last_order else None,
        Attribute.DAYS_SINCE_FIRST_ORDER: (as_of - first_order).days if first_order else None,
        Attribute.TOTAL_ORDERS: given.total_orders,
    }


def required_value(segment: Segment, values: Mapping[Attribute, float | None]) -> float:
    """Return the value of a segment's attribute.

    Raises:
        RequestError: if it is missing, or a number of days below 0.
    """
    value, field = values[segment.attribute], SOURCE_FIELDS[segment.attribute]
    if value is None:
        raise missing(field, f"{segment.name} requires it; ")
    if value < 0:
        raise RequestError(f"{field} is later than the as-of date; give the time of a past order", field)
    return value


def choose_amounts(table: CachedSegmentsTable, request: VoucherRequest) -> list[float]:
    """Return the most used amounts of the customer's range, ascending; empty if there is no answer.

    An answer from the customer's range costs one GetItem. The country is only read without one.

    Raises:
        UnknownCountryError: if the country has no counts.
    """
    range_ = request.segment.range_of(request.value)
    cell = table.cell(request.country, request.segment.name, range_) if range_ else None
    amounts = most_used(cell.amounts) if cell else []
    if amounts or (cell and cell.amounts and not request.fallback):
        return amounts
    counts = country_counts(table, request.country)
    if not request.fallback:
        return []
    ranges = request.segment.ranges
    return most_used(CellCounts.total(counts.cell(request.segment, range_) for range_ in ranges).amounts)


def country_counts(table: CachedSegmentsTable, country: str, *, fresh: bool = False) -> CountryCounts:
    """Return the counts of a country.

    Args:
        table: to read from.
        country: its name, in any spelling.
        fresh: read the counts from the table itself; an error's list of countries, which costs a scan, may
            still come from the cache.

    Raises:
        UnknownCountryError: if there are none; it lists the countries that have counts.
    """
    counts = (table.table if fresh else table).country(country)
    if counts is None:
        raise UnknownCountryError(country, table.countries())
    return counts
