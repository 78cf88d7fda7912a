"""A rolling window: objects expire, and the counts follow a change of what customers use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sample_files import expected, file_of, sample_rows
from vouchers.counts import most_used

if TYPE_CHECKING:
    from tests.support.sample_files import Rows
    from tests.support.stack_harness import StackHarness

BEFORE, AFTER = 2640.0, 3520.0
DAYS, CHANGE, USES = 16, 9, 4


def rows_of(day: int) -> Rows:
    """Return the uses of a day; from the day of the change on, most of them are of another amount."""
    favorite, other = (BEFORE, AFTER) if day < CHANGE else (AFTER, BEFORE)
    amounts = [favorite] * (USES - 1) + [other]
    return sample_rows(*(("Peru", "2020-01-01", None, "3", amount) for amount in amounts))


def key_of(day: int) -> str:
    return f"vouchers/2020/{day:02}.parquet"


def chosen(harness: StackHarness) -> list[float]:
    """Return the most used amounts by the table's counts of the range of 0 to 4 orders."""
    counts = harness.cells()["peru", "frequent_segment#0-4"]
    return most_used({float(amount): count for amount, count in counts.items()})


@pytest.mark.parametrize("window", [1, 3, 6, DAYS])
def test_the_choice_follows_a_change_within_the_window(harness: StackHarness, window: int) -> None:
    uploaded = dict[int, dict[str, Any]]()
    followed: int | None = None
    for day in range(DAYS):
        uploaded[day] = harness.put(key_of(day), file_of(rows_of(day)))
        harness.ingest(uploaded[day])
        if (gone := day - window) >= 0:
            expiry = harness.delete(key_of(gone))
            expiry["eventName"] = "LifecycleExpiration:DeleteMarkerCreated"
            assert harness.ingest(expiry) == ["deleted"]
            # Events arrive again, the upload's even after the expiry.
            assert set(harness.ingest(expiry, uploaded[gone])) <= {"duplicate", "late", "superseded"}
        inside = [rows_of(d) for d in range(max(0, day - window + 1), day + 1)]
        assert harness.cells() == expected(inside)
        uses = Counter(row["voucher_amount"] for rows in inside for row in rows)
        assert chosen(harness) == [amount for amount in sorted(uses) if uses[amount] == max(uses.values())]
        if followed is None and chosen(harness) == [AFTER]:
            followed = day
    # Without an expiry the old amount still wins on the last day.
    assert (followed is None) == (window == DAYS)
    assert followed is None or CHANGE <= followed < CHANGE + window
