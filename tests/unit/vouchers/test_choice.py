from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.counts import most_used

if TYPE_CHECKING:
    import random


@pytest.mark.parametrize(
    ("counts", "chosen"),
    [
        ({0.0: 13950, 2640.0: 49102, 3520.0: 22037, 4400.0: 21458}, [2640.0]),
        ({0.0: 9, 4400.0: 5, 2640.0: 5, 3520.0: 4}, [2640.0, 4400.0]),
        ({0.0: 9}, []),
        ({2640.0: 0, 0.0: 1}, []),
        ({}, []),
    ],
)
def test_the_most_used_amount_is_chosen_and_no_voucher_never_is(
    counts: dict[float, int], chosen: list[float]
) -> None:
    assert most_used(counts) == chosen


@given(st.dictionaries(st.floats(0, 1e6), st.integers(0, 5)), st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_the_counts(
    counts: dict[float, int], chance: random.Random
) -> None:
    shuffled = list(counts.items())
    chance.shuffle(shuffled)
    chosen = most_used(dict(shuffled))
    assert chosen == most_used(counts) == sorted(chosen)
    best = max((count for amount, count in counts.items() if amount), default=0)
    assert set(chosen) == {amount for amount, count in counts.items() if amount and count == best and best}
