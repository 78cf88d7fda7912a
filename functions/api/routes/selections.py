"""``/v1/selections``: the voucher amounts of many customers, and the reasons."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

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
from api.http.fields import Fallback, Moment, Timestamp, json_object, read, time_of, wrong
from api.http.middleware import log_fields, request_id
from api.http.routing import Router
from api.routes.vouchers import (
    Customer,
    CustomerFields,
    Guards,
    VoucherFields,
    parse_customer,
    read_blanks,
)
from api.statistics import CONFIDENCE, DIGITS, MAX_AMOUNTS, Interval, UsedAmount, ranked, sample_size, wilson
from vouchers.counts import NO_VOUCHER, Cell, Reason, Verdict, choose, range_cell, spellings_cell
from vouchers.dynamodb.segments_table import CellCounts, Found
from vouchers.segments import load_definitions
from vouchers.text import country_key
from vouchers.timestamps import iso

FIELD_TYPES = get_type_hints(CustomerFields)
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
    """A request for the vouchers of many customers.

    A customer that is not an object, or a field of a wrong type, fails the request.
    """

    customers: Annotated[list[CustomerFields], Meta(min_length=1, max_length=MAX_CUSTOMERS)]


class Selected(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="selected"):
    """The voucher amounts of a customer, and the reasons.

    Attributes:
        index: the customer's position in the request, from 0.
        voucher_amount: the amounts to choose from: one, several on a tie (ascending, the 500 lowest at most),
            or none.
        amounts_left_out: number of further amounts of the tie.
        reason: `most_used`: the most used amounts of the customer's range; `no_voucher_used`: nobody in the
            range used a voucher; `below_minimum_uses`: the range has fewer uses than `guards` demand;
            `no_amount_allowed`: none of the used amounts may be chosen; `no_range`: the customer is in no
            range.
        fallback: `country` if the amounts come from all ranges of the country.
        fallback_reason: as `reason`, for all ranges of the country; null without a fallback.
        guards: what the settings of the country demand of a choice; null if nothing.
        country: its most frequent spelling.
        currency: the currency of the amounts (ISO 4217); null if the definitions name none.
        days_since_last_order: whole days from the last order to the as-of date.
        days_since_first_order: whole days from the first order to the as-of date.
        count: how often each of the amounts was used.
        share: the count as a share of the sample.
        interval: the 95 % confidence interval of the share.
        verdict: how sure the choice is: `clear`, the most used amount is ahead of the second at the 5 %
            level; `close`, it is not; `too_few_uses`, the two have fewer than 30 uses; null without a choice.
        sample_size: number of uses that the amounts were chosen from, with and without a voucher.
        without_voucher: uses without a voucher.
        alternatives: up to twenty other amounts, by descending count.
        alternatives_left_out: number of further amounts.
        updated_at: when the counts last changed.
    """

    index: int
    customer_id: str | int | None
    voucher_amount: list[float]
    amounts_left_out: int
    reason: Reason | Literal["no_range"]
    fallback: Literal["country"] | None
    fallback_reason: Reason | None
    guards: Guards | None
    country: str
    currency: str | None
    segment_name: str
    min_range: int | None
    max_range: int | None
    days_since_last_order: int | None
    days_since_first_order: int | None
    total_orders: float | None
    count: int | None
    share: float | None
    interval: Interval | None
    verdict: Verdict | None
    sample_size: int
    without_voucher: int
    alternatives: list[UsedAmount]
    alternatives_left_out: int
    updated_at: Moment | None


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome", tag="failed"):
    """The error of a customer."""

    index: int
    customer_id: str | int | None
    error: Problem


class SelectionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for all customers, in their order.

    Attributes:
        as_of: the time that recency was measured to.
        definitions: version of the segment definitions.
        confidence: confidence level of the intervals.
        read_at: when the oldest of the counts was read.
    """

    as_of: Moment
    definitions: str
    confidence: float
    read_at: Moment
    selections: list[Selected | Failed]


def select(router: Router) -> SelectionsAnswer:
    """Choose the voucher amounts of up to 100 customers, and give the reasons.

    Each customer has an answer or a problem, in the order of the request. Counts may come from a cache; the
    header `Age` gives their age in seconds.
    """
    given = read(json_object(router.current_event, MAX_BODY), SelectionsFields)
    count = len(given.customers)
    if not 1 <= count <= MAX_CUSTOMERS:
        raise RequestError(f"customers has {count} entries; give 1 to {MAX_CUSTOMERS}", "customers")
    now = datetime.now(UTC)
    as_of = time_of("as_of", given.as_of) or now
    log_fields(router, customers=count)
    entries = [read_types(index, entry) for index, entry in enumerate(given.customers)]
    parsed = [parse_entry(entry, given, as_of) for entry in entries]
    customers = [customer for customer in parsed if isinstance(customer, Customer)]
    table = dependencies.cached_segments_table(router, now)
    found = table.look_up(cell for customer in customers for cell in own_cells(customer))
    fallback = table.look_up(
        cell
        for customer in customers
        if customer.fallback
        and not choose(
            CellCounts.total(map(found.counts.get, own_cells(customer))).amounts, customer.settings
        ).amounts
        for cell in fallback_cells(customer)
    )
    countries = cache(table.countries)
    selections: list[Selected | Failed] = []
    for index, (entry, customer) in enumerate(zip(entries, parsed, strict=True)):
        id_ = entry.get("customer_id")
        # JSON cannot repeat a lone surrogate.
        id_ = id_.encode(errors="replace").decode() if isinstance(id_, str) else id_
        place: dict[str, Any] = {"index": index, "customer_id": id_}
        try:
            if isinstance(customer, RequestError):
                raise customer
            selections.append(explain(place, customer, found, fallback, countries))
        except ApiError as error:
            selections.append(Failed(**place, error=problem(error, request_id(router))))
    return SelectionsAnswer(
        as_of=iso(as_of),
        definitions=load_definitions().version,
        confidence=CONFIDENCE,
        read_at=iso(now - timedelta(seconds=table.age or 0)),
        selections=selections,
    )


def read_types(index: int, entry: object) -> dict[str, Any]:
    """Return an entry of a request.

    Raises:
        RequestError: if the entry is not an object, or a field has a type that ``CustomerFields`` lacks.
    """
    if not isinstance(entry, dict):
        message = f"customers[{index}] must be an object, not {format_value(entry)}"
        raise RequestError(message, "customers")
    for name, type_ in FIELD_TYPES.items():
        try:
            msgspec.convert(entry.get(name), type_)
        except msgspec.ValidationError:
            error = wrong(name, entry[name])
            raise RequestError(f"customers[{index}]: {error}", name) from None
    return entry


def parse_entry(
    entry: Mapping[str, object], request: SelectionsFields, as_of: datetime
) -> Customer | RequestError:
    """Return the customer of an entry of a request, or the error of a missing or wrong field."""
    later = "is in the future" if request.as_of is None else f"is later than as_of {request.as_of}"
    try:
        customer = parse_customer(read(read_blanks(entry), VoucherFields), as_of, later)
    except RequestError as error:
        return error
    return replace(customer, fallback=customer.fallback or request.fallback is not None)


def own_cells(customer: Customer) -> list[Cell]:
    """Return the cells that an answer needs: the country's spellings, and the customer's range."""
    country, range_ = customer.country, customer.range_
    own = [range_cell(country, customer.segment.name, range_)] if range_ else []
    return [spellings_cell(country), *own]


def fallback_cells(customer: Customer) -> list[Cell]:
    """Return the cells of all ranges of the segment in the country."""
    segment = customer.segment
    return [range_cell(customer.country, segment.name, range_) for range_ in segment.ranges]


def total(cells: list[Cell], found: Found) -> CellCounts:
    """Return the counts of cells as one.

    Raises:
        UnavailableError: if DynamoDB left one of the cells unprocessed.
    """
    if not found.unread.isdisjoint(cells):
        raise UnavailableError
    return CellCounts.total(map(found.counts.get, cells))


def explain(
    place: dict[str, Any],
    customer: Customer,
    found: Found,
    fallback: Found,
    countries: Callable[[], list[str]],
) -> Selected:
    """Return the amounts of a customer, and the reasons.

    Args:
        place: the customer's index and id.
        customer: to choose for.
        found: the counts of the customer's range, and the name of the country.
        fallback: the counts of all ranges, for a customer who falls back.
        countries: lists the countries that have counts.

    Raises:
        UnavailableError: if DynamoDB left one of the cells unprocessed.
        UnknownCountryError: if the country has no counts.
    """
    counts, range_ = total(own_cells(customer), found), customer.range_
    country = found.names.get(country_key(customer.country))
    if country is None:
        raise UnknownCountryError(customer.country, countries())
    own = choose(counts.amounts, customer.settings)
    falls_back = customer.fallback and not own.amounts
    if falls_back:
        counts = total(fallback_cells(customer), fallback)
    amounts, reason, count, verdict = choose(counts.amounts, customer.settings)
    size = sample_size(counts.amounts)
    alternatives, left_out = ranked(
        counts.amounts, MAX_ALTERNATIVES, customer.settings, without=frozenset(amounts)
    )
    return Selected(
        **place,
        **msgspec.to_builtins(customer.values),
        voucher_amount=amounts[:MAX_AMOUNTS],
        amounts_left_out=len(amounts[MAX_AMOUNTS:]),
        reason=own.reason if range_ else "no_range",
        fallback="country" if falls_back else None,
        fallback_reason=reason if falls_back else None,
        guards=Guards.of(customer.settings),
        country=country,
        currency=customer.settings.currency,
        segment_name=customer.segment.name,
        min_range=range_.min if range_ else None,
        max_range=range_.max if range_ else None,
        count=count,
        share=round(count / size, DIGITS) if count else None,
        interval=wilson(count, size) if count else None,
        verdict=verdict,
        sample_size=size,
        without_voucher=counts.amounts.get(NO_VOUCHER, 0),
        alternatives=alternatives,
        alternatives_left_out=left_out,
        updated_at=counts.updated_at or None,
    )
