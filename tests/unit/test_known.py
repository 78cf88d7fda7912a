from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.known import MOST_KNOWN, KnownValues

BATCHES = st.lists(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), min_size=1, max_size=40), max_size=5
)


@given(BATCHES)
def test_every_value_is_found_again_in_every_batch(batches: list[list[int]]) -> None:
    known = KnownValues()
    for batch in batches:
        rows = known.rows(np.array(batch, np.uint64))
        assert rows is not None
        assert known.values[rows].tolist() == batch


def test_it_holds_as_many_values_as_it_says_and_gives_up_on_more() -> None:
    values = np.random.default_rng(7).random(MOST_KNOWN + 1)
    known = KnownValues()
    rows = known.rows(values[:MOST_KNOWN])
    assert rows is not None
    assert known.values[rows].view(np.float64).tolist() == values[:MOST_KNOWN].tolist()
    assert known.rows(values) is None
