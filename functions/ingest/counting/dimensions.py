"""Columns → codes: small integers that say all that counting needs to know of a row's value.

Code 0 is a null's on every axis. Some codes are the reasons for which an axis rejects a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from ingest import arrow
from ingest.counting.encoding import Codes, Column, KnownNumbers, of_rows
from ingest.counting.intervals import Intervals, bucketize
from ingest.counting.parsing import (
    DAY,
    EMPTY,
    MAX_INSTANT,
    NULL,
    READABLE,
    UNREADABLE,
    Parsed,
    cleaned,
    instants,
    numbers,
)
from ingest.errors import FileError
from ingest.parquet import reader as columns
from vouchers.segments import Attribute
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.counting.encoding import Table
    from vouchers.segments import Definitions, Ranges, Segment

    Reasons = Sequence[Mapping[int, str]]
    """The codes with which each axis rejects a row, and what they stand for."""

MAX_COUNTRIES = 5_000
MAX_AMOUNTS = 20_000
MAX_COUNTRY_BYTES = 1_000
"""Bytes that a country's key may have; DynamoDB's keys end at 2,048."""

FOREVER = 2**63 - 1
"""Microseconds that no two instants are apart."""


class CountryDimension:
    """Countries by the name as written, without blanks around it."""

    reasons: ClassVar = {0: "country_code_missing", 1: "country_code_too_long"}
    first: ClassVar = 2

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._column = Column(self._coded)

    @property
    def size(self) -> int:
        """How many codes there are."""
        return self.first + len(self._codes)

    @property
    def names(self) -> list[str]:
        """The name of each code, from the first that counts on."""
        return list(self._codes)

    def read(self, array: pa.Array) -> Codes:
        """Return the codes of a batch's countries.

        Raises:
            FileError: if there are more countries than there can be.
        """
        return Codes(
            *self._column.read(array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode())
        )

    def _coded(self, names: pa.Array) -> Table:
        return np.array([*map(self._code, cleaned(names).to_pylist())], np.uint16)

    def _code(self, name: str | None) -> int:
        if not name:
            return 0
        if len(country_key(name).encode()) > MAX_COUNTRY_BYTES:
            return 1
        if len(self._codes) >= MAX_COUNTRIES and name not in self._codes:
            raise FileError(f"its column 'country_code' holds more than {MAX_COUNTRIES:,} countries")
        return self.first + self._codes.setdefault(name, len(self._codes))


class DaysDimension:
    """Whole days from an order to the as-of date, by interval; code 0 is "not known"."""

    first: ClassVar = 3

    def __init__(self, column: str, intervals: Intervals, as_of: int | None) -> None:
        """Measure from a column to ``as_of`` (microseconds since 1970); None: to each row's own timestamp."""
        self.reasons = {1: f"{column}_not_a_date", 2: "timestamp_not_a_date"}
        self.intervals = intervals
        self.interval_of_code = np.concatenate([[-1, -1, -1], np.arange(len(intervals))])
        self.size = self.first + len(intervals)
        elapsed = [int(edge) * DAY for edge in intervals.edges]
        self._edges = np.array([min(edge, FOREVER) for edge in elapsed], np.int64)
        after = [(as_of or 0) - edge + 1 for edge in reversed(elapsed)]
        self._edges_of_instants = np.array([max(edge, -FOREVER) for edge in after], np.int64)
        self._order = Column(self._until_as_of)
        self._order_of_row = Column(instants)
        self._timestamp = Column(instants)

    def read(self, orders: pa.Array, timestamp: pa.Array | None) -> Codes:
        """Return the codes of a batch's rows; ``timestamp`` is given where days are counted back from it."""
        if timestamp is None:
            return Codes(*self._order.read(orders))
        ordered = of_rows(*self._order_of_row.read(orders))
        seen = of_rows(*self._timestamp.read(timestamp))
        elapsed = _bounded(seen.values) - _bounded(ordered.values)
        codes = bucketize(self._edges, elapsed) + np.uint8(self.first)
        return Codes(_with_states(codes, (seen.states, 2), (ordered.states, 1)), None)

    def _until_as_of(self, orders: pa.Array) -> Table:
        """Return codes without subtracting: the edges are put to where an instant passes them."""
        ordered = instants(orders)
        codes = np.uint8(self.size - 1) - bucketize(self._edges_of_instants, ordered.values)
        return _with_states(codes, (ordered.states, 1))


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
        self._edges = intervals.edges
        self._column = Column(self._coded)

    def read(self, array: pa.Array) -> Codes:
        """Return the codes of a batch's numbers of orders."""
        return Codes(*self._column.read(array))

    def _coded(self, orders: pa.Array) -> Table:
        values, states = numbers(orders)
        return _with_states(bucketize(self._edges, values) + np.uint8(self.first), (states, 1))


class AmountDimension:
    """Voucher amounts; code 0 is that of none, which counts as the amount 0."""

    reasons: ClassVar = {1: "voucher_amount_not_a_number", 2: "voucher_amount_negative"}
    first: ClassVar = 3

    def __init__(self) -> None:
        self._codes = {0.0: 0}
        self._texts = Column(self._of_texts)
        self._known = KnownNumbers(self._code)

    @property
    def size(self) -> int:
        """How many codes there are."""
        return self.first + len(self._codes)

    @property
    def amounts(self) -> list[float]:
        """The amount of each code, from the first that counts on."""
        return list(self._codes)

    def read(self, array: pa.Array) -> Codes:
        """Return the codes of a batch's voucher amounts.

        Raises:
            FileError: if there are more amounts than there can be.
        """
        if isinstance(array, pa.DictionaryArray) or arrow.is_text(array.type):
            return Codes(*self._texts.read(array))
        amounts, states = _amounts(array)
        readable = states == READABLE
        codes: Table | None = self._known.codes(amounts, readable)
        if codes is None:
            codes = self._among_many(amounts * readable)
        return Codes(_with_states(codes, (states, 1)), None)

    def _of_texts(self, texts: pa.Array) -> Table:
        amounts, states = _amounts(texts)
        return _with_states(self._of_distinct(amounts * (states == READABLE)), (states, 1))

    def _among_many(self, amounts: NDArray[np.float64]) -> Table:
        encoded = arrow.from_numpy(amounts).dictionary_encode()
        table = self._of_distinct(arrow.values(encoded.dictionary, np.float64))
        return arrow.take(table, arrow.values(encoded.indices, np.int32))

    def _of_distinct(self, amounts: NDArray[np.float64]) -> Table:
        return np.array([*map(self._code, amounts.tolist())], np.uint16)

    def _code(self, amount: float) -> int:
        if amount < 0:
            return 2
        if len(self._codes) >= MAX_AMOUNTS and amount not in self._codes:
            raise FileError(f"its column 'voucher_amount' holds more than {MAX_AMOUNTS:,} different amounts")
        return self.first + self._codes.setdefault(amount, len(self._codes))


def _bounded(instants: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return instants of which no two are farther apart than 64 bits can say."""
    if np.abs([instants.min(initial=0), instants.max(initial=0)]).max() <= MAX_INSTANT:
        return instants
    return np.clip(instants, -MAX_INSTANT, MAX_INSTANT)


def _amounts(array: pa.Array) -> Parsed:
    values, states = numbers(array)
    if states.max(initial=READABLE) > NULL:
        states[states == EMPTY] = UNREADABLE
    return Parsed(values.astype(np.float64, copy=False), states)


def _with_states(codes: Table, *columns: tuple[NDArray[np.uint8], int]) -> Table:
    """Let codes be 0 where a value is missing, and the reason that comes with it where it is unreadable."""
    worst = [states.max(initial=READABLE) for states, _ in columns]
    for (states, _), state in zip(columns, worst, strict=True):
        if state > READABLE:
            codes *= states == READABLE
    for (states, reason), state in zip(columns, worst, strict=True):
        if state == UNREADABLE:
            codes[states == UNREADABLE] = reason
    return codes


@dataclass(frozen=True, slots=True)
class Dimensions:
    """One axis a question that is asked of a row, in the order in which a row can fail them.

    There is one of tenure only where a segment goes by it.
    """

    country: CountryDimension
    recency: DaysDimension
    orders: OrdersDimension
    amount: AmountDimension
    tenure: DaysDimension | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each axis has."""
        return tuple(dimension.size for dimension in self._all)

    @property
    def reasons(self) -> tuple[Mapping[int, str], ...]:
        """The codes with which each axis rejects a row, and the reasons they stand for."""
        return tuple(dimension.reasons for dimension in self._all)

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
        dimensions: dict[Attribute, DaysDimension | OrdersDimension | None] = {
            Attribute.DAYS_SINCE_LAST_ORDER: self.recency,
            Attribute.TOTAL_ORDERS: self.orders,
            Attribute.DAYS_SINCE_FIRST_ORDER: self.tenure,
        }
        dimension = dimensions[attribute]
        if dimension is None:
            raise LookupError(f"nothing is read of {attribute}")
        return self._all.index(dimension), dimension.intervals, dimension.interval_of_code

    def ranges(self, segment: Segment, codes: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
        """Return in which of ``segment.all_ranges`` rows lie, by its place there; -1 where in none.

        Args:
            segment: whose ranges they are; a country's own count where it has any.
            codes: those of the rows along each axis; none of them may reject its row.
        """
        dimension, intervals, interval_of_code = self.intervals(segment.attribute)
        interval, places = (
            interval_of_code[codes[dimension]],
            {r: n for n, r in enumerate(segment.all_ranges)},
        )
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
    def _all(self) -> tuple[CountryDimension | DaysDimension | OrdersDimension | AmountDimension, ...]:
        dimensions = (self.country, self.recency, self.orders, self.amount)
        return (*dimensions, self.tenure) if self.tenure else dimensions


def make_dimensions(definitions: Definitions, as_of: int | None) -> Dimensions:
    """Return axes for a file; ``as_of`` in microseconds since 1970, None for each row's own timestamp."""
    recency = _intervals(definitions, Attribute.DAYS_SINCE_LAST_ORDER)
    tenure = _intervals(definitions, Attribute.DAYS_SINCE_FIRST_ORDER)
    return Dimensions(
        CountryDimension(),
        DaysDimension(columns.LAST_ORDER, recency, as_of),
        OrdersDimension(_intervals(definitions, Attribute.TOTAL_ORDERS)),
        AmountDimension(),
        DaysDimension(columns.FIRST_ORDER, tenure, as_of)
        if definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
        else None,
    )


def _intervals(definitions: Definitions, attribute: Attribute) -> Intervals:
    ranges = [r for s in definitions.segments if s.attribute is attribute for r in s.all_ranges]
    return Intervals(ranges, whole=attribute is not Attribute.TOTAL_ORDERS)


def names_of(reasons: Reasons) -> list[str]:
    """Return all reasons, in the order in which a row can fail them."""
    return [name for by_code in reasons for name in by_code.values()]


def rejected_rows(codes: Sequence[Codes], reasons: Reasons) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """Return which rows of a batch are rejected, ascending, and the place of each one's reason among all."""
    if not any(_may_reject(column, by_code) for column, by_code in zip(codes, reasons, strict=True)):
        return np.empty(0, np.intp), np.empty(0, np.int8)
    columns = [column.of_rows() for column in codes]
    rejected = [_among(column, by_code) for column, by_code in zip(columns, reasons, strict=True)]
    rows = np.flatnonzero(np.logical_or.reduce(rejected))
    return rows, _first_reasons([column[rows] for column in columns], reasons)


def _may_reject(codes: Codes, by_code: Mapping[int, str]) -> bool:
    rejecting = np.flatnonzero(_among(codes.table, by_code))
    if codes.rows is None or not len(rejecting):
        return len(rejecting) > 0
    # Most often it is the null alone, which is the first of the table and which no row has.
    return len(rejecting) > 1 or rejecting[0] > 0 or not codes.rows.all()


def _among(codes: Table, by_code: Mapping[int, str]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (codes >= min(by_code)) & (codes <= max(by_code))
    return found


def _first_reasons(columns: list[Table], reasons: Reasons) -> NDArray[np.int8]:
    ways = [(column, code) for column, by_code in zip(columns, reasons, strict=True) for code in by_code]
    first = np.zeros(len(columns[0]), np.int8)
    for place, (column, code) in reversed([*enumerate(ways)]):
        first[column == code] = place
    return first
