"""Draw the rows of a country: the facts decide the number of each kind, and the seed everything else."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voucher_selector.sample_data.facts import (
    A_MONTH_AGO,
    A_QUARTER_AGO,
    FREQUENCY_RANGES,
    JUST_ORDERED,
    MONTHS_EARLY,
    VISITS,
    Country,
    apportion,
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]

NO_ORDERS = -1
"""Marks empty total orders."""

EARLY, JUST, MONTH, QUARTER = range(4)
VISITED = {EARLY: A_MONTH_AGO + A_QUARTER_AGO, JUST: JUST_ORDERED, MONTH: A_MONTH_AGO, QUARTER: A_QUARTER_AGO}
"""The visits from which rows of each recency are drawn."""

RETURNING = 0.15
"""The share of customers who used a second voucher, among neighboring rows of one kind."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns, all of one length.

    Attributes:
        used: when the voucher was used, to the microsecond, UTC.
        last_order: day of the last order.
        first_order: day of the first order, never after the last one.
        orders: total orders, or NO_ORDERS.
        amount: voucher amounts, NaN for none.
    """

    used: Times
    last_order: Times
    first_order: Times
    orders: Ints
    amount: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.used)


def draw(country: Country, rng: np.random.Generator) -> Rows:
    """Draw the rows of a country, one kind after the other."""
    uses = np.repeat(np.arange(len(country.uses)), [u.rows for u in country.uses])
    ranges = np.arange(len(FREQUENCY_RANGES))
    frequency = np.concatenate([np.repeat(ranges, u.by_frequency) for u in country.uses])
    empty = np.zeros(len(uses), bool)
    # Empty total orders count as 0, which is in the lowest range.
    for i, u in enumerate(country.uses):
        lowest = np.flatnonzero((uses == i) & (frequency == 0))
        empty[rng.choice(lowest, u.without_orders, replace=False)] = True
    recency = _recencies(country, rng)

    customer = _customers((uses, frequency, empty, recency), rng)
    orders = np.where(empty, NO_ORDERS, _total_orders(frequency, rng))[customer]
    visit = _visits(recency, rng)
    day: Times = np.array([v.start for v in VISITS], "datetime64[D]")[visit]
    day += rng.integers(np.array([v.days for v in VISITS])[visit]).astype("timedelta64[D]")
    day = day[customer]
    last_order = day - np.array([v.lag for v in VISITS])[visit[customer]]
    used: Times = day.astype("datetime64[us]")
    used[recency == EARLY] = _set_back(day[recency == EARLY])
    # Between 13:00 and 20:00 UTC, most of them around 17:00.
    times = rng.triangular(13 * 3600e6, 17 * 3600e6, 20 * 3600e6, len(uses)).astype("timedelta64[us]")
    # A few rows of returning customers repeat the first one of the customer to the last digit.
    returning = customer != np.arange(len(uses))
    eligible = np.flatnonzero(returning & ~empty & (recency != EARLY))
    copies = rng.choice(eligible, country.duplicates, replace=False)
    times[copies] = times[customer[copies]]
    used += times
    # The days between the first and the last order: 0 for one customer in six.
    tenure = np.minimum(rng.exponential(260, len(uses)), 2100).astype(np.int64)
    tenure[rng.random(len(uses)) < 1 / 6] = 0
    return Rows(
        used=used,
        last_order=last_order,
        first_order=last_order - tenure[customer],
        orders=orders,
        amount=np.array([u.amount for u in country.uses])[uses],
    )


def _recencies(country: Country, rng: np.random.Generator) -> Ints:
    """Return the recency of every row, shuffled within its amount."""
    rest = [u.rows - sum(u.by_recency) for u in country.uses]
    aside = np.repeat(np.arange(len(rest)), rest)
    early = rng.permutation(np.arange(len(aside)) < country.early)
    just = np.bincount(aside[~early], minlength=len(rest))
    parts = [
        rng.permutation(np.repeat([EARLY, JUST, MONTH, QUARTER], [r - j, j, *u.by_recency]))
        for u, r, j in zip(country.uses, rest, just, strict=True)
    ]
    return np.concatenate(parts)


def _customers(kinds: Iterable[Ints | Bools], rng: np.random.Generator) -> Ints:
    """Return for each row the row of its customer: itself, or an earlier row of the same kind."""
    same = np.logical_and.reduce([kind[1:] == kind[:-1] for kind in kinds])
    again = np.concatenate([[False], same & (rng.random(len(same)) < RETURNING)])
    return np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))


def _visits(recency: Ints, rng: np.random.Generator) -> Ints:
    """Draw the index in VISITS of each row."""
    chosen = np.empty(len(recency), np.int64)
    for kind, visits in VISITED.items():
        at = np.flatnonzero(recency == kind)
        shares = apportion(len(at), tuple(v.weight for v in visits))
        chosen[at] = rng.permutation(np.repeat([VISITS.index(v) for v in visits], shares))
    return chosen


def _total_orders(frequency: Ints, rng: np.random.Generator) -> Ints:
    """Draw total orders within their ranges; low numbers are more frequent."""
    orders = np.empty(len(frequency), np.int64)
    for kind, (low, high) in enumerate(FREQUENCY_RANGES):
        at = np.flatnonzero(frequency == kind)
        values = np.arange(low, high + 1)
        weights = np.exp(-values / 60) / (values + 3)
        orders[at] = rng.choice(values, len(at), p=weights / weights.sum())
    return orders


def _set_back(day: Times) -> Times:
    """Return days MONTHS_EARLY earlier, or the last day of a shorter month."""
    month = day.astype("datetime64[M]")
    day_of_month = day - month
    target = month - np.timedelta64(MONTHS_EARLY, "M")
    last = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    earlier: Times = np.minimum(target + day_of_month, last)
    return earlier
