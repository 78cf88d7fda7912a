"""Columns → codes: small integers that say all that counting needs to know of a row's value.

The first codes of an axis are the reasons for which it rejects a row; rows of the codes after them count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from ingest.errors import FileError
from ingest.indexed import Column, Indexed, row_indices
from ingest.parse import DAY, EMPTY, NULL, READABLE, UNREADABLE, cleaned, instants, numbers
from vouchers.counts import country_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.intervals import Intervals

MOST_COUNTRIES = 5_000
MOST_AMOUNTS = 20_000
LONGEST_COUNTRY = 1_000
"""Bytes that a country's key may have; DynamoDB's keys end at 2,048."""


class Codes(NamedTuple):
    """The code of each row is ``table[rows]``, or ``table`` itself where ``rows`` is None."""

    table: NDArray[np.intp]
    rows: NDArray[np.integer[Any]] | None

    def of_rows(self) -> NDArray[np.intp]:
        """Return the code of each row."""
        return self.table if self.rows is None else self.table[self.rows]


class CountryAxis:
    """Countries by the name as written, without blanks around it."""

    reasons: ClassVar = ("country_code_missing", "country_code_too_long")

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._dictionary: pa.Array | None = None
        self._table = np.empty(0, np.intp)

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.reasons) + len(self._codes)

    @property
    def names(self) -> list[str]:
        """The name of each code, from the first that counts on."""
        return list(self._codes)

    def read(self, array: pa.Array) -> Codes:
        """Return the codes of a batch's countries.

        Raises:
            FileError: if there are more countries than there can be.
        """
        texts = array if isinstance(array, pa.DictionaryArray) else array.dictionary_encode()
        if self._dictionary is None or not self._dictionary.equals(texts.dictionary):
            self._dictionary = texts.dictionary
            self._table = np.array([*map(self._code, cleaned(texts.dictionary).to_pylist()), 0], np.intp)
        return Codes(self._table, row_indices(texts))

    def _code(self, name: str | None) -> int:
        if not name:
            return 0
        if len(country_key(name).encode()) > LONGEST_COUNTRY:
            return 1
        if len(self._codes) >= MOST_COUNTRIES and name not in self._codes:
            raise FileError(f"its column 'country_code' holds more than {MOST_COUNTRIES:,} countries")
        return len(self.reasons) + self._codes.setdefault(name, len(self._codes))


class RecencyAxis:
    """Whole days from the last order to the as-of date, by interval; one code more for "not known"."""

    reasons: ClassVar = ("last_order_ts_not_a_date", "timestamp_not_a_date")
    unknown: ClassVar = 2
    first: ClassVar = 3

    def __init__(self, intervals: Intervals, as_of: int | None) -> None:
        """Measure to ``as_of`` (microseconds since 1970), or to each row's own timestamp where None."""
        self.intervals = intervals
        self.interval_of_code = np.concatenate([[-1, -1, -1], np.arange(len(intervals))])
        self._as_of = as_of
        self._last_order = Column(instants)
        self._timestamp = Column(instants)
        self.size = self.first + len(intervals)

    def read(self, last_order: pa.Array, timestamp: pa.Array | None) -> Codes:
        """Return the codes of a batch's rows; ``timestamp`` is given where recency is measured from it."""
        ordered = self._last_order.read(last_order)
        if timestamp is not None:
            return Codes(self._by_row(ordered, self._timestamp.read(timestamp)), None)
        values, states = ordered.parsed
        days = np.floor_divide(np.int64(self._as_of or 0) - values, DAY)
        return Codes(self._coded(days, [(states, 0)]), ordered.rows)

    def _by_row(self, ordered: Indexed, seen: Indexed) -> NDArray[np.intp]:
        days = np.floor_divide(seen.of_rows(seen.parsed.values) - ordered.of_rows(ordered.parsed.values), DAY)
        states = [(column.of_rows(column.parsed.states), i) for i, column in ((1, seen), (0, ordered))]
        return self._coded(days, states)

    def _coded(
        self, days: NDArray[np.int64], states: list[tuple[NDArray[np.uint8], int]]
    ) -> NDArray[np.intp]:
        codes = self.intervals.of_integers(days) + self.first
        for column, _ in states:
            codes[column == NULL] = self.unknown
        for column, reason in states:
            codes[column == UNREADABLE] = reason
        return codes


class OrdersAxis:
    """Numbers of orders by interval; one code more for an empty number, which counts as 0."""

    reasons: ClassVar = ("total_orders_not_a_number", "total_orders_negative")
    repaired: ClassVar = 2
    first: ClassVar = 3

    def __init__(self, intervals: Intervals) -> None:
        self.intervals = intervals
        zero = intervals.of(np.zeros(1))
        self.interval_of_code = np.concatenate([[-1, -1], zero, np.arange(len(intervals))])
        self._column = Column(numbers)
        self.size = self.first + len(intervals)

    def read(self, array: pa.Array) -> Codes:
        """Return the codes of a batch's numbers of orders."""
        (values, states), rows = self._column.read(array)
        codes = self.intervals.of(values) + self.first
        codes[values < 0] = 1
        codes[(states == NULL) | (states == EMPTY)] = self.repaired
        codes[states == UNREADABLE] = 0
        return Codes(codes, rows)


class AmountAxis:
    """Voucher amounts; one code more for none, which counts as the amount 0."""

    reasons: ClassVar = ("voucher_amount_not_a_number", "voucher_amount_negative")
    repaired: ClassVar = 2
    first: ClassVar = 3

    def __init__(self) -> None:
        self._column = Column(numbers)
        self._codes: dict[float, int] = {}

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
        (values, states), rows = self._column.read(array)
        codes = np.full(len(values), self.repaired, np.intp)
        readable = states == READABLE
        amounts, indices = np.unique(values[readable], return_inverse=True)
        codes[readable] = np.array([*map(self._code, amounts.tolist())], np.intp)[indices]
        codes[(states == UNREADABLE) | (states == EMPTY)] = 0
        return Codes(codes, rows)

    def _code(self, amount: float) -> int:
        if amount < 0:
            return 1
        if len(self._codes) >= MOST_AMOUNTS and amount not in self._codes:
            raise FileError(f"its column 'voucher_amount' holds more than {MOST_AMOUNTS:,} different amounts")
        return self.first + self._codes.setdefault(amount, len(self._codes))
