from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.known import MOST_KNOWN, KnownNumbers

if TYPE_CHECKING:
    from collections.abc import Sized

    from numpy.typing import NDArray

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(0, 3).map(float)
BATCHES = st.lists(st.lists(NUMBERS, min_size=1, max_size=40), max_size=5)


def all_of(numbers: Sized) -> NDArray[np.bool_]:
    return np.ones(len(numbers), np.bool_)


@given(BATCHES)
def test_every_number_is_found_again_in_every_batch(batches: list[list[float]]) -> None:
    known = KnownNumbers()
    for batch in batches:
        rows = known.rows(np.array(batch), all_of(batch))
        assert rows is not None
        assert known.numbers[rows].tolist() == batch


def test_it_holds_as_many_numbers_as_it_says_and_gives_up_on_more() -> None:
    numbers = np.random.default_rng(7).random(MOST_KNOWN + 1)
    known = KnownNumbers()
    rows = known.rows(numbers[:MOST_KNOWN], all_of(numbers[:MOST_KNOWN]))
    assert rows is not None
    assert known.numbers[rows].tolist() == numbers[:MOST_KNOWN].tolist()
    assert known.rows(numbers, all_of(numbers)) is None


def test_numbers_that_are_too_close_are_not_taken_for_each_other() -> None:
    close = np.array([1.0, 1.0 + 1e-12])
    assert KnownNumbers().rows(close, all_of(close)) is None


def test_numbers_that_are_not_there_are_not_learned() -> None:
    known = KnownNumbers()
    known.rows(np.array([1.0, 2.0]), np.array([True, False]))
    assert known.numbers.tolist() == [1.0]
