from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.intervals import MIN_COMPARED_VALUES, Intervals, bucketize
from vouchers.segments import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUNDS = st.integers(0, 20) | st.sampled_from([4094, 4095, 4096, 5000, 99999999])
RANGES = st.lists(st.tuples(BOUNDS, BOUNDS).map(lambda b: Range(min(b), max(b))), max_size=5)
VALUES = st.integers(-3, 25) | st.sampled_from(
    [4094, 4095, 4096, 4097, 5000, 5001, 99999999, 100000000, -(10**15)]
)


def intervals_of(intervals: Intervals, values: NDArray[Any]) -> NDArray[Any]:
    """Return the interval of each value, which is the same among few values and among many."""
    found = bucketize(intervals.edges, values)
    among_many = bucketize(intervals.edges, np.tile(values, MIN_COMPARED_VALUES))
    assert among_many.tolist() == np.tile(found, MIN_COMPARED_VALUES).tolist()
    return found


@given(RANGES, st.lists(VALUES, max_size=20), st.booleans())
def test_a_range_is_made_of_the_intervals_of_its_values(
    ranges: list[Range], values: list[int], whole: bool
) -> None:
    intervals = Intervals(ranges, whole=whole)
    found = intervals_of(intervals, np.array(values, np.int64))
    for range_ in ranges:
        assert intervals.within(range_)[found].tolist() == [value in range_ for value in values]


@given(RANGES, st.lists(VALUES.map(lambda v: v + 0.5), max_size=20))
def test_a_fraction_between_two_ranges_is_in_neither(ranges: list[Range], values: list[float]) -> None:
    intervals = Intervals(ranges, whole=False)
    found = intervals_of(intervals, np.array(values))
    for range_ in ranges:
        assert intervals.within(range_)[found].tolist() == [value in range_ for value in values]
