"""``/v1/selections``: the voucher amounts of many customers, and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api import dependencies
from api.http.errors import (
    ApiError,
    Problem,
    RequestError,
    UnavailableError,
    UnknownCountryError,
    format_value,
    problem,
)
from api.http.fields import (
    Fallback,
    Timestamp,
    body_text,
    country_of,
    json_object,
    read_exactly,
    segment_of,
    time_of,
)
from api.http.middleware import log_fields, request_id
from api.routes.vouchers import VoucherFields, attributes, required_value
from api.statistics import CONFIDENCE, Interval, UsedAmount, ranked, sample_size
from vouchers.counts import NO_VOUCHER, most_used, range_cell, spellings_cell
from vouchers.dynamodb.segments_table import CellCounts, Found
from vouchers.segments import Attribute, load_definitions
from vouchers.text import country_key
from vouchers.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.http.routing import Router
    from vouchers.counts import Cell
    from vouchers.segments import Definitions, Range, Segment

MAX_CUSTOMERS = 100
MAX_ALTERNATIVES = 20
MAX_BODY = 256 * 1024
"""Bytes of a request body."""


class SelectionsFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose customers are not read yet. Unknown fields are ignored.

    Attributes:
        customers: the customers to choose vouchers for.
        as_of: the time to measure recency to, past or future; now by default.
        fallback: as in `VoucherFields`, for all customers.
    """

    customers: list[Any]
    as_of: Timestamp | None = None
    fallback: Fallback | None = None


class SelectionsRequest(SelectionsFields, frozen=True, kw_only=True):
    """A request for the vouchers of many customers. A wrong field of a customer fails that customer only."""

    customers: Annotated[list[VoucherFields], Meta(min_length=1, max_length=MAX_CUSTOMERS)]


class Selected(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="selected"):
    """The voucher amounts of a customer, and the reasons.

    Attributes:
        index: the customer's position in the request, from 0.
        voucher_amount: the amounts to choose from: one, several on a tie (ascending), or none.
        reason: `most_used`: the most used amounts of the customer's range; `no_voucher_used`: nobody in the
            range used a voucher; `no_range`: the customer is in no range.
        fallback: `country` if the amounts come from all ranges of the country.
        country: its most frequent spelling.
        days_since_last_order: whole days from the last order to the as-of date.
        days_since_first_order: whole days from the first order to the as-of date.
        count: how often each of the amounts was used.
        share: the count as a share of the sample.
        interval: the 95 % confidence interval of the share.
        sample_size: number of uses that the amounts were chosen from, with and without a voucher.
        without_voucher: uses without a voucher.
        alternatives: up to twenty other amounts, by descending count.
        alternatives_left_out: number of further amounts.
        updated_at: when the counts last changed (ISO 8601, UTC).
    """

    index: int
    customer_id: str | int | None
    voucher_amount: list[float]
    reason: Literal["most_used", "no_voucher_used", "no_range"]
    fallback: Literal["country"] | None
    country: str
    segment_name: str
    min_range: int | None
    max_range: int | None
    days_since_last_order: int | None
    days_since_first_order: int | None
    total_orders: float | None
    count: int | None
    share: float | None
    interval: Interval | None
    sample_size: int
    without_voucher: int
    alternatives: list[UsedAmount]
    alternatives_left_out: int
    updated_at: str | None


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="failed"):
    """The error of a customer."""

    index: int
    customer_id: str | int | None
    error: Problem


class SelectionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for all customers, in their order.

    Attributes:
        as_of: the time that recency was measured to (ISO 8601, UTC).
        definitions: version of the segment definitions.
        confidence: confidence level of the intervals.
        read_at: when the oldest of the counts was read (ISO 8601, UTC).
    """

    as_of: str
    definitions: str
    confidence: float
    read_at: str
    selections: list[Selected | Failed]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer to choose a voucher for.

    Attributes:
        range_: the customer's range of the segment; None if the customer is in none.
        fallback: whether to use the counts of all ranges if the customer's range has no answer.
    """

    id: str | int | None
    country: str
    segment: Segment
    days_since_last_order: int | None
    days_since_first_order: int | None
    total_orders: float | None
    range_: Range | None
    fallback: bool

    @property
    def cells(self) -> list[Cell]:
        """The cells that an answer needs: the country's spellings, and the customer's range."""
        own = [range_cell(self.country, self.segment.name, self.range_)] if self.range_ else []
        return [spellings_cell(self.country), *own]

    @property
    def fallback_cells(self) -> list[Cell]:
        """The cells of all ranges of the segment in the country."""
        return [range_cell(self.country, self.segment.name, range_) for range_ in self.segment.ranges]

    def counts(self, found: Found) -> CellCounts:
        """Return the counts of the customer's range."""
        return CellCounts.total(found.counts.get(cell) for cell in self.cells[1:])

    def falls_back(self, found: Found) -> bool:
        """Return whether the answer comes from all ranges of the segment."""
        return self.fallback and not most_used(self.counts(found).amounts)


def select(router: Router) -> SelectionsAnswer:
    """Answer which voucher amounts to give to up to a hundred customers, and why.

    The counts that they need are read together. A customer with a wrong field fails alone.
    """
    given = read_exactly(json_object(body_text(router.current_event, MAX_BODY)), SelectionsFields)
    count = len(given.customers)
    if not 1 <= count <= MAX_CUSTOMERS:
        raise RequestError(f"customers has {count} entries; give 1 to {MAX_CUSTOMERS}", "customers")
    now = datetime.now(UTC)
    as_of = time_of("as_of", given.as_of) or now
    log_fields(router, customers=count)
    definitions = load_definitions()
    customers: dict[int, Customer] = {}
    errors: dict[int, ApiError] = {}
    for index, fields in enumerate(given.customers):
        try:
            customers[index] = parse_customer(fields, given, definitions, as_of)
        except RequestError as raised:
            errors[index] = raised
    table = dependencies.cached_segments_table(router, now)
    found = table.look_up(cell for customer in customers.values() for cell in customer.cells)
    fallback = table.look_up(
        cell for each in customers.values() if each.falls_back(found) for cell in each.fallback_cells
    )
    countries = cache(table.countries)
    selections: dict[int, Selected | Failed] = {}
    for index, customer in customers.items():
        try:
            selections[index] = _selected(index, customer, found, fallback, countries)
        except ApiError as raised:
            errors[index] = raised
    for index, error in errors.items():
        customer_id, details = _customer_id(given.customers[index]), problem(error, request_id(router))
        selections[index] = Failed(index=index, customer_id=customer_id, error=details)
    return SelectionsAnswer(
        as_of=iso(as_of),
        definitions=definitions.version,
        confidence=CONFIDENCE,
        read_at=iso(now - timedelta(seconds=table.age or 0)),
        selections=[selections[index] for index in range(count)],
    )


def parse_customer(
    fields: object, request: SelectionsFields, definitions: Definitions, as_of: datetime
) -> Customer:
    """Check the fields of a customer.

    Args:
        fields: a JSON value.
        request: the fields for all customers.
        definitions: the segment definitions.
        as_of: in UTC; recency is measured to it.

    Raises:
        RequestError: if a field is missing or wrong.
    """
    if not isinstance(fields, dict):
        raise RequestError(f"a customer must be an object, not {format_value(fields)}")
    given = read_exactly(fields, VoucherFields)
    country = country_of("country_code", given.country_code)
    segment = segment_of("segment_name", given.segment_name, definitions, country)
    later = "is in the future" if request.as_of is None else f"is later than as_of {request.as_of}"
    values = attributes(given, as_of, later)
    last, first = (values[a] for a in (Attribute.DAYS_SINCE_LAST_ORDER, Attribute.DAYS_SINCE_FIRST_ORDER))
    return Customer(
        _customer_id(fields),
        country,
        segment,
        None if last is None else int(last),
        None if first is None else int(first),
        given.total_orders,
        segment.range_of(required_value(segment, values)),
        fallback=(given.fallback or request.fallback) is not None,
    )


def _customer_id(fields: object) -> str | int | None:
    """Return a customer's id if JSON can repeat it, even if other fields are wrong."""
    match fields:
        case {"customer_id": bool()}:
            return None
        case {"customer_id": str(name)}:
            return name.encode(errors="replace").decode()
        case {"customer_id": int(number)}:
            return number
        case _:
            return None


def _selected(
    index: int, customer: Customer, found: Found, fallback: Found, countries: Callable[[], list[str]]
) -> Selected:
    if not found.unread.isdisjoint(customer.cells):
        raise UnavailableError
    country = found.names.get(country_key(customer.country))
    if country is None:
        raise UnknownCountryError(customer.country, countries())
    counts, falls_back = customer.counts(found), customer.falls_back(found)
    reason: Literal["most_used", "no_voucher_used", "no_range"] = "no_range"
    if customer.range_:
        reason = "most_used" if most_used(counts.amounts) else "no_voucher_used"
    if falls_back:
        if not fallback.unread.isdisjoint(customer.fallback_cells):
            raise UnavailableError
        counts = CellCounts.total(fallback.counts.get(cell) for cell in customer.fallback_cells)
    chosen = most_used(counts.amounts)
    used = ranked(counts.amounts)
    first = next((amount for amount in used if amount.voucher_amount in chosen), None)
    others = [amount for amount in used if amount.voucher_amount not in chosen]
    return Selected(
        index=index,
        customer_id=customer.id,
        voucher_amount=chosen,
        reason=reason,
        fallback="country" if falls_back else None,
        country=country,
        segment_name=customer.segment.name,
        min_range=customer.range_.min if customer.range_ else None,
        max_range=customer.range_.max if customer.range_ else None,
        days_since_last_order=customer.days_since_last_order,
        days_since_first_order=customer.days_since_first_order,
        total_orders=customer.total_orders,
        count=first.count if first else None,
        share=first.share if first else None,
        interval=first.interval if first else None,
        sample_size=sample_size(counts.amounts),
        without_voucher=counts.amounts.get(NO_VOUCHER, 0),
        alternatives=others[:MAX_ALTERNATIVES],
        alternatives_left_out=max(0, len(others) - MAX_ALTERNATIVES),
        updated_at=counts.updated_at or None,
    )
