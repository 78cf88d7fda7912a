from __future__ import annotations

import json
from math import comb
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import oracle
from tests.support.strategies import AMOUNTS, GUARDS
from vouchers.counts import (
    MAX_COUNTRIES,
    MIN_USES,
    SPELLINGS,
    Cell,
    amount_name,
    choose,
    difference,
    most_used,
    range_cell,
    spellings_cell,
    uses_by_country,
    verdict,
)
from vouchers.segments import Range
from vouchers.text import country_key

if TYPE_CHECKING:
    import random

    from vouchers.counts import Contribution
    from vouchers.segments import CountrySettings

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


@given(st.dictionaries(AMOUNTS, st.integers(0, 12)), GUARDS)
def test_a_choice_obeys_the_guards(counts: dict[float, int], guards: CountrySettings) -> None:
    uses = [amount for amount, count in counts.items() for _ in range(count)]
    chosen = choose(counts, guards)
    assert (chosen.amounts, chosen.reason) == oracle.choose(uses, guards)
    assert {counts[amount] for amount in chosen.amounts} == ({chosen.uses} if chosen.amounts else set())
    allowed = {amount: count for amount, count in counts.items() if guards.allow(amount)}
    assert chosen.verdict == (verdict(allowed) if chosen.amounts else None)


@given(st.dictionaries(AMOUNTS, st.integers(0, 40)))
def test_without_guards_the_most_used_amounts_are_chosen(counts: dict[float, int]) -> None:
    chosen = most_used(counts)
    count = counts[chosen[0]] if chosen else None
    assert choose(counts)[2:] == (count, verdict(counts))
    assert choose(counts)[:2] == (chosen, "most_used" if chosen else "no_voucher_used")


def p_value(first: int, second: int) -> float:
    """Return the p-value of the exact two-sided sign test of ``first`` against fewer or equal ``second``."""
    uses = first + second
    as_extreme = sum(comb(uses, n) for n in range(first, uses + 1))
    return float(2 * as_extreme / 2**uses)


@given(
    st.dictionaries(st.integers(0, 9).map(float), st.integers(0, 400)),
    st.randoms(use_true_random=False),
)
def test_a_verdict_is_that_of_the_exact_test_of_the_two_most_used_amounts(
    counts: dict[float, int], random: random.Random
) -> None:
    used = sorted((count for amount, count in counts.items() if amount), reverse=True)
    first, second = [*used, 0, 0][:2]
    shuffled = dict(random.sample([*counts.items()], len(counts)))
    found = verdict(shuffled)
    if not first:
        assert found is None
    elif first + second < MIN_USES:
        assert found == "too_few_uses"
    elif found == "clear":
        assert p_value(first, second) <= 0.05
    else:
        # The approximation may need one use more than the exact test.
        assert found == "close"
        assert p_value(first + 1, second - 1 if second else 0) <= 0.05 or p_value(first, second) > 0.05


@pytest.mark.parametrize("uses", [*range(MIN_USES, 200), 500, 1000, 1001, 3000])
def test_the_smallest_clear_count_is_that_of_the_exact_test_or_one_more(uses: int) -> None:
    def is_clear(first: int) -> bool:
        return verdict({1.0: first, 2.0: uses - first}) == "clear"

    smallest = next(first for first in range((uses + 1) // 2, uses + 1) if is_clear(first))
    assert p_value(smallest, uses - smallest) <= 0.05
    assert p_value(smallest - 2, uses - smallest + 2) > 0.05
    assert all(is_clear(first) for first in range(smallest, uses + 1))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, None),
        ({0.0: 500}, None),
        ({0.0: 500, 5.0: 0}, None),
        # 164 uses, whose winner has seven and whose next three have six.
        ({float(n): 6 if n < 4 else 7 if n == 4 else 5 for n in range(1, 33)}, "too_few_uses"),
        ({5.0: 29}, "too_few_uses"),
        ({5.0: 30}, "clear"),
        ({5.0: 15, 6.0: 15}, "close"),
        ({5.0: 20, 6.0: 10}, "close"),
        ({5.0: 21, 6.0: 9}, "clear"),
        ({0.0: 1501, 2640.0: 11813, 3520.0: 4391, 4400.0: 4225}, "clear"),
    ],
)
def test_verdicts(counts: dict[float, int], expected: str | None) -> None:
    assert verdict(counts) == expected


def test_samples_without_a_best_amount_are_clear_in_at_most_5_percent() -> None:
    # All outcomes of 40 uses of two amounts that are equally popular.
    outcomes = {first: comb(40, first) / 2**40 for first in range(41)}
    wrong = sum(
        chance for first, chance in outcomes.items() if verdict({1.0: first, 2.0: 40 - first}) == "clear"
    )
    assert 0.01 < wrong <= 0.05


def test_the_detection_rate_at_the_minimum_is_as_documented() -> None:
    chances = {n: comb(MIN_USES, n) * 2**n / 3**MIN_USES for n in range(MIN_USES + 1)}
    detected = sum(
        chance for n, chance in chances.items() if n > 15 and verdict({1.0: n, 2.0: MIN_USES - n}) == "clear"
    )
    assert round(detected, 2) == 0.43


@given(
    st.dictionaries(
        st.text("aA\u00e9B", min_size=1, max_size=3),
        st.dictionaries(st.sampled_from(["aa", "Aa"]), st.integers(1, 9), min_size=1),
    )
)
def test_the_uses_of_a_country_are_the_rows_of_its_spellings(by_key: dict[str, dict[str, int]]) -> None:
    contribution: Contribution = {}
    for number, (key, spellings) in enumerate(by_key.items()):
        names = {f"{name}{number}": rows for name, rows in spellings.items()}
        contribution[Cell(key, SPELLINGS)] = names
        contribution[Cell(key, "orders#0-4")] = {"10": sum(names.values())}
    found = uses_by_country(contribution)
    assert sorted(found.values()) == sorted(sum(names.values()) for names in by_key.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for name in found:
        spellings = next(names for cell, names in contribution.items() if name in names)
        assert spellings[name] == max(spellings.values())


def test_the_uses_of_countries_fit_an_item_whatever_their_names_are() -> None:
    names = ["\u3042" * 30 + str(number) for number in range(2 * MAX_COUNTRIES)] + ["x" * 101]
    found = uses_by_country({Cell(name, SPELLINGS): {name: 10**9} for name in names})
    assert (len(found), "x" * 101 in found) == (MAX_COUNTRIES, False)
    assert len(json.dumps(found)) < 60_000
