"""Codes → counts: how many rows hold each combination of codes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.counting.encoding import Codes, Table

MAX_DENSE_KEYS = 1 << 20
"""Combinations up to which every one has a counter of its own; beyond, only those that were seen."""

MAX_PENDING_KEYS = 1 << 20
"""Counted combinations that may be kept apart before they are added together."""


class Digit(NamedTuple):
    """What an axis contributes to a row's key.

    Attributes:
        size: how many values it can have.
        codes: the code that each value stands for; None where the values are the codes.
    """

    size: int
    codes: Table | None

    def is_like(self, other: Digit) -> bool:
        """Say whether keys of both can be counted together."""
        return self.size == other.size and self.codes is other.codes


class Histogram:
    """Counts combinations of codes, batch after batch; the axes may grow in between."""

    def __init__(self, dimensions: int) -> None:
        self._digits: list[Digit] = [Digit(1, None)] * dimensions
        self._dense = np.zeros(1, np.int64)
        self._parts: list[tuple[NDArray[np.intp], NDArray[np.int64]]] = []

    def add(self, codes: Sequence[Codes], sizes: Sequence[int]) -> None:
        """Count the rows of a batch: one key a row, made of its codes, and one histogram over the keys.

        Args:
            codes: a batch's, along each axis.
            sizes: how many codes each axis has.
        """
        digits = [_digit(*of_axis) for of_axis in zip(codes, sizes, strict=True)]
        if not all(map(Digit.is_like, digits, self._digits)):
            self._set_apart()
            self._digits = digits
            self._dense = np.zeros(self._space if self._space <= MAX_DENSE_KEYS else 0, np.int64)
        keys = self._keys(codes)
        if len(self._dense):
            self._dense += np.bincount(keys, minlength=len(self._dense))
        else:
            self._keep(*np.unique(keys, return_counts=True))

    def combinations(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return each combination that was seen (a row of codes, one an axis) and how often (int64)."""
        self._set_apart()
        self._merge()
        if not self._parts:
            return np.empty((0, len(self._digits)), np.intp), np.empty(0, np.int64)
        return self._parts[0]

    @property
    def _space(self) -> int:
        return prod(digit.size for digit in self._digits)

    def _keys(self, codes: Sequence[Codes]) -> NDArray[np.signedinteger[Any]]:
        values = [_values(*of_axis) for of_axis in zip(codes, self._digits, strict=True)]
        keys: NDArray[Any] = values[0].astype(np.min_scalar_type(-self._space))
        for digit, of_rows in zip(self._digits[1:], values[1:], strict=True):
            keys *= keys.dtype.type(digit.size)
            keys += of_rows
        return keys

    def _set_apart(self) -> None:
        seen = np.flatnonzero(self._dense)
        if len(seen):
            self._keep(seen, self._dense[seen])

    def _keep(self, keys: NDArray[np.integer[Any]], counts: NDArray[np.int64]) -> None:
        values = np.unravel_index(keys, [digit.size for digit in self._digits])
        codes = [
            held if digit.codes is None else digit.codes[held]
            for held, digit in zip(values, self._digits, strict=True)
        ]
        self._parts.append((np.stack(codes, axis=1).astype(np.intp), counts))
        if sum(len(counts) for _, counts in self._parts) > MAX_PENDING_KEYS:
            self._merge()

    def _merge(self) -> None:
        if self._parts:
            keys = np.concatenate([keys for keys, _ in self._parts])
            counts = np.concatenate([counts for _, counts in self._parts])
            distinct, of = np.unique(keys, axis=0, return_inverse=True)
            total = np.zeros(len(distinct), np.int64)
            np.add.at(total, of.ravel(), counts)
            self._parts = [(distinct, total)]


def _values(codes: Codes, digit: Digit) -> NDArray[np.integer[Any]]:
    return codes.of_rows() if digit.codes is None or codes.rows is None else codes.rows


def _digit(codes: Codes, size: int) -> Digit:
    """Let a row's place in a dictionary be its digit where that takes no more values than its code would."""
    few = codes.rows is not None and len(codes.table) <= size
    return Digit(len(codes.table), codes.table) if few else Digit(size, None)
