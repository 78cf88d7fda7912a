from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.statistics import Interval, cap_amounts, ranked, sample_size, wilson

pytestmark = pytest.mark.disable_socket


@pytest.mark.parametrize(
    ("count", "size", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(count: int, size: int, low: float, high: float) -> None:
    interval = wilson(count, size)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(1, 10**12).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_the_interval_contains_the_share_and_satisfies_its_equation(
    sample: tuple[int, int],
) -> None:
    count, size = sample
    interval = wilson(count, size)
    assert 0 <= interval.low <= interval.high <= 1
    assert interval.low - 1e-6 <= count / size <= interval.high + 1e-6
    for end in (interval.low, interval.high):
        error = math.sqrt((end * (1 - end) + 1e-6) / size)
        assert abs(count / size - end) <= 1.96 * error + 1e-6


def test_amounts_are_ranked_by_use_and_ties_by_amount() -> None:
    amounts, left_out = ranked({0: 50, 7.5: 20, 5: 20, 30: 10, 99: 0})
    assert left_out == 0
    assert [(amount.voucher_amount, amount.count, amount.share) for amount in amounts] == [
        (5, 20, 0.2),
        (7.5, 20, 0.2),
        (30, 10, 0.1),
    ]
    assert amounts[2].interval == wilson(10, 100)


def test_the_sample_size_ignores_negative_counts() -> None:
    assert sample_size({0: 5, 7: 3, 9: -1}) == 8
    assert ranked({0: 5, 7: 3, 9: -1})[0][0].share == 3 / 8
    assert (sample_size({}), ranked({})) == (0, ([], 0))


def test_the_most_used_amounts_are_listed_and_of_a_tie_the_lower_ones() -> None:
    counts: dict[float, int] = {9: 4, 3: 2, 0: 1, 7: 5, 1: 2, 8: 5}
    listed, left_out = cap_amounts(counts, 4)
    assert (list(listed.items()), left_out) == ([(0, 1), (7, 5), (8, 5), (9, 4)], 2)
    amounts, left_out = ranked(counts, 4)
    assert [(amount.voucher_amount, amount.count) for amount in amounts] == [(7, 5), (8, 5), (9, 4), (1, 2)]
    assert (amounts[0].share, left_out) == (round(5 / 19, 6), 1)
    assert cap_amounts(counts) == (counts, 0)
    assert ranked(counts, 2, without={7}) == (amounts[1:3], 2)


def test_the_interval_of_extreme_shares() -> None:
    assert wilson(0, 1) == Interval(0.0, 0.793451)
    assert wilson(1, 1) == Interval(0.206549, 1.0)
