from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.counts import Cell, amount_name, difference, most_used, range_cell, spellings_cell
from vouchers.segments import Range
from vouchers.text import country_key

if TYPE_CHECKING:
    import random

CONTRIBUTIONS = st.dictionaries(
    st.builds(Cell, st.sampled_from(["peru", "china"]), st.sampled_from(["a#0-4", "a#5-13"])),
    st.dictionaries(st.sampled_from(["0", "2640", "3520"]), st.integers(1, 9)),
)


@pytest.mark.parametrize(
    ("amount", "name"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2640.0, "2640"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (2.0**53, repr(2.0**53)),
    ],
)
def test_an_amount_has_one_name_that_reads_back_as_itself(amount: float, name: str) -> None:
    assert amount_name(amount) == name
    assert float(name) == amount


@given(st.floats(min_value=0, allow_infinity=False))
def test_every_amount_reads_back_from_its_name(amount: float) -> None:
    assert float(amount_name(amount)) == amount


def test_spellings_of_a_country_share_its_cells() -> None:
    assert country_key(" PERU ") == country_key("Peru") == "peru"
    assert range_cell("PERU", "s", Range(0, 4)) == Cell("peru", "s#0-4")
    assert spellings_cell("Peru") == Cell("peru", "#spellings")


@given(CONTRIBUTIONS, CONTRIBUTIONS)
def test_adding_the_difference_to_the_old_gives_the_new(
    old: dict[Cell, dict[str, int]], new: dict[Cell, dict[str, int]]
) -> None:
    changes = difference(old, new)
    assert list(changes) == sorted(changes)
    for cell in old.keys() | new.keys():
        was, is_, change = old.get(cell, {}), new.get(cell, {}), changes.get(cell, {})
        assert 0 not in change.values()
        for name in was.keys() | is_.keys():
            assert was.get(name, 0) + change.get(name, 0) == is_.get(name, 0)


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
