"""Ranges of an attribute → the intervals that their bounds cut the number line into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from vouchers.segments import Range

_SHORT = 1 << 15

_FEW = 16
"""Edges up to which comparing all values with each is quicker than a search for every value."""


class Intervals:
    """Intervals numbered from below: 0 holds what is negative, and each range is a run of some others.

    Attributes:
        edges: where each interval but 0 begins, ascending.
    """

    def __init__(self, ranges: Iterable[Range], *, whole: bool) -> None:
        """Cut the line for whole numbers only, or for fractions, too."""
        held = list(ranges)
        above = {r.max + 1.0 if whole else float(np.nextafter(r.max, np.inf)) for r in held}
        self.edges = np.array(sorted({0.0, *(float(r.min) for r in held), *above}))
        self._lowest = np.append(-np.inf, self.edges)

    def __len__(self) -> int:
        """Return how many intervals there are."""
        return len(self.edges) + 1

    def within(self, held: Range) -> NDArray[np.bool_]:
        """Return which intervals a range is made of."""
        return (self._lowest >= held.min) & (self._lowest <= held.max)


def bucketize(edges: NDArray[Any], values: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """Return how many of ``edges`` (ascending) each value has reached; neither may hold NaN.

    Only the edges between the least and the greatest value are looked at.
    """
    kind = np.min_scalar_type(len(edges))
    if not len(values):
        return np.zeros(0, kind)
    low, high = values.min(), values.max()
    first, last = np.searchsorted(edges, [low, high], side="right")
    if last - first > _FEW:
        return np.searchsorted(edges, values, side="right").astype(kind)
    between = edges[first:last]
    if values.dtype.kind == "i" and -_SHORT <= low <= high < _SHORT:
        values, between = values.astype(np.int16), np.ceil(between).astype(np.int16)
    counted, reached = np.full(len(values), first, kind), np.empty(len(values), np.bool_)
    for edge, times in zip(*np.unique(between, return_counts=True), strict=True):
        counted += np.greater_equal(values, edge, out=reached).view(np.uint8) * np.uint8(times)
    return counted
