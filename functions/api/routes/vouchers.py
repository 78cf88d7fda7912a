"""``/voucher_amount``: which voucher amount one customer gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType

from api import dependencies
from api.cached_table import CachedSegmentsTable
from api.http.errors import ConflictingFieldsError, UnknownCountryError
from api.http.fields import (
    EXPECTED,
    CountryName,
    Fallback,
    Orders,
    SegmentName,
    Timestamp,
    body_or_query,
    country_of,
    read,
    segment_of,
    time_of,
)
from api.http.middleware import log_fields
from api.http.routing import Router
from vouchers.counts import NO_SETTINGS, choose
from vouchers.dynamodb.segments_table import CellCounts, CountryCounts
from vouchers.segments import Attribute, CountrySettings, Range, Segment, load_definitions

SOURCE_FIELDS = {
    Attribute.DAYS_SINCE_LAST_ORDER: "last_order_ts",
    Attribute.DAYS_SINCE_FIRST_ORDER: "first_order_ts",
    Attribute.TOTAL_ORDERS: "total_orders",
}
"""The field that each attribute is computed from."""

ORDERS = SOURCE_FIELDS[Attribute.TOTAL_ORDERS]


class CustomerFields(msgspec.Struct, frozen=True, kw_only=True):
    """A customer of a request for many. A wrong value fails that customer only.

    Attributes:
        country_code: the country's name, in any spelling that files may have.
        segment_name: the segment to choose by.
        last_order_ts: time of the last order; required by segments by days since the last order.
        first_order_ts: time of the first order; required by segments by days since the first order.
        total_orders: number of orders, as a number or a string; required by segments by orders. Null and
            empty are 0, as in files.
        customer_id: the customer's id; never logged.
        fallback: if the customer's range has no answer, use the counts of all ranges in the country.
    """

    country_code: str | None = None
    segment_name: str | None = None
    last_order_ts: str | None = None
    first_order_ts: str | None = None
    total_orders: float | str | None = None
    customer_id: str | int | None = None
    fallback: str | None = None


class VoucherFields(CustomerFields, frozen=True, kw_only=True):
    """A request for a voucher. Unknown fields are ignored. A time that is null or empty is missing."""

    country_code: CountryName
    segment_name: SegmentName
    last_order_ts: Timestamp | None = None
    first_order_ts: Timestamp | None = None
    total_orders: Orders | None = None
    customer_id: str | int | None = None
    fallback: Fallback | None = None


class Guards(msgspec.Struct, frozen=True):
    """What the settings of a country demand of a choice.

    Attributes:
        minimum_uses: uses, with and without a voucher, that a choice needs.
        amounts: the only amounts that may be chosen; null for all.
        min_amount: the lowest amount that may be chosen; null without a bound.
        max_amount: the highest amount that may be chosen; null without a bound.
    """

    minimum_uses: int
    amounts: list[float] | None
    min_amount: float | None
    max_amount: float | None

    @classmethod
    def of(cls, settings: CountrySettings) -> Self | None:
        """Return the guards of a country; None if it has none."""
        if not settings.has_guards:
            return None
        return cls(
            settings.minimum_uses,
            None if settings.amounts is None else sorted(settings.amounts),
            settings.min_amount or None,
            settings.max_amount if isfinite(settings.max_amount) else None,
        )


class VoucherAnswer(msgspec.Struct, frozen=True):
    """The amounts to choose from.

    Attributes:
        voucher_amount: one amount, several on a tie (ascending), or none.
        currency: the currency of the amounts (ISO 4217), if the definitions name it.
    """

    voucher_amount: list[float]
    currency: str | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer to choose a voucher for.

    Attributes:
        country: its name, in any spelling.
        segment: the segment to choose by, with the ranges of the country.
        values: the customer's attributes; None for those that the request lacks.
        range_: the customer's range of the segment; None if the customer is in none.
        fallback: whether to use the counts of all ranges if the customer's range has no answer.
        settings: the settings of the country.
    """

    country: str
    segment: Segment
    values: Mapping[Attribute, float | None]
    range_: Range | None
    fallback: bool
    settings: CountrySettings = NO_SETTINGS


def voucher_amount(router: Router) -> VoucherAnswer:
    """Choose the voucher amount that customers of the same country and range use most.

    The fields are a JSON body or, without a body, a query string. Prefer POST, since URLs end up in logs.
    Counts may come from a cache; the header `Age` gives their age in seconds.
    """
    fields = body_or_query(router.current_event)
    log_fields(router, country=fields.get("country_code"), segment=fields.get("segment_name"))
    now = datetime.now(UTC)
    customer = parse_customer(read(read_blanks(fields), VoucherFields), now)
    amounts = choose_amounts(dependencies.cached_segments_table(router, now), customer)
    return VoucherAnswer(amounts, customer.settings.currency or UNSET)


def read_blanks(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a customer, with 0 for a number of orders that is null or blank."""
    orders = fields.get(ORDERS, 0)
    is_blank = orders is None or (isinstance(orders, str) and not orders.strip())
    return {**fields, ORDERS: 0} if is_blank else {**fields}


def parse_customer(given: VoucherFields, as_of: datetime, later: str = "is in the future") -> Customer:
    """Check the fields of a customer.

    Args:
        given: the fields.
        as_of: in UTC; recency is measured to it.
        later: completes the error message "last_order_ts … <later>" for a last order after ``as_of``.

    Raises:
        RequestError: if the country, the segment or a time is invalid.
        ConflictingFieldsError: if the last order is after ``as_of``, or the value of the segment's attribute
            is missing or a number of days below 0.
    """
    country = country_of("country_code", given.country_code)
    definitions = load_definitions()
    segment = segment_of("segment_name", given.segment_name, definitions, country)
    last_order = time_of("last_order_ts", given.last_order_ts)
    first_order = time_of("first_order_ts", given.first_order_ts)
    if last_order and last_order > as_of:
        message = f"last_order_ts {given.last_order_ts} {later}; give the time of a past order"
        raise ConflictingFieldsError(message, "last_order_ts")
    values = {
        Attribute.DAYS_SINCE_LAST_ORDER: (as_of - last_order).days if last_order else None,
        Attribute.DAYS_SINCE_FIRST_ORDER: (as_of - first_order).days if first_order else None,
        Attribute.TOTAL_ORDERS: given.total_orders,
    }
    value, field = values[segment.attribute], SOURCE_FIELDS[segment.attribute]
    if value is None:
        message = f"{field} is missing: {segment.name} requires it; give {EXPECTED[field]}"
        raise ConflictingFieldsError(message, field)
    if value < 0:
        message = f"{field} is later than the as-of date; give the time of a past order"
        raise ConflictingFieldsError(message, field)
    range_, fallback = segment.range_of(value), given.fallback is not None
    return Customer(country, segment, values, range_, fallback, definitions.settings(country))


def choose_amounts(table: CachedSegmentsTable, customer: Customer) -> list[float]:
    """Return the amounts that are chosen for the customer's range, ascending; empty if there is no answer.

    An answer from the customer's range costs one GetItem. The country is only read without one.

    Raises:
        UnknownCountryError: if the country has no counts.
    """
    country, segment, range_ = customer.country, customer.segment, customer.range_
    cell = table.cell(country, segment.name, range_) if range_ else None
    amounts = choose(cell.amounts, customer.settings).amounts if cell else []
    if amounts or (cell and cell.amounts and not customer.fallback):
        return amounts
    counts = country_counts(table, country)
    if not customer.fallback:
        return []
    total = CellCounts.total(counts.cell(segment, range_) for range_ in segment.ranges)
    return choose(total.amounts, customer.settings).amounts


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
