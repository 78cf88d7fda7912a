"""A column of a batch → what is read of its distinct values, and for each row which of them it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from ingest.buffers import picked, plain, present
from ingest.parse import is_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Table = NDArray[np.unsignedinteger[Any]]
    """Codes."""

Read = TypeVar("Read")


class Codes(NamedTuple):
    """The code of each row: ``table[row]`` of its ``rows``, or one in the table a row where that is None."""

    table: Table
    rows: NDArray[np.integer[Any]] | None

    def of_rows(self) -> Table:
        """Return each row's code."""
        return self.table if self.rows is None else picked(self.table, self.rows)


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

        The last of the distinct values is null.

        Raises:
            pa.ArrowIndexError: if a row has a value that is not in the dictionary.
        """
        if is_text(array.type) and self._repeats:
            array = array.dictionary_encode()
            self._repeats = 2 * len(array.dictionary) <= len(array)
        if not isinstance(array, pa.DictionaryArray):
            return self._read(array), None
        if self._dictionary is None or not self._dictionary.equals(array.dictionary):
            self._dictionary = array.dictionary
            with_null = pa.concat_arrays([array.dictionary, pa.nulls(1, array.dictionary.type)])
            self._last = self._read(with_null)
        return self._last, _rows(array.indices, null=len(array.dictionary))


def _rows(indices: pa.Array, null: int) -> NDArray[np.integer[Any]]:
    rows, there = plain(indices, np.dtype(str(indices.type))), present(indices)
    if there is not None:
        rows = rows - rows.dtype.type(null)
        rows *= there
        rows += rows.dtype.type(null)
    if rows.view(f"u{rows.itemsize}").max(initial=0) > null:
        raise pa.ArrowIndexError("a value is not in its dictionary")
    return rows
