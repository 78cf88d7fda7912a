"""Read a column by its distinct values, if it is encoded as a dictionary or its values repeat."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.parsing import Parsed

Codes = NDArray[np.unsignedinteger[Any]]

MAX_KNOWN = 16
"""Distinct numbers up to which comparing is faster than a dictionary."""

MAX_LEARNED = 1 << 8
"""Unknown numbers that are looked at before all are compared again."""

Read = TypeVar("Read")


class EncodedColumn(NamedTuple):
    """The codes of a column: ``codes[rows]``, or ``codes`` themselves, one a row, if ``rows`` is None."""

    codes: Codes
    rows: NDArray[np.integer[Any]] | None

    def of_rows(self) -> Codes:
        """Return the code of each row."""
        return self.codes if self.rows is None else arrow.take(self.codes, self.rows)


class Column(Generic[Read]):
    """Reads one column, batch by batch; an unchanged dictionary is not read again."""

    def __init__(self, read: Callable[[pa.Array], Read]) -> None:
        """Read values with ``read``."""
        self._read = read
        self._dictionary: pa.Array | None = None
        self._repeats = True
        self._last: Read

    def read(self, array: pa.Array) -> tuple[Read, NDArray[np.integer[Any]] | None]:
        """Return what ``read`` gives for the distinct values, and the index of each row's value among them.

        The first of the distinct values is null. Without indices (None), there is one value for each row.

        Raises:
            pa.ArrowIndexError: if the value of a row is not in the dictionary.
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
        rows = arrow.indices(array).astype(np.min_scalar_type(len(array.dictionary)))
        rows += 1
        if (valid := arrow.validity(array.indices)) is not None:
            rows *= valid
        return self._last, rows


def take_parsed(parsed: Parsed, rows: NDArray[np.integer[Any]] | None) -> Parsed:
    """Return the value and the state of each row, from what ``Column.read`` gives."""
    if rows is None:
        return parsed
    return Parsed(arrow.take(parsed.values, rows), arrow.take(parsed.states, rows))


class KnownNumbers:
    """The distinct numbers (float64) of a column up to now, with their codes."""

    def __init__(self, code: Callable[[float], int]) -> None:
        """Get the code of a new number, from 1 to 255, from ``code``."""
        self._code = code
        self._codes: dict[float, int] | None = {}

    def codes(self, numbers: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.uint8] | None:
        """Return the code of each number, any code where it is not ``valid``; new numbers are learned.

        Returns None, from then on, if there are more than ``MAX_KNOWN`` distinct numbers.
        """
        while self._codes is not None:
            codes, equal = np.zeros(len(numbers), np.uint8), np.empty(len(numbers), np.bool_)
            for number, code in self._codes.items():
                codes += np.equal(numbers, number, out=equal).view(np.uint8) * np.uint8(code)
            unknown = (codes == 0) & valid
            if not unknown.any():
                return codes
            new = sorted({*numbers[unknown][:MAX_LEARNED].tolist()})
            known = len(self._codes) + len(new) <= MAX_KNOWN
            self._codes = self._codes | {number: self._code(number) for number in new} if known else None
        return None
