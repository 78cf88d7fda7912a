"""Counts of voucher amounts: names of cells and counters, differences, and the choice of amounts."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest
from math import sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

from vouchers.segments import CountrySettings
from vouchers.text import country_key

if TYPE_CHECKING:
    from vouchers.segments import Range

Counters = dict[str, int]
"""Counts by name."""

SPELLINGS = "#spellings"
"""Name of the cell that counts the rows of a country by spelling of its name."""

EXACT_INTEGERS = 2**53
"""Below this bound, every whole double is exactly one integer."""


class Cell(NamedTuple):
    """The key of counters: a country, and a range of a segment (or the country's spellings)."""

    country: str
    name: str


Contribution = dict[Cell, Counters]
"""The counters that one source adds, by cell."""


def most_frequent(spellings: Mapping[str, int]) -> str | None:
    """Return the most frequent spelling of a country, of several the first; None if there is none."""
    return min((-count, name) for name, count in spellings.items())[1] if spellings else None


MAX_COUNTRIES = 250
MAX_COUNTRY_BYTES = 100
"""Countries of a report, and bytes of their names, which bound the size of the source's item."""


def uses_by_country(contribution: Contribution) -> dict[str, int]:
    """Return the rows of each country by its most frequent spelling, the most first.

    Countries beyond ``MAX_COUNTRIES``, and names beyond ``MAX_COUNTRY_BYTES``, are left out.
    """
    rows = {
        name: sum(spellings.values())
        for cell, spellings in contribution.items()
        if cell.name == SPELLINGS and (name := most_frequent(spellings))
    }
    short = {name: number for name, number in rows.items() if len(name.encode()) <= MAX_COUNTRY_BYTES}
    return dict(nlargest(MAX_COUNTRIES, short.items(), key=lambda item: (item[1], item[0])))


def range_cell(country: str, segment: str, range_: Range) -> Cell:
    """Return the cell of a range of a segment in a country."""
    return Cell(country_key(country), f"{segment}#{range_.min}-{range_.max}")


def spellings_cell(country: str) -> Cell:
    """Return the cell of the spellings of a country."""
    return Cell(country_key(country), SPELLINGS)


def amount_name(amount: float) -> str:
    """Return the name of a voucher amount: "2640" for 2640.0, "12.5" for 12.50."""
    return str(int(amount)) if amount.is_integer() and amount < EXACT_INTEGERS else repr(amount)


def difference(old: Mapping[Cell, Counters], new: Mapping[Cell, Counters]) -> Contribution:
    """Return the counters to add to ``old`` to get ``new``, in a fixed order, without zeros."""
    changes: Contribution = {}
    for cell in sorted(old.keys() | new.keys()):
        before, after = old.get(cell, {}), new.get(cell, {})
        names = sorted(before.keys() | after.keys())
        deltas = {name: after.get(name, 0) - before.get(name, 0) for name in names}
        if counters := {name: delta for name, delta in deltas.items() if delta}:
            changes[cell] = counters
    return changes


NO_VOUCHER = 0.0
"""The amount of uses without a voucher, which are counted but never chosen."""


def most_used(counts: Mapping[float, int]) -> list[float]:
    """Return the amounts with the highest count, ascending: several on a tie, none if no voucher was used.

    Args:
        counts: uses by voucher amount; amounts with a count of 0 are no longer used.
    """
    used = {amount: count for amount, count in counts.items() if amount != NO_VOUCHER and count > 0}
    highest = max(used.values(), default=0)
    return sorted(amount for amount, count in used.items() if count == highest)


Verdict = Literal["clear", "close", "too_few_uses"]
"""How sure it is that the most used amount of a sample is the most used one in general."""

QUANTILE = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution, for two-sided tests and intervals of 95 %."""

MIN_USES = 30
"""Uses of the two most used amounts that a verdict other than ``too_few_uses`` needs.

With 30 uses, the test detects an amount that is used twice as often as the other in 43 % of samples.
"""


def verdict(counts: Mapping[float, int]) -> Verdict | None:
    """Return how sure the most used amount is; None if no voucher was used.

    ``clear``: it is ahead of the second at the 5 % level. ``close``: it is not. ``too_few_uses``: the two
    have fewer than ``MIN_USES`` uses together.

    The test is the two-sided sign test of the highest against the second highest count, by the normal
    approximation with continuity correction. It needs no adjustment for the choice of the two: K. Hung and
    W. Fithian, Rank verification for exponential families, Annals of Statistics 47(2), 2019, prove this for
    multinomial samples. Uses are assumed to be independent.

    Args:
        counts: uses by voucher amount; uses without a voucher do not matter.
    """
    used = (count for amount, count in counts.items() if amount != NO_VOUCHER and count > 0)
    first, second = (*nlargest(2, used), 0, 0)[:2]
    if not first:
        return None
    if first + second < MIN_USES:
        return "too_few_uses"
    return "clear" if first - second - 1 >= QUANTILE * sqrt(first + second) else "close"


Reason = Literal["most_used", "no_voucher_used", "below_minimum_uses", "no_amount_allowed"]
"""Why amounts are chosen, or none."""


class Choice(NamedTuple):
    """The amounts that are chosen, ascending, and the reason.

    ``uses`` is how often each of them was used, ``verdict`` how sure it is that they are used more than the
    others that may be chosen; both are None without a choice.
    """

    amounts: list[float]
    reason: Reason
    uses: int | None = None
    verdict: Verdict | None = None


NO_SETTINGS = CountrySettings()


def choose(counts: Mapping[float, int], settings: CountrySettings = NO_SETTINGS) -> Choice:
    """Choose the most used amounts that the settings of the country allow: several on a tie.

    Args:
        counts: uses by voucher amount; amounts with a count of 0 are no longer used.
        settings: the settings of the country.
    """
    if not most_used(counts):
        return Choice([], "no_voucher_used")
    if sum(count for count in counts.values() if count > 0) < settings.minimum_uses:
        return Choice([], "below_minimum_uses")
    allowed = {amount: count for amount, count in counts.items() if settings.allow(amount)}
    amounts = most_used(allowed)
    if not amounts:
        return Choice([], "no_amount_allowed")
    return Choice(amounts, "most_used", allowed[amounts[0]], verdict(allowed))
