"""Cut the number line into intervals at the bounds of ranges, and find the intervals of values."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vouchers.segments import Range

_INT16_END = 1 << 15

MAX_COMPARED_EDGES = 16
MIN_COMPARED_VALUES = 1 << 11
"""Edges up to which, and values from which, comparing all values with each edge is faster than a search."""


class Intervals:
    """Intervals numbered from below: 0 is that of negative values, and each range consists of some others.

    Attributes:
        edges: the beginning of each interval except 0, ascending.
    """

    def __init__(self, ranges: Iterable[Range], *, whole: bool) -> None:
        """Cut at the bounds of ranges, for whole numbers only or for fractions too."""
        bounds = list(ranges)
        above = {r.max + 1.0 if whole else float(np.nextafter(r.max, np.inf)) for r in bounds}
        self.edges = np.array(sorted({0.0, *(float(r.min) for r in bounds), *above}))
        self._lowest = np.append(-np.inf, self.edges)

    def __len__(self) -> int:
        """Return the number of intervals."""
        return len(self.edges) + 1

    def within(self, range_: Range) -> NDArray[np.bool_]:
        """Return a mask of the intervals of a range."""
        return (self._lowest >= range_.min) & (self._lowest <= range_.max)


def bucketize(edges: NDArray[Any], values: NDArray[Any], offset: int = 0) -> NDArray[np.unsignedinteger[Any]]:
    """Return the interval of each value: how many of ``edges`` (ascending) are not above it, plus ``offset``.

    Neither may contain NaN. Only edges between the smallest and the largest value are compared.
    """
    dtype = np.min_scalar_type(len(edges) + offset)
    if not len(values):
        return np.zeros(0, dtype)
    low, high = values.min(), values.max()
    first, last = np.searchsorted(edges, [low, high], side="right")
    if last - first > MAX_COMPARED_EDGES or len(values) < MIN_COMPARED_VALUES:
        return (np.searchsorted(edges, values, side="right") + offset).astype(dtype)
    between = edges[first:last]
    if values.dtype.kind == "i" and -_INT16_END <= low <= high < _INT16_END:
        values, between = values.astype(np.int16), np.ceil(between).astype(np.int16)
    counts, reached = np.full(len(values), first + offset, dtype), np.empty(len(values), np.bool_)
    # The first call of np.unique imports numpy.ma, which takes longer than counting most files.
    for edge, times in Counter(between.tolist()).items():
        counts += np.greater_equal(values, edge, out=reached).view(np.uint8) * np.uint8(times)
    return counts
