"""Ranges of an attribute → the intervals that their bounds cut the number line into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from vouchers.segments import Range

_SHORT_EDGE = 1 << 12
"""Edges below this are looked up in a table by whole numbers; only a few customers lie beyond."""


class Intervals:
    """Intervals numbered from below: 0 lies below every range, and each range is a run of some of them."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        bounds = {
            bound for held in ranges for bound in (float(held.min), float(np.nextafter(held.max, np.inf)))
        }
        self._edges = np.array(sorted(bounds))
        short = self._edges[self._edges < _SHORT_EDGE]
        self._beyond = self._edges[len(short)] if len(short) < len(self._edges) else np.inf
        self._table = self.of(np.arange(-1, int(short[-1]) + 2 if len(short) else 1))

    def __len__(self) -> int:
        """Return how many intervals there are."""
        return len(self._edges) + 1

    def of(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Return the interval of each value."""
        return np.searchsorted(self._edges, values, side="right")

    def of_integers(self, values: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the interval of each whole number; quicker than ``of`` for many of them."""
        if len(values) and values.max() >= self._beyond:
            return self.of(values)
        return self._table[np.clip(values, -1, len(self._table) - 2) + 1]

    def within(self, held: Range) -> NDArray[np.bool_]:
        """Return which intervals a range is made of."""
        lowest = np.append(-np.inf, self._edges)
        return (lowest >= held.min) & (lowest <= held.max)
