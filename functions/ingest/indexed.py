"""A column of a batch → few distinct values, and for each row which of them it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from ingest.known import KnownValues
from ingest.parse import EMPTY, NULL, READABLE, UNREADABLE, Parsed, is_text, present

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Indexed(NamedTuple):
    """Parsed values, and the index of each row's value in them; ``rows`` None: one value a row, in order."""

    parsed: Parsed
    rows: NDArray[np.integer[Any]] | None

    def of_rows(self, column: NDArray[Any]) -> NDArray[Any]:
        """Return for each row its entry of ``column``, which has one entry a parsed value."""
        return column if self.rows is None else column[self.rows]


class Column:
    """Reads one column of batch after batch, parsing each distinct value once where values repeat."""

    def __init__(self, parse: Callable[[pa.Array], Parsed]) -> None:
        self._parse = parse
        self._known: KnownValues | None = KnownValues()
        self._dictionary: pa.Array | None = None
        self._repeats = True
        self._parsed = Parsed(np.empty(0), np.empty(0, np.uint8))

    def read(self, array: pa.Array) -> Indexed:
        """Return the rows of a batch's column as indices into distinct values."""
        if is_text(array.type) and self._repeats:
            array = array.dictionary_encode()
            self._repeats = 2 * len(array.dictionary) <= len(array)
        if isinstance(array, pa.DictionaryArray):
            return Indexed(self._dictionary_values(array.dictionary), row_indices(array))
        if is_text(array.type):
            return Indexed(self._parse(array), None)
        return self._typed(self._parse(array))

    def _dictionary_values(self, dictionary: pa.Array) -> Parsed:
        if self._dictionary is None or not self._dictionary.equals(dictionary):
            self._dictionary = dictionary
            self._parsed = _with_states(self._parse(dictionary), NULL)
        return self._parsed

    def _typed(self, parsed: Parsed) -> Indexed:
        if self._known is None:
            return Indexed(parsed, None)
        unusual = np.flatnonzero(parsed.states)
        usual = np.where(parsed.states, 0, parsed.values) if len(unusual) else parsed.values
        rows = self._known.rows(usual.astype(parsed.values.dtype, copy=False))
        if rows is None:
            self._known = None
            return Indexed(parsed, None)
        values = self._known.values.view(parsed.values.dtype)
        rows[unusual] = len(values) + parsed.states[unusual] - NULL
        distinct = Parsed(values, np.full(len(values), READABLE, np.uint8))
        return Indexed(_with_states(distinct, NULL, EMPTY, UNREADABLE), rows)


def row_indices(array: pa.DictionaryArray) -> NDArray[np.integer[Any]]:
    """Return each row's index into the dictionary; a null row's is one past its end."""
    indices = array.indices
    rows = np.frombuffer(indices.buffers()[1], np.dtype(str(indices.type)))[
        indices.offset : indices.offset + len(indices)
    ]
    there = present(indices)
    return rows if there is None else np.where(there, rows, np.int32(len(array.dictionary)))


def _with_states(parsed: Parsed, *states: int) -> Parsed:
    values = np.append(parsed.values, np.zeros(len(states), parsed.values.dtype))
    return Parsed(values, np.append(parsed.states, np.array(states, np.uint8)))
