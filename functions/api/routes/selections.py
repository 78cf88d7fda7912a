"""Reading requests for the vouchers of many customers: each customer's fields, or what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.http.errors import RequestError, UnknownCountryError, UnreadError, error_response
from api.http.fields import Fallback, Moment, country_of, moment_of, read_exactly, segment_of
from api.http.format_value import format_value
from api.http.problems import Problem, problem
from api.routes.vouchers import VoucherFields, attributes, needed
from api.statistics import CONFIDENCE, Interval, UsedAmount, ranked, sample_size
from vouchers.counts import NO_VOUCHER, most_used, range_cell, spellings_cell
from vouchers.dynamodb.segments_table import CellCounts, Found
from vouchers.segments import Attribute
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from api.cached_table import CachedSegmentsTable
    from vouchers.counts import Cell
    from vouchers.segments import Definitions, Range, Segment

MAX_CUSTOMERS = 100
MAX_BODY = 256 * 1024
"""Bytes of a body that are read."""


class SelectionsFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a request for many customers' vouchers, as they are written; others are ignored.

    Attributes:
        customers: whom to choose vouchers for.
        as_of: to when recency is measured, past or future; without it, to now.
        fallback: the same for all customers; one may also say it for itself.
    """

    customers: list[Any]
    as_of: Moment | None = None
    fallback: Fallback | None = None


class SelectionsRequest(SelectionsFields, frozen=True, kw_only=True):
    """What a request for many customers' vouchers is to be; what is wrong with one fails that one alone."""

    customers: Annotated[list[VoucherFields], Meta(min_length=1, max_length=MAX_CUSTOMERS)]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer to choose a voucher for; ``held`` is None where no range holds the customer."""

    id: str | int | None
    country: str
    segment: Segment
    days_since_last_order: int | None
    days_since_first_order: int | None
    total_orders: float | None
    held: Range | None
    fallback: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A customer whose fields are wrong, and how."""

    id: str | int | None
    error: RequestError


def customers_of(
    fields: Mapping[str, object], definitions: Definitions, now: datetime
) -> tuple[datetime, list[Customer | Refused]]:
    """Return the moment that recency is measured to, and the customers.

    Args:
        fields: of the body.
        definitions: the segments that there are.
        now: the moment in UTC that recency is measured to unless the request says another.

    Raises:
        RequestError: if anything but a customer's own fields is wrong.
    """
    written = read_exactly(fields, SelectionsFields)
    count = len(written.customers)
    if not 1 <= count <= MAX_CUSTOMERS:
        raise RequestError(f"customers has {count} entries; give 1 to {MAX_CUSTOMERS}", "customers")
    as_of = moment_of("as_of", written.as_of)
    later = "is in the future" if as_of is None else f"is later than as_of {written.as_of}"
    reader = _Reader(definitions, as_of or now, later, fallback=written.fallback is not None)
    return as_of or now, [reader.customer(each) for each in written.customers]


@dataclass(frozen=True, slots=True)
class _Reader:
    definitions: Definitions
    as_of: datetime
    later: str
    fallback: bool

    def customer(self, given: object) -> Customer | Refused:
        try:
            return self._customer(given)
        except RequestError as error:
            return Refused(_id(given), error)

    def _customer(self, given: object) -> Customer:
        if not isinstance(given, dict):
            raise RequestError(f"a customer must be an object, not {format_value(given)}")
        written = read_exactly(given, VoucherFields)
        country = country_of("country_code", written.country_code)
        segment = segment_of("segment_name", written.segment_name, self.definitions, country)
        values = attributes(written, self.as_of, self.later)
        last, first = (values[a] for a in (Attribute.DAYS_SINCE_LAST_ORDER, Attribute.DAYS_SINCE_FIRST_ORDER))
        return Customer(
            _id(given),
            country,
            segment,
            None if last is None else int(last),
            None if first is None else int(first),
            written.total_orders,
            segment.range_of(needed(segment, values)),
            self.fallback or written.fallback is not None,
        )


def _id(given: object) -> str | int | None:
    """Return what a customer is called, if it is called anything that an answer can repeat."""
    match given:
        case {"customer_id": bool()}:
            return None
        case {"customer_id": str(name)}:
            return name.encode(errors="replace").decode()
        case {"customer_id": int(number)}:
            return number
        case _:
            return None


MAX_ALTERNATIVES = 20
"""How many other amounts an answer lists."""


class Selected(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="selected"):
    """The voucher amounts for a customer, and why these.

    Attributes:
        index: the customer's place in the request, from 0.
        voucher_amount: the amounts to choose from: one, several on a tie (ascending), or none.
        reason: what the customer's range says: `most_used` amounts, `no_voucher_used` in it, or there is
            `no_range` that holds the customer.
        fallback: `country`, if the amounts are those of the whole country because the range had none.
        country: as it is most often written.
        days_since_last_order: whole days from the last order to the as-of date.
        days_since_first_order: whole days from the first order to it.
        count: how often each of the amounts was used.
        share: that, as a share of the sample.
        interval: where the true share lies with 95 % confidence.
        sample_size: how many uses the amounts were chosen by, those without a voucher included.
        without_voucher: uses without a voucher.
        alternatives: other amounts, the most used first; twenty at most.
        alternatives_left_out: how many more there are.
        updated_at: when the counts that the amounts were chosen by last changed (ISO 8601, UTC).
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
    """Why there is no answer for a customer."""

    index: int
    customer_id: str | int | None
    error: Problem


class SelectionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for all customers, in their order.

    Attributes:
        as_of: the moment that recency was measured to (ISO 8601, UTC).
        definitions: the version of the segment definitions.
        confidence: that of the intervals.
        read_at: when the oldest of the counts was read (ISO 8601, UTC).
    """

    as_of: str
    definitions: str
    confidence: float
    read_at: str
    selections: list[Selected | Failed]


def answer(
    customers: Sequence[Customer | Refused],
    table: CachedSegmentsTable,
    *,
    as_of: datetime,
    definitions: str,
    request_id: str,
) -> SelectionsAnswer:
    """Return the answers for customers; the counts that they need are read once each."""
    selections = _select(customers, table, request_id)
    return SelectionsAnswer(
        as_of=_written(as_of),
        definitions=definitions,
        confidence=CONFIDENCE,
        read_at=_written(datetime.fromtimestamp(table.read_at, UTC)),
        selections=selections,
    )


def _written(moment: datetime) -> str:
    """Return a moment as ISO 8601, in years before 1000 too."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _select(
    customers: Sequence[Customer | Refused], table: CachedSegmentsTable, request_id: str
) -> list[Selected | Failed]:
    readable = [customer for customer in customers if isinstance(customer, Customer)]
    own = table.look_up(cell for customer in readable for cell in _own_cells(customer))
    lacking = [each for each in readable if each.fallback and not most_used(_own(each, own).amounts)]
    wide = table.look_up(cell for customer in lacking for cell in _segment_cells(customer))
    counted = _Counted(own, wide, cache(table.countries))
    return [_answer(index, customer, counted, request_id) for index, customer in enumerate(customers)]


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was read: of the customers' own ranges, and of whole segments for those that fall back on them."""

    own: Found
    wide: Found
    countries: Callable[[], list[str]]


def _answer(
    index: int, customer: Customer | Refused, counted: _Counted, request_id: str
) -> Selected | Failed:
    try:
        if isinstance(customer, Refused):
            raise customer.error
        return _selected(index, customer, counted)
    except (RequestError, UnreadError) as error:
        failed = problem(error_response(error, request_id), request_id)
        return Failed(index=index, customer_id=customer.id, error=failed)


def _selected(index: int, customer: Customer, counted: _Counted) -> Selected:
    _require_read(_own_cells(customer), counted.own)
    name = counted.own.names.get(country_key(customer.country))
    if name is None:
        raise UnknownCountryError(customer.country, counted.countries())
    counts = _own(customer, counted.own)
    falls_back = customer.fallback and not most_used(counts.amounts)
    if falls_back:
        _require_read(_segment_cells(customer), counted.wide)
    return Selected(
        index=index,
        customer_id=customer.id,
        reason=_reason(customer, counts),
        fallback="country" if falls_back else None,
        country=name,
        segment_name=customer.segment.name,
        min_range=customer.held.min if customer.held else None,
        max_range=customer.held.max if customer.held else None,
        days_since_last_order=customer.days_since_last_order,
        days_since_first_order=customer.days_since_first_order,
        total_orders=customer.total_orders,
        **_choice(_together(customer, counted.wide) if falls_back else counts),
    )


def _choice(counts: CellCounts) -> dict[str, Any]:
    """Return what is chosen by some counts, and how sure that is."""
    chosen = most_used(counts.amounts)
    used = {each.voucher_amount: each for each in ranked(counts.amounts)}
    first = used[chosen[0]] if chosen else None
    others = [each for amount, each in used.items() if amount not in chosen]
    return {
        "voucher_amount": chosen,
        "count": first.count if first else None,
        "share": first.share if first else None,
        "interval": first.interval if first else None,
        "sample_size": sample_size(counts.amounts),
        "without_voucher": counts.amounts.get(NO_VOUCHER, 0),
        "alternatives": others[:MAX_ALTERNATIVES],
        "alternatives_left_out": max(0, len(others) - MAX_ALTERNATIVES),
        "updated_at": counts.updated_at or None,
    }


def _reason(customer: Customer, counts: CellCounts) -> Literal["most_used", "no_voucher_used", "no_range"]:
    if customer.held is None:
        return "no_range"
    return "most_used" if most_used(counts.amounts) else "no_voucher_used"


def _own_cells(customer: Customer) -> list[Cell]:
    spelled = spellings_cell(customer.country)
    if customer.held is None:
        return [spelled]
    return [spelled, range_cell(customer.country, customer.segment.name, customer.held)]


def _segment_cells(customer: Customer) -> list[Cell]:
    return [range_cell(customer.country, customer.segment.name, held) for held in customer.segment.ranges]


def _own(customer: Customer, found: Found) -> CellCounts:
    return found.counts.get(_own_cells(customer)[-1], CellCounts({}, ""))


def _together(customer: Customer, found: Found) -> CellCounts:
    """Return the counts of all ranges of a customer's segment in the country as one."""
    held = [found.counts[cell] for cell in _segment_cells(customer) if cell in found.counts]
    totals: Counter[float] = Counter()
    for counts in held:
        totals.update(counts.amounts)
    return CellCounts(dict(totals), max((counts.updated_at for counts in held), default=""))


def _require_read(cells: Iterable[Cell], found: Found) -> None:
    if not found.unread.isdisjoint(cells):
        raise UnreadError
