"""Codes → counts: how many rows hold each combination of codes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest.codes import Codes

Sizes = tuple[int, ...]
"""How many codes each axis has."""

MOST_DENSE = 1 << 20
"""Combinations up to which every one has a counter of its own; beyond, only those that were seen."""

MOST_PENDING = 1 << 20
"""Counted combinations that may be kept apart before they are added together."""


class Tally:
    """Counts combinations of codes, batch after batch; the axes may grow in between."""

    def __init__(self, axes: int) -> None:
        self._axes = axes
        self._sizes: Sizes = ()
        self._dense = np.zeros(0, np.int64)
        self._parts: list[tuple[NDArray[np.intp], NDArray[np.int64]]] = []

    def add(self, codes: Sequence[Codes], sizes: Sizes) -> None:
        """Count the rows of a batch: one key a row, made of its codes, and one histogram over the keys."""
        if sizes != self._sizes:
            self._set_apart()
            self._sizes = sizes
            self._dense = np.zeros(prod(sizes) if prod(sizes) <= MOST_DENSE else 0, np.int64)
        keys = _keys(codes, sizes)
        if len(self._dense):
            self._dense += np.bincount(keys, minlength=len(self._dense))
        else:
            self._keep(*np.unique(keys, return_counts=True))

    def combinations(self) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return each combination that was seen (a row of codes, one an axis) and how often (int64)."""
        self._set_apart()
        self._merge()
        return self._parts[0] if self._parts else (np.empty((0, self._axes), np.intp), np.empty(0, np.int64))

    def _set_apart(self) -> None:
        seen = np.flatnonzero(self._dense)
        if len(seen):
            self._keep(seen, self._dense[seen])
            self._dense[seen] = 0

    def _keep(self, keys: NDArray[np.intp], counts: NDArray[np.int64]) -> None:
        self._parts.append((np.stack(np.unravel_index(keys, self._sizes), axis=1), counts))
        if sum(len(counts) for _, counts in self._parts) > MOST_PENDING:
            self._merge()

    def _merge(self) -> None:
        if len(self._parts) > 1:
            keys = np.concatenate([keys for keys, _ in self._parts])
            counts = np.concatenate([counts for _, counts in self._parts])
            distinct, of = np.unique(keys, axis=0, return_inverse=True)
            total = np.zeros(len(distinct), np.int64)
            np.add.at(total, of.ravel(), counts)
            self._parts = [(distinct, total)]


def _keys(codes: Sequence[Codes], sizes: Sizes) -> NDArray[np.intp]:
    stride, keys = 1, np.zeros((), np.intp)
    for (table, rows), size in zip(reversed(codes), reversed(sizes), strict=True):
        scaled = table * stride
        keys = keys + (scaled if rows is None else scaled[rows])
        stride *= size
    return keys
