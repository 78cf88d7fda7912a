"""Selecting: from a customer's request and the counts to voucher amounts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from api.errors import UnknownCountryError
from vouchers.choice import most_used
from vouchers.counts import range_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.requests import VoucherRequest
    from vouchers.segments import Range, Segment
    from vouchers.table import CellCounts, CountryCounts


class Counts(Protocol):
    """Where counts are read: ``vouchers.table.SegmentsTable``, or what stands before it."""

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
