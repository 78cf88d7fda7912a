"""Reading requests for one customer's voucher, and for counts: from fields to values whose limits hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from api.http.errors import RequestError, UnknownCountryError
from api.http.fields import (
    NEEDED,
    CountryName,
    Fallback,
    Moment,
    Orders,
    SegmentName,
    country_of,
    missing,
    moment_of,
    read,
    read_exactly,
    segment_of,
)
from vouchers.counts import most_used, range_cell
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from vouchers.dynamodb.segments_table import CellCounts, CountryCounts
    from vouchers.segments import Definitions, Range, Segment


class VoucherFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a request for a voucher, as they are written; others are ignored, and null is left out.

    Attributes:
        country_code: the country's name; blanks around it and case do not matter.
        segment_name: by which segment to choose.
        last_order_ts: time of the last order; segments by days since the last order need it.
        first_order_ts: time of the first order; segments by days since the first order need it.
        total_orders: number of orders, also as text; segments by orders need it.
        customer_id: what the customer is called; it is never logged.
        fallback: where the customer's range has no answer, answer with that of the whole country.
    """

    country_code: CountryName
    segment_name: SegmentName
    last_order_ts: Moment | None = None
    first_order_ts: Moment | None = None
    total_orders: Orders | None = None
    customer_id: str | int | None = None
    fallback: Fallback | None = None


class CountsFields(msgspec.Struct, frozen=True, kw_only=True):
    """Which counts are asked for, as it is written.

    Attributes:
        country: the country's name; blanks around it and case do not matter.
        segment: the segment whose counts to show; without it, all.
    """

    country: CountryName
    segment: SegmentName | None = None


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


def voucher_request(fields: Mapping[str, object], definitions: Definitions, now: datetime) -> VoucherRequest:
    """Return what a request for a voucher asks.

    Args:
        fields: as ``bodies.fields_of`` gives them.
        definitions: the segments that there are.
        now: the moment in UTC that recency is measured to.

    Raises:
        RequestError: if a field is missing or wrong; the message names it and says what was expected.
    """
    written = read(fields, VoucherFields)
    country = country_of("country_code", written.country_code)
    segment = segment_of("segment_name", written.segment_name, definitions, country)
    value = needed(segment, attributes(written, now, "is in the future"))
    return VoucherRequest(country, segment, value, fallback=written.fallback is not None)


def counts_request(query: Mapping[str, str], definitions: Definitions) -> CountsRequest:
    """Return what a request for counts asks.

    Raises:
        RequestError: if the country is missing or the segment is unknown.
    """
    written = read_exactly(query, CountsFields)
    country = country_of("country", written.country)
    if written.segment is None:
        return CountsRequest(country, tuple(each.in_country(country) for each in definitions.segments))
    return CountsRequest(country, (segment_of("segment", written.segment, definitions, country),))


def attributes(written: VoucherFields, as_of: datetime, later: str) -> dict[Attribute, float | None]:
    """Return a customer's attributes; those are None that the request says nothing of.

    Args:
        written: the request's fields.
        as_of: the moment in UTC that recency is measured to.
        later: what an order after ``as_of`` is said to be.

    Raises:
        RequestError: if a time cannot be read, or the last order is later than ``as_of``.
    """
    last_order = moment_of("last_order_ts", written.last_order_ts)
    first_order = moment_of("first_order_ts", written.first_order_ts)
    if last_order and last_order > as_of:
        sentence = f"last_order_ts {written.last_order_ts} {later}; give the time of an order that was made"
        raise RequestError(sentence, "last_order_ts")
    return {
        Attribute.DAYS_SINCE_LAST_ORDER: (as_of - last_order).days if last_order else None,
        Attribute.DAYS_SINCE_FIRST_ORDER: (as_of - first_order).days if first_order else None,
        Attribute.TOTAL_ORDERS: written.total_orders,
    }


def needed(segment: Segment, values: Mapping[Attribute, float | None]) -> float:
    """Return the attribute that a segment sorts by.

    Raises:
        RequestError: if it is missing, or a time from which no days have gone by.
    """
    value, field = values[segment.attribute], NEEDED[segment.attribute]
    if value is None:
        raise missing(field, f"{segment.name} needs it; ")
    if value < 0:
        raise RequestError(
            f"{field} is later than the as-of date; give the time of an order that was made", field
        )
    return value


class Counts(Protocol):
    """Where counts are read: ``vouchers.dynamodb.segments_table.SegmentsTable``, or what stands before it."""

    def cell(self, country: str, segment: str, held: Range, /) -> CellCounts | None:
        """Return the counts of one range; None where nothing was counted."""

    def country(self, name: str, /) -> CountryCounts | None:
        """Return all that is counted for a country; None where there is nothing."""

    def countries(self) -> list[str]:
        """Return the countries that have counts, sorted."""


def voucher_amounts(table: Counts, request: VoucherRequest) -> list[float]:
    """Return the amounts that the customer's range uses most, ascending; none where there is no answer.

    An answer from the customer's own range costs one GetItem. Only without one is the country looked at.

    Raises:
        UnknownCountryError: if nothing is counted for the country.
    """
    held = request.segment.range_of(request.value)
    cell = table.cell(request.country, request.segment.name, held) if held else None
    counts = cell.amounts if cell else {}
    amounts = most_used(counts)
    if amounts or (counts and not request.fallback):
        return amounts
    counted = country_counts(table, request.country, table.countries)
    return most_used(_totals(counted, request.segment)) if request.fallback else []


def country_counts(table: Counts, country: str, countries: Callable[[], list[str]]) -> CountryCounts:
    """Return all that is counted for a country.

    Raises:
        UnknownCountryError: if nothing is; it lists those that ``countries`` gives.
    """
    counted = table.country(country)
    if counted is None:
        raise UnknownCountryError(country, countries())
    return counted


def _totals(counted: CountryCounts, segment: Segment) -> Counter[float]:
    totals: Counter[float] = Counter()
    for held in segment.ranges:
        cell = counted.cells.get(range_cell(counted.name, segment.name, held).name)
        totals.update(cell.amounts if cell else {})
    return totals
