"""Encode columns as small integers (codes) that hold all that counting needs of a value.

Code 0 is that of a null, in each dimension. Some codes stand for a reason to reject the row.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.encoding import Codes, Column, EncodedColumn, KnownNumbers, take_parsed
from ingest.counting.intervals import Intervals, bucketize
from ingest.counting.parsing import DAY, EMPTY, NULL, READABLE, UNREADABLE, decoded, instants, numbers
from ingest.errors import FileError
from ingest.parquet.column_names import AMOUNT, COUNTRY, FIRST_ORDER, LAST_ORDER, ORDERS, TIMESTAMP
from vouchers.segments import Attribute, Definitions, Ranges, Segment
from vouchers.text import country_key, country_name

Reasons = Sequence[Mapping[int, str]]
"""The rejecting codes of each dimension, with their reasons."""

MAX_COUNTRIES = 5_000
MAX_AMOUNTS = 20_000
MAX_COUNTRY_BYTES = 1_000
"""Bytes of a country's key: DynamoDB's limit for a partition key is 2,048."""

MAX_INT64 = 2**63 - 1


class CountryDimension:
    """Countries by their name as ``vouchers.text.country_name`` writes it."""

    reasons: ClassVar = {0: "country_code_missing", 1: "country_code_too_long"}
    first: ClassVar = 2

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._column = Column(lambda names: self._encode(decoded(names).to_pylist()))

    @property
    def size(self) -> int:
        """The number of codes."""
        return self.first + len(self._codes)

    @property
    def names(self) -> list[str]:
        """The names of the codes from ``first`` on."""
        return list(self._codes)

    def read(self, array: pa.Array) -> EncodedColumn:
        """Return the codes of a column.

        Raises:
            FileError: if the file has more than ``MAX_COUNTRIES`` countries.
        """
        encoded = array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode()
        return EncodedColumn(*self._column.read(encoded))

    def _encode(self, names: list[str | None]) -> Codes:
        codes = np.zeros(len(names), np.uint16)
        for position, written in enumerate(names):
            name = country_name(written or "")
            if not name:
                continue
            if len(country_key(name).encode()) > MAX_COUNTRY_BYTES:
                codes[position] = 1
                continue
            if len(self._codes) >= MAX_COUNTRIES and name not in self._codes:
                raise FileError(f"its column 'country_code' holds more than {MAX_COUNTRIES:,} countries")
            codes[position] = self.first + self._codes.setdefault(name, len(self._codes))
        return codes


class DaysDimension:
    """Whole days from an order to the as-of date, by interval; code 0 is that of a missing time."""

    first: ClassVar = 3

    def __init__(self, column: str, intervals: Intervals, as_of: int | None) -> None:
        """Measure from a column to ``as_of`` (microseconds since 1970), or to each row's timestamp."""
        self.reasons = {1: f"{column}_not_a_date", 2: "timestamp_not_a_date"}
        self.intervals = intervals
        self.interval_of_code = np.concatenate([[-1, -1, -1], np.arange(len(intervals))])
        self.size = self.first + len(intervals)
        self._edges = np.array([min(int(edge) * DAY, MAX_INT64) for edge in intervals.edges], np.int64)
        self._as_of = as_of or 0
        self._order_codes = Column(self._encode)
        self._orders = Column(instants)
        self._timestamps = Column(instants)

    def read(self, orders: pa.Array, timestamp: pa.Array | None) -> EncodedColumn:
        """Return the codes of a column; ``timestamp`` is None if there is an as-of date."""
        if timestamp is None:
            return EncodedColumn(*self._order_codes.read(orders))
        ordered = take_parsed(*self._orders.read(orders))
        used = take_parsed(*self._timestamps.read(timestamp))
        codes = bucketize(self._edges, used.values - ordered.values, self.first)
        return EncodedColumn(mark_states(codes, (used.states, 2), (ordered.states, 1)), None)

    def _encode(self, orders: pa.Array) -> Codes:
        ordered = instants(orders)
        codes = bucketize(self._edges, self._as_of - ordered.values, self.first)
        return mark_states(codes, (ordered.states, 1))


class OrdersDimension:
    """Numbers of orders by interval; code 0 is that of an empty number, which counts as 0."""

    reasons: ClassVar = {1: "total_orders_not_a_number", 2: "total_orders_negative"}
    first: ClassVar = 2
    """The code of the lowest interval, which is that of negative numbers."""

    def __init__(self, intervals: Intervals) -> None:
        self.intervals = intervals
        zero = int(bucketize(intervals.edges, np.zeros(1))[0])
        self.interval_of_code = np.concatenate([[zero, -1], np.arange(len(intervals))])
        self.size = self.first + len(intervals)
        self._column = Column(self._encode)

    def read(self, array: pa.Array) -> EncodedColumn:
        """Return the codes of a column."""
        return EncodedColumn(*self._column.read(array))

    def _encode(self, orders: pa.Array) -> Codes:
        values, states = numbers(orders)
        return mark_states(bucketize(self.intervals.edges, values, self.first), (states, 1))


class AmountDimension:
    """Voucher amounts; code 0 is that of a missing amount, which counts as the amount 0."""

    reasons: ClassVar = {1: "voucher_amount_not_a_number", 2: "voucher_amount_negative"}
    first: ClassVar = 3

    def __init__(self) -> None:
        self._codes = {0.0: 0}
        self._column = Column(self._encode)
        self._known = KnownNumbers(self.code)

    @property
    def size(self) -> int:
        """The number of codes."""
        return self.first + len(self._codes)

    @property
    def amounts(self) -> list[float]:
        """The amounts of the codes from ``first`` on."""
        return list(self._codes)

    def code(self, amount: float) -> int:
        """Return the code of an amount.

        Raises:
            FileError: if the file has more than ``MAX_AMOUNTS`` amounts.
        """
        if amount < 0:
            return 2
        if len(self._codes) >= MAX_AMOUNTS and amount not in self._codes:
            raise FileError(f"its column 'voucher_amount' holds more than {MAX_AMOUNTS:,} different amounts")
        return self.first + self._codes.setdefault(amount, len(self._codes))

    def read(self, array: pa.Array) -> EncodedColumn:
        """Return the codes of a column.

        Raises:
            FileError: if the file has more than ``MAX_AMOUNTS`` amounts.
        """
        return EncodedColumn(*self._column.read(array))

    def _encode(self, array: pa.Array) -> Codes:
        values, states = numbers(array)
        if states.max(initial=READABLE) > NULL:
            states[states == EMPTY] = UNREADABLE
        amounts, readable = values.astype(np.float64, copy=False), states == READABLE
        codes: Codes | None = self._known.codes(amounts, readable)
        if codes is None:
            encoded = arrow.from_numpy(amounts * readable).dictionary_encode()
            distinct = arrow.values(encoded.dictionary, np.float64).tolist()
            table = np.array([*map(self.code, distinct)], np.uint16)
            codes = arrow.take(table, arrow.values(encoded.indices, np.int32))
        return mark_states(codes, (states, 1))


def mark_states(codes: Codes, *columns: tuple[NDArray[np.uint8], int]) -> Codes:
    """Set codes to 0 where a value is missing, and to a rejecting code where it is unreadable.

    Args:
        codes: changed in place, and returned.
        columns: the states of each column's values, and the code for an unreadable value.
    """
    imperfect = [column for column in columns if column[0].max(initial=READABLE) > READABLE]
    for states, _ in imperfect:
        codes *= states == READABLE
    for states, reason in imperfect:
        codes[states == UNREADABLE] = reason
    return codes


@lru_cache(16)
def intervals(definitions: Definitions, attribute: Attribute) -> Intervals:
    """Return the intervals at the bounds of all ranges of an attribute."""
    segments = [segment for segment in definitions.segments if segment.attribute is attribute]
    ranges = [range_ for segment in segments for range_ in segment.all_ranges]
    return Intervals(ranges, whole=attribute is not Attribute.TOTAL_ORDERS)


class Dimensions:
    """The dimensions of a file.

    Attributes:
        all: in the order in which a row can be rejected; the last is tenure, if a segment needs it.
        by_attribute: the dimensions of the segments' attributes.
        reasons: the rejecting codes of each dimension, with their reasons.
    """

    def __init__(self, definitions: Definitions, as_of: int | None) -> None:
        """Make the dimensions of some segments; ``as_of`` is what ``count_file`` takes."""
        last_order, first_order = Attribute.DAYS_SINCE_LAST_ORDER, Attribute.DAYS_SINCE_FIRST_ORDER
        self.country = CountryDimension()
        self.recency = DaysDimension(LAST_ORDER, intervals(definitions, last_order), as_of)
        self.orders = OrdersDimension(intervals(definitions, Attribute.TOTAL_ORDERS))
        self.amount = AmountDimension()
        self.all: list[CountryDimension | DaysDimension | OrdersDimension | AmountDimension]
        self.all = [self.country, self.recency, self.orders, self.amount]
        self.by_attribute: dict[Attribute, DaysDimension | OrdersDimension]
        self.by_attribute = {last_order: self.recency, Attribute.TOTAL_ORDERS: self.orders}
        if definitions.go_by(first_order):
            tenure = DaysDimension(FIRST_ORDER, intervals(definitions, first_order), as_of)
            self.by_attribute[first_order] = tenure
            self.all.append(tenure)
        self.reasons: Reasons = [dimension.reasons for dimension in self.all]

    @property
    def sizes(self) -> list[int]:
        """The number of codes of each dimension, which may grow with each batch."""
        return [dimension.size for dimension in self.all]

    def read(self, batch: pa.RecordBatch) -> list[EncodedColumn]:
        """Return the codes of a batch in each dimension.

        Raises:
            FileError: if the file has too many countries or amounts.
        """
        timestamp = batch.column(TIMESTAMP) if TIMESTAMP in batch.schema.names else None
        columns = [
            self.country.read(batch.column(COUNTRY)),
            self.recency.read(batch.column(LAST_ORDER), timestamp),
            self.orders.read(batch.column(ORDERS)),
            self.amount.read(batch.column(AMOUNT)),
        ]
        tenure = self.by_attribute.get(Attribute.DAYS_SINCE_FIRST_ORDER)
        if isinstance(tenure, DaysDimension):
            columns.append(tenure.read(batch.column(FIRST_ORDER), timestamp))
        return columns

    def ranges(self, segment: Segment, codes: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
        """Return the range of each row, as its index in ``segment.all_ranges``; -1 for none.

        Args:
            segment: with the ranges; a country's own ranges apply to its rows.
            codes: of the rows in each dimension, without rejecting codes.
        """
        dimension = self.by_attribute[segment.attribute]
        interval = dimension.interval_of_code[codes[self.all.index(dimension)]]
        index_of_range = {range_: index for index, range_ in enumerate(segment.all_ranges)}

        def indices(ranges: Ranges, interval: NDArray[np.intp]) -> NDArray[np.intp]:
            index_of_interval = np.full(len(dimension.intervals) + 1, -1, np.intp)  # the last: no interval
            for range_ in ranges:
                index_of_interval[:-1][dimension.intervals.within(range_)] = index_of_range[range_]
            return index_of_interval[interval]

        found, own = indices(segment.ranges, interval), dict(segment.countries)
        for code, name in enumerate(self.country.names if own else [], self.country.first):
            if ranges := own.get(country_key(name)):
                rows = codes[0] == code
                found[rows] = indices(ranges, interval[rows])
        return found


def rejected_rows(
    columns: Sequence[EncodedColumn], reasons: Reasons
) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """Return the rejected rows of a batch, ascending, and the index of each one's reason among all reasons.

    A row with several reasons is rejected for the first.
    """
    codes, rows = columns[0]
    first = np.full(len(codes if rows is None else rows), -1, np.int8)
    by_dimension = zip(columns, reasons, strict=True)
    rejecting = [(*column, code) for column, by_code in by_dimension for code in by_code]
    for index, (codes, rows, code) in reversed([*enumerate(rejecting)]):
        places = np.flatnonzero(codes == code)
        if rows is not None and len(places):
            # Usually one place, that of the null: comparing with it is faster.
            places = np.flatnonzero(rows == places[0] if len(places) == 1 else np.isin(rows, places))
        first[places] = index
    rejected = np.flatnonzero(first >= 0)
    return rejected, first[rejected]
