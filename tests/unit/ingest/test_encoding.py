from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.encoding import MAX_KNOWN, MAX_LEARNED, KnownNumbers

if TYPE_CHECKING:
    from collections.abc import Sized

    from numpy.typing import NDArray

NUMBERS = st.sampled_from(
    [-1e300, -1.0, -0.0, 0.0, 5e-324, 0.1, 1.0, np.nextafter(1.0, 2.0), 2640.0, 1e15, 1e15 + 1, 1.7e308]
)
BATCHES = st.lists(st.lists(NUMBERS, min_size=1, max_size=40), max_size=5)


class Coder:
    """Assigns codes from 1, and records them."""

    def __init__(self) -> None:
        self.numbers: list[float] = []

    def __call__(self, number: float) -> int:
        self.numbers.append(number)
        return len(self.numbers)


def all_of(numbers: Sized) -> NDArray[np.bool_]:
    return np.ones(len(numbers), np.bool_)


@given(BATCHES, st.sampled_from([1, MAX_LEARNED]))
def test_every_number_has_its_own_code_in_every_batch(batches: list[list[float]], times: int) -> None:
    code = Coder()
    known = KnownNumbers(code)
    for batch in batches:
        numbers = np.repeat(batch, times)
        codes = known.codes(numbers, all_of(numbers))
        assert codes is not None
        assert [code.numbers[c - 1] for c in codes] == numbers.tolist()
    assert len(code.numbers) == len(set(code.numbers))


def test_it_holds_as_many_numbers_as_it_says_and_gives_up_on_more() -> None:
    numbers = np.random.default_rng(7).random(MAX_KNOWN + 1)
    known = KnownNumbers(Coder())
    codes = known.codes(numbers[:MAX_KNOWN], all_of(numbers[:MAX_KNOWN]))
    assert codes is not None
    assert sorted(codes.tolist()) == [*range(1, MAX_KNOWN + 1)]
    assert known.codes(numbers, all_of(numbers)) is None
    assert known.codes(numbers[:1], all_of(numbers[:1])) is None


def test_numbers_that_are_not_there_are_given_no_code() -> None:
    code = Coder()
    KnownNumbers(code).codes(np.array([1.0, 2.0]), np.array([True, False]))
    assert code.numbers == [1.0]
