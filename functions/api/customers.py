"""Reading requests for the vouchers of many customers: each customer's fields, or what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from api.echo import shown
from api.errors import RequestError
from api.fields import country_of, moment_of, read_exactly, segment_of
from api.requests import VoucherFields, attributes, needed
from api.written import Fallback, Moment
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
            raise RequestError(f"a customer must be an object, not {shown(given)}")
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
