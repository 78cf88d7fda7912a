"""The statistics of the backtest, against published figures and exact calculations."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
import pytest

from voucher_selector.operations.evaluate import (
    LEARNING_SIZES,
    bootstrap_gains,
    estimate_agreement,
    find_changes,
    gain_interval,
    p_value,
    uses_needed,
)

RATINGS = (86, 150, 1600)
"""Approval of a prime minister, gained and lost, of 1,600 people (A. Agresti, Categorical Data Analysis)."""


def test_the_p_value_is_that_of_mcnemars_test() -> None:
    gained, lost, _ = RATINGS
    assert p_value(gained, lost) == pytest.approx(3.1e-5, rel=0.01)  # z is 4.17
    assert p_value(lost, gained) == p_value(gained, lost)
    assert p_value(7, 7) == p_value(0, 0) == 1


def test_the_interval_is_wald_plus_2() -> None:
    gained, lost, uses = RATINGS
    cells = np.array([[794, lost], [gained, 570]]) + 0.5
    both, outcomes = cells / cells.sum(), np.array([[0, -1], [1, 0]])
    mean = (both * outcomes).sum()
    deviation = np.sqrt(((both * outcomes**2).sum() - mean**2) / cells.sum())

    assert cells.sum() == uses + 2
    assert gain_interval(gained, lost, uses) == pytest.approx(
        (100 * (mean - 2.5758 * deviation), 100 * (mean + 2.5758 * deviation)), rel=1e-4
    )


def test_the_interval_of_certain_choices_is_narrower() -> None:
    low, high = gain_interval(*RATINGS)
    wide_low, wide_high = gain_interval(*RATINGS, spread=50)
    assert wide_low < low < high < wide_high


def test_the_agreement_of_two_amounts_is_that_of_the_binomial_distribution() -> None:
    size = LEARNING_SIZES[0]
    wins = sum(comb(size, n) * 0.6**n * 0.4 ** (size - n) for n in range(size // 2, size + 1))  # ties are won

    agreement = estimate_agreement({1.0: 60, 2.0: 40})

    assert agreement[0] == pytest.approx(wins, abs=0.1)
    assert agreement[-1] == 1
    assert estimate_agreement({1.0: 60, 2.0: 40}) == agreement
    assert uses_needed(agreement) == 100


def test_uses_without_a_voucher_are_never_a_choice() -> None:
    assert estimate_agreement({0.0: 5}) == estimate_agreement({}) == []
    assert uses_needed([]) is None
    assert estimate_agreement({0.0: 90, 1.0: 10})[-1] == 1


def test_a_choice_is_stable_only_if_it_stays_so() -> None:
    assert uses_needed([0.96, 0.94, 0.95, 1.0]) == LEARNING_SIZES[2]
    assert uses_needed([0.99, 0.94]) is None


def test_only_clear_choices_gain_the_same_in_every_resample() -> None:
    after = [Counter(), Counter({1.0: 30, 2.0: 10}), Counter({1.0: 20, 2.0: 60})]
    clear = [Counter[float](), Counter({1.0: 900, 2.0: 100}), Counter({1.0: 10, 2.0: 90})]
    close = [Counter[float](), Counter({1.0: 900, 2.0: 100}), Counter({1.0: 45, 2.0: 46})]

    assert set(bootstrap_gains(clear, after).tolist()) == {40}
    assert set(bootstrap_gains(close, after).tolist()) == {0, 40}
    assert set(bootstrap_gains([Counter({0.0: 5})] * 3, after).tolist()) == {0}


@pytest.mark.parametrize(
    ("months", "changes"),
    [
        ([], []),
        ([{1.0: 50}, {1.0: 50, 2.0: 10}], []),
        ([{1.0: 50}, {2.0: 50}, {1.0: 50}], [("1", 1.0, 2.0), ("2", 2.0, 1.0)]),
        ([{1.0: 11, 2.0: 10}, {1.0: 10, 2.0: 11}], []),  # by chance
        ([{1.0: 2}, {2.0: 500, 1.0: 400}], []),  # two uses were no choice
        ([{1.0: 50}, {0.0: 900}, {2.0: 50}], [("2", 1.0, 2.0)]),
    ],
)
def test_a_change_is_more_than_chance(
    months: list[dict[float, int]], changes: list[tuple[str, float, float]]
) -> None:
    found = find_changes((str(number), Counter(counts)) for number, counts in enumerate(months))

    assert [(change["month"], change["from"], change["to"]) for change in found] == changes
