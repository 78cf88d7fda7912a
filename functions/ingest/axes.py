"""The axes along which a file's rows are counted, and a batch's codes along each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest import columns
from ingest.codes import AmountAxis, CountryAxis, OrdersAxis, RecencyAxis
from ingest.intervals import Intervals
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from ingest.indexed import Codes
    from vouchers.segments import Definitions


@dataclass(frozen=True, slots=True)
class Axes:
    """One axis a question that is asked of a row, in the order in which a row can fail them."""

    country: CountryAxis
    recency: RecencyAxis
    orders: OrdersAxis
    amount: AmountAxis

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each axis has."""
        return (self.country.size, self.recency.size, self.orders.size, self.amount.size)

    @property
    def reasons(self) -> tuple[Mapping[int, str], ...]:
        """The codes with which each axis rejects a row, and the reasons they stand for."""
        return (self.country.reasons, self.recency.reasons, self.orders.reasons, self.amount.reasons)

    def read(self, batch: pa.RecordBatch) -> tuple[Codes, ...]:
        """Return the codes of a batch's rows along each axis.

        Raises:
            FileError: if there are more countries or amounts than there can be.
        """
        timestamp = batch.column(columns.TIMESTAMP) if columns.TIMESTAMP in batch.schema.names else None
        return (
            self.country.read(batch.column(columns.COUNTRY)),
            self.recency.read(batch.column(columns.LAST_ORDER), timestamp),
            self.orders.read(batch.column(columns.ORDERS)),
            self.amount.read(batch.column(columns.AMOUNT)),
        )

    def intervals(self, attribute: Attribute) -> tuple[int, Intervals, NDArray[Any]]:
        """Return an attribute's axis (its place), its intervals, and the interval of each code (-1: none)."""
        if attribute is Attribute.DAYS_SINCE_LAST_ORDER:
            return 1, self.recency.intervals, self.recency.interval_of_code
        return 2, self.orders.intervals, self.orders.interval_of_code


def make_axes(definitions: Definitions, as_of: int | None) -> Axes:
    """Return axes for a file; ``as_of`` in microseconds since 1970, None for each row's own timestamp."""
    return Axes(
        CountryAxis(),
        RecencyAxis(_intervals(definitions, Attribute.DAYS_SINCE_LAST_ORDER), as_of),
        OrdersAxis(_intervals(definitions, Attribute.TOTAL_ORDERS)),
        AmountAxis(),
    )


def _intervals(definitions: Definitions, attribute: Attribute) -> Intervals:
    ranges = [r for s in definitions.segments if s.attribute is attribute for r in s.ranges]
    return Intervals(ranges, whole=attribute is Attribute.DAYS_SINCE_LAST_ORDER)
