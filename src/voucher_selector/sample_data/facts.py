"""Known facts about the 2020 file, and assumptions of the sample about the rest."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

FREQUENCY_RANGES = ((0, 4), (5, 13), (14, 37), (38, 516))
"""Ranges of total orders; 516 is the highest number in the file."""

AS_OF = "2020-06-15"
"""A date shortly after the file's last orders. With it, customers are in all ranges of recency."""

MONTHS_EARLY = 38
"""Months by which a faulty clock sets back some uses, to before the customer's last order."""


class Visits(NamedTuple):
    """Uses on ``days`` days from ``start``, by customers whose last order was ``lag`` days earlier."""

    start: date
    days: int
    lag: int
    weight: int


MONTHS = ((date(2020, 2, 9), 21), (date(2020, 3, 1), 31), (date(2020, 4, 1), 30))
"""First day and number of days of February, March and April in the file."""


def _visits(days_in_may: int, *weights: dict[int, int]) -> tuple[Visits, ...]:
    """Return the visits of February to May, given the weights by lag in each of the months."""
    months = zip((*MONTHS, (date(2020, 5, 1), days_in_may)), weights, strict=True)
    return tuple(Visits(*month, *weighted) for month, by_lag in months for weighted in by_lag.items())


JUST_ORDERED = _visits(13, {2: 17, 3: 14, 4: 23, 5: 6, 6: 14}, {2: 3}, {1: 18}, {1: 26})
A_MONTH_AGO = _visits(25, {30: 227, 31: 10843, 32: 3838}, {30: 4087, 31: 108}, {31: 8560}, {31: 12348})
A_QUARTER_AGO = _visits(
    25, {91: 317, 92: 5825}, {90: 648, 92: 9477, 93: 5386}, {90: 28343, 91: 3254}, {90: 4541}
)
VISITS = JUST_ORDERED + A_MONTH_AGO + A_QUARTER_AGO


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of one voucher amount in one country.

    Attributes:
        amount: the voucher's amount; NaN where no voucher was used, which the file writes as null.
        by_frequency: uses by range of total orders; together they are all uses.
        by_recency: uses a month, and a quarter, after the last order; the others are early or just ordered.
        without_orders: uses whose total orders are empty.
    """

    amount: float
    by_frequency: tuple[int, ...]
    by_recency: tuple[int, ...]
    without_orders: int

    @property
    def rows(self) -> int:
        """The number of uses of the amount."""
        return sum(self.by_frequency)


@dataclass(frozen=True, slots=True)
class Country:
    """The rows of one country in the file.

    Attributes:
        name: as written in the file.
        uses: one entry per voucher amount.
        early: rows whose time of use is set back.
        duplicates: rows that repeat another one to the last digit.
    """

    name: str
    uses: tuple[Uses, ...]
    early: int
    duplicates: int


def apportion(total: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """Split ``total`` into whole numbers in proportion to weights."""
    bounds = [total * sum(weights[:i]) // sum(weights) for i in range(len(weights) + 1)]
    return tuple(upper - lower for lower, upper in pairwise(bounds))


NO_VOUCHER = float("nan")

PERU = Country(
    "Peru",
    (
        Uses(NO_VOUCHER, (4543, 253, 1501, 7653), (2049, 10825), 1147),
        Uses(2640.0, (16496, 4112, 11813, 16681), (22160, 22854), 3880),
        Uses(3520.0, (7758, 1374, 4391, 8514), (7993, 12243), 1825),
        Uses(4400.0, (7402, 1272, 4225, 8559), (7809, 11869), 1742),
    ),
    early=8624,
    duplicates=2,
)


def _like_peru(
    name: str, amounts: dict[float, int], *, without_orders: int, early: int, duplicates: int
) -> Country:
    """Return a country with known totals, whose most used amount depends on the range.

    The first of the amounts are used more by customers with few orders, and a month after the last order; the
    last ones by customers with many orders, and a quarter after the last order. Between them, the ranges have
    Peru's shares.
    """
    recencies = tuple(sum(v.weight for v in visits) for visits in (JUST_ORDERED, A_MONTH_AGO, A_QUARTER_AGO))
    frequencies = tuple(map(sum, zip(*(u.by_frequency for u in PERU.uses), strict=True)))
    aside = apportion(early, tuple(amounts.values()))

    def split(rows: int, place: int, shares: tuple[int, ...]) -> tuple[int, ...]:
        rest, top = len(amounts) - 1 - place, len(shares) - 1
        return apportion(rows, tuple(s * (1 + place * i + rest * (top - i)) for i, s in enumerate(shares)))

    by_frequency = [split(rows, place, frequencies) for place, rows in enumerate(amounts.values())]
    by_recency = [split(r - aside[i], i, recencies)[1:] for i, r in enumerate(amounts.values())]
    empty = apportion(without_orders, tuple(lowest for lowest, *_ in by_frequency))
    return Country(name, tuple(map(Uses, amounts, by_frequency, by_recency, empty)), early, duplicates)


COUNTRIES = (
    _like_peru(
        "China",
        {1760.0: 78330, 3080.0: 8760, NO_VOUCHER: 5839, 4400.0: 29480, 5720.0: 9820, 8800.0: 37493},
        without_orders=13548,
        early=13536,
        duplicates=4,
    ),
    _like_peru(
        "Australia",
        {1760.0: 7670, 2200.0: 45810, NO_VOUCHER: 9641, 3520.0: 7220, 5720.0: 40320, 11000.0: 23343},
        without_orders=10697,
        early=10687,
        duplicates=3,
    ),
    PERU,
    _like_peru(
        "Latvia",
        {1540.0: 5080, 3080.0: 4980, 4400.0: 38750, NO_VOUCHER: 137, 8800.0: 16730, 13200.0: 35477},
        without_orders=8075,
        early=8067,
        duplicates=3,
    ),
)

ROWS = sum(uses.rows for country in COUNTRIES for uses in country.uses)
