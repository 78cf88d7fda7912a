"""Count how many rows have each combination of codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.counting.encoding import Codes, EncodedColumn

MAX_DENSE_KEYS = 1 << 20
"""Possible combinations up to which each has a counter; beyond, only those that occur."""

MAX_PENDING_KEYS = 1 << 20
"""Counted combinations that are kept before equal ones are added up."""


@dataclass(frozen=True, slots=True)
class Combinations:
    """Combinations of codes (intp, one column a dimension), and their numbers of rows (int64)."""

    codes: NDArray[np.intp]
    counts: NDArray[np.int64]

    def where(self, mask: NDArray[np.bool_]) -> Combinations:
        """Return the combinations of a mask."""
        return Combinations(self.codes[mask], self.counts[mask])

    def group_by(self, *dimensions: int) -> Iterator[tuple[list[int], int]]:
        """Yield each combination of codes in some dimensions, and its number of rows."""
        groups = merge(Combinations(self.codes[:, dimensions], self.counts))
        return zip(groups.codes.tolist(), groups.counts.tolist(), strict=True)

    @property
    def rows(self) -> int:
        """The number of rows of all combinations."""
        return int(self.counts.sum())


def merge(*parts: Combinations) -> Combinations:
    """Return each combination of the parts once."""
    codes = np.concatenate([part.codes for part in parts])
    # This takes a third of the time of np.unique with an axis.
    order = np.lexsort(codes.T[::-1])
    codes, counts = codes[order], np.concatenate([part.counts for part in parts])[order]
    is_first = np.ones(len(codes), bool)
    is_first[1:] = (codes[1:] != codes[:-1]).any(axis=1)
    return Combinations(codes[is_first], np.add.reduceat(counts, np.flatnonzero(is_first)))


class Digit(NamedTuple):
    """The part of a dimension in a row's key.

    Attributes:
        size: the number of values.
        codes: the code of each value; None if the values are the codes.
    """

    size: int
    codes: Codes | None


class Histogram:
    """Counts combinations of codes, batch by batch; the dimensions may grow in between."""

    def __init__(self, dimensions: int) -> None:
        self._digits: list[Digit] = [Digit(1, None)] * dimensions
        self._dense = np.zeros(1, np.int64)
        self._parts = [Combinations(np.empty((0, dimensions), np.intp), np.empty(0, np.int64))]

    def add(self, columns: Sequence[EncodedColumn], sizes: Sequence[int]) -> None:
        """Count the rows of a batch: make a key for each row from its codes, and count the keys.

        Args:
            columns: the codes of the batch in each dimension.
            sizes: the number of codes of each dimension.
        """
        # The index in a dictionary replaces the code if it has no more values than the code has.
        digits = [
            Digit(len(codes), codes) if rows is not None and len(codes) <= size else Digit(size, None)
            for (codes, rows), size in zip(columns, sizes, strict=True)
        ]
        space = prod(digit.size for digit in digits)
        if any(
            new.size != old.size or new.codes is not old.codes
            for new, old in zip(digits, self._digits, strict=True)
        ):
            self._flush_dense()
            self._digits = digits
            self._dense = np.zeros(space if space <= MAX_DENSE_KEYS else 0, np.int64)
        values = [
            column.of_rows() if digit.codes is None or column.rows is None else column.rows
            for column, digit in zip(columns, self._digits, strict=True)
        ]
        keys: NDArray[Any] = values[0].astype(np.min_scalar_type(-space))
        for digit, of_rows in zip(digits[1:], values[1:], strict=True):
            keys *= keys.dtype.type(digit.size)
            keys += of_rows
        if len(self._dense):
            self._dense += np.bincount(keys, minlength=len(self._dense))
        else:
            self._add_keys(*np.unique(keys, return_counts=True))

    def combinations(self) -> Combinations:
        """Return each combination that occurs, once."""
        self._flush_dense()
        return merge(*self._parts)

    def _flush_dense(self) -> None:
        keys = np.flatnonzero(self._dense)
        self._add_keys(keys, self._dense[keys])
        self._dense[:] = 0

    def _add_keys(self, keys: NDArray[np.integer[Any]], counts: NDArray[np.int64]) -> None:
        values = np.unravel_index(keys, [digit.size for digit in self._digits])
        codes = [
            value if digit.codes is None else digit.codes[value]
            for value, digit in zip(values, self._digits, strict=True)
        ]
        self._parts.append(Combinations(np.stack(codes, axis=1).astype(np.intp), counts))
        if sum(len(part.counts) for part in self._parts) > MAX_PENDING_KEYS:
            self._parts = [merge(*self._parts)]
