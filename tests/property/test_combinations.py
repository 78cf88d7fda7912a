from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.histogram import Combinations, merge

CODES = st.integers(-1, 2) | st.integers(-1, 2**40)
Part = list[tuple[tuple[int, ...], int]]
ROWS = st.lists(st.tuples(st.tuples(CODES, CODES, CODES), st.integers(0, 10)))


@given(st.lists(ROWS, min_size=1, max_size=3))
def test_merging_adds_up_equal_combinations_of_any_codes(
    parts: list[Part],
) -> None:
    expected = Counter[tuple[int, ...]]()
    for codes, rows in (row for part in parts for row in part):
        expected[codes] += rows
    merged = merge(
        *(
            Combinations(
                np.array([codes for codes, _ in part], np.intp).reshape(-1, 3),
                np.array([rows for _, rows in part], np.int64),
            )
            for part in parts
        )
    )
    assert merged.codes.tolist() == [list(codes) for codes in sorted(expected)]
    assert merged.counts.tolist() == [expected[codes] for codes in sorted(expected)]
