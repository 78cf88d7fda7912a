from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingest.commit.chunks import MAX_CELLS, MAX_COUNTERS, split
from vouchers.counts import Cell

SIZES = st.lists(st.sampled_from([1, 2, MAX_COUNTERS, MAX_COUNTERS + 1, 5 * MAX_COUNTERS]), max_size=8)


@given(SIZES, st.integers(0, 3 * MAX_CELLS))
def test_chunks_hold_every_change_once_and_fit_a_transaction(sizes: list[int], small: int) -> None:
    wide = {Cell(f"wide {i}", "c"): {str(n): 1 for n in range(size)} for i, size in enumerate(sizes)}
    changes = wide | {Cell(f"{i}", "c"): {"0": -1} for i in range(small)}
    found = split(changes)
    content = Counter(
        (cell, name, delta) for chunk in found for cell, counters in chunk for name, delta in counters.items()
    )
    assert content == Counter(
        (cell, name, delta) for cell, counters in changes.items() for name, delta in counters.items()
    )
    for chunk in found:
        assert len({cell for cell, _ in chunk}) == len(chunk) <= MAX_CELLS
        assert all(len(counters) <= MAX_COUNTERS for _, counters in chunk)


def test_no_changes_are_one_empty_chunk() -> None:
    assert split({}) == [[]]
