"""The axes along which a file's rows are counted, and a batch's codes along each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest import columns
from ingest.codes import AmountAxis, CountryAxis, DaysAxis, OrdersAxis
from ingest.intervals import Intervals
from vouchers.counts import country_key
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from ingest.indexed import Codes
    from vouchers.segments import Definitions, Ranges, Segment


@dataclass(frozen=True, slots=True)
class Axes:
    """One axis a question that is asked of a row, in the order in which a row can fail them.

    There is one of tenure only where a segment goes by it.
    """

    country: CountryAxis
    recency: DaysAxis
    orders: OrdersAxis
    amount: AmountAxis
    tenure: DaysAxis | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each axis has."""
        return tuple(axis.size for axis in self._all)

    @property
    def reasons(self) -> tuple[Mapping[int, str], ...]:
        """The codes with which each axis rejects a row, and the reasons they stand for."""
        return tuple(axis.reasons for axis in self._all)

    def read(self, batch: pa.RecordBatch) -> tuple[Codes, ...]:
        """Return the codes of a batch's rows along each axis.

        Raises:
            FileError: if there are more countries or amounts than there can be.
        """
        timestamp = batch.column(columns.TIMESTAMP) if columns.TIMESTAMP in batch.schema.names else None
        codes = (
            self.country.read(batch.column(columns.COUNTRY)),
            self.recency.read(batch.column(columns.LAST_ORDER), timestamp),
            self.orders.read(batch.column(columns.ORDERS)),
            self.amount.read(batch.column(columns.AMOUNT)),
        )
        if self.tenure is None:
            return codes
        return (*codes, self.tenure.read(batch.column(columns.FIRST_ORDER), timestamp))

    def intervals(self, attribute: Attribute) -> tuple[int, Intervals, NDArray[Any]]:
        """Return an attribute's axis (its place), its intervals, and the interval of each code (-1: none)."""
        axes: dict[Attribute, DaysAxis | OrdersAxis | None] = {
            Attribute.DAYS_SINCE_LAST_ORDER: self.recency,
            Attribute.TOTAL_ORDERS: self.orders,
            Attribute.DAYS_SINCE_FIRST_ORDER: self.tenure,
        }
        axis = axes[attribute]
        if axis is None:
            raise LookupError(f"nothing is read of {attribute}")
        return self._all.index(axis), axis.intervals, axis.interval_of_code

    def ranges(self, segment: Segment, codes: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
        """Return in which of ``segment.all_ranges`` rows lie, by its place there; -1 where in none.

        Args:
            segment: whose ranges they are; a country's own count where it has any.
            codes: those of the rows along each axis; none of them may reject its row.
        """
        axis, intervals, interval_of_code = self.intervals(segment.attribute)
        interval, places = interval_of_code[codes[axis]], {r: n for n, r in enumerate(segment.all_ranges)}
        found = np.full(len(interval), -1, np.intp)
        for ranges, there in self._by_ranges(segment, codes[0]):
            place_of = np.full(len(intervals) + 1, -1, np.intp)  # the last is that of no interval
            for held in ranges:
                place_of[:-1][intervals.within(held)] = places[held]
            found[there] = place_of[interval[there]]
        return found

    def _by_ranges(
        self, segment: Segment, countries: NDArray[Any]
    ) -> Iterator[tuple[Ranges, NDArray[np.bool_]]]:
        """Yield the ranges of each country that has its own, and which rows are its; then the others'."""
        own, others = dict(segment.countries), np.ones(len(countries), np.bool_)
        for code, name in enumerate(self.country.names if own else [], self.country.first):
            if ranges := own.get(country_key(name)):
                there = countries == code
                others &= ~there
                yield ranges, there
        yield segment.ranges, others

    @property
    def _all(self) -> tuple[CountryAxis | DaysAxis | OrdersAxis | AmountAxis, ...]:
        axes = (self.country, self.recency, self.orders, self.amount)
        return (*axes, self.tenure) if self.tenure else axes


def make_axes(definitions: Definitions, as_of: int | None) -> Axes:
    """Return axes for a file; ``as_of`` in microseconds since 1970, None for each row's own timestamp."""
    recency = _intervals(definitions, Attribute.DAYS_SINCE_LAST_ORDER)
    tenure = _intervals(definitions, Attribute.DAYS_SINCE_FIRST_ORDER)
    return Axes(
        CountryAxis(),
        DaysAxis(columns.LAST_ORDER, recency, as_of),
        OrdersAxis(_intervals(definitions, Attribute.TOTAL_ORDERS)),
        AmountAxis(),
        DaysAxis(columns.FIRST_ORDER, tenure, as_of)
        if definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
        else None,
    )


def _intervals(definitions: Definitions, attribute: Attribute) -> Intervals:
    ranges = [r for s in definitions.segments if s.attribute is attribute for r in s.all_ranges]
    return Intervals(ranges, whole=attribute is not Attribute.TOTAL_ORDERS)
