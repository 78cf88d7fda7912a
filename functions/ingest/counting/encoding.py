"""A column of a batch → what is read of its distinct values, and for each row which of them it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from ingest import arrow
from ingest.counting.parsing import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Table = NDArray[np.unsignedinteger[Any]]
    """Codes."""

    from numpy.typing import NDArray

Read = TypeVar("Read")


class Codes(NamedTuple):
    """The code of each row: ``table[row]`` of its ``rows``, or one in the table a row where that is None."""

    table: Table
    rows: NDArray[np.integer[Any]] | None

    def of_rows(self) -> Table:
        """Return each row's code."""
        return self.table if self.rows is None else arrow.take(self.table, self.rows)


class Column(Generic[Read]):
    """Reads one column, batch after batch; a dictionary only where it is another than before."""

    def __init__(self, read: Callable[[pa.Array], Read]) -> None:
        """Let ``read`` say what becomes of values."""
        self._read = read
        self._dictionary: pa.Array | None = None
        self._repeats = True
        self._last: Read

    def read(self, array: pa.Array) -> tuple[Read, NDArray[np.integer[Any]] | None]:
        """Return what is read of distinct values, and which of them each row has; None: one a row, in order.

        The first of the distinct values is null.

        Raises:
            pa.ArrowIndexError: if a row has a value that is not in the dictionary.
        """
        if arrow.is_text(array.type) and self._repeats:
            array = array.dictionary_encode()
            self._repeats = 2 * len(array.dictionary) <= len(array)
        if not isinstance(array, pa.DictionaryArray):
            return self._read(array), None
        if self._dictionary is None or not self._dictionary.equals(array.dictionary):
            self._dictionary = array.dictionary
            with_null = pa.concat_arrays([pa.nulls(1, array.dictionary.type), array.dictionary])
            self._last = self._read(with_null)
        return self._last, _rows(array.indices, len(array.dictionary))


def of_rows(parsed: Parsed, rows: NDArray[np.integer[Any]] | None) -> Parsed:
    """Return the value and the state of each row, as ``Column.read`` gives them."""
    if rows is None:
        return parsed
    return Parsed(arrow.take(parsed.values, rows), arrow.take(parsed.states, rows))


def _rows(indices: pa.Array, entries: int) -> NDArray[np.unsignedinteger[Any]]:
    """Return each row's place in its dictionary, from 1 on, in as few bits as that takes; a null's is 0."""
    raw, there = arrow.values(indices, f"u{indices.type.bit_width // 8}"), arrow.validity(indices)
    # Where a null is, the place may be any.
    if _reach(raw, entries) and (there is None or _reach(raw[there], entries)):
        raise pa.ArrowIndexError("a value is not in its dictionary")
    rows = raw.astype(np.min_scalar_type(entries))
    rows += 1
    if there is not None:
        rows *= there
    return rows


def _reach(places: NDArray[np.unsignedinteger[Any]], entries: int) -> bool:
    return len(places) > 0 and bool(places.max() >= entries)


MAX_KNOWN = 16
"""Distinct numbers up to which comparing is quicker than a dictionary."""


class KnownNumbers:
    """The distinct numbers (float64) that a column has held so far, and their codes."""

    def __init__(self, code: Callable[[float], int]) -> None:
        """Let ``code`` give a number its code, from 1 to 255."""
        self._code = code
        self._codes: dict[float, int] | None = {}

    def codes(self, numbers: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
        """Return the code of each of ``numbers``, learning new ones; where one is not ``there``, it is any.

        None where there are more distinct numbers than are worth knowing; so it stays then.
        """
        if self._codes is None:
            return None
        found = _compared(numbers, self._codes)
        strange = (found == 0) & there
        if not strange.any():
            return found
        new = np.unique(numbers[strange]).tolist()
        if len(self._codes) + len(new) > MAX_KNOWN:
            self._codes = None
            return None
        self._codes |= {number: self._code(number) for number in new}
        return _compared(numbers, self._codes)


def _compared(numbers: NDArray[np.float64], codes: dict[float, int]) -> NDArray[np.uint8]:
    found, equal = np.zeros(len(numbers), np.uint8), np.empty(len(numbers), np.bool_)
    for number, code in codes.items():
        found += np.equal(numbers, number, out=equal).view(np.uint8) * np.uint8(code)
    return found
