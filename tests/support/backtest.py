"""A slow and simple backtest: one row at a time, with the oracle of counting."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.support import oracle
from vouchers.segments import CountrySettings

if TYPE_CHECKING:
    from datetime import datetime

LAST_MONTH = 30 * 86_400


def backtest(
    rows: list[dict[str, Any]],
    until: datetime,
    as_of: datetime | None,
    segments: oracle.Segments,
    guards: CountrySettings,
) -> dict[str, Any]:
    """Judge each row from ``until`` on by the rows before it."""
    numbers = Counter(rows=len(rows), train_rows=0, test_rows=0, undated_rows=0, rejected_rows=0)
    train: list[Any] = []
    test: list[Any] = []
    before: dict[Any, Counter[float]] = defaultdict(Counter)
    for row in rows:
        try:
            used = oracle.instant(row["timestamp"], "timestamp")
        except oracle.Reject:
            numbers["rejected_rows"] += 1
            continue
        early = used is not None and used < until
        expected = oracle.count([row], as_of if early else None, segments)
        if not expected.counted:
            numbers["rejected_rows"] += 1
        elif used is None:
            numbers["undated_rows"] += 1
        else:
            (country, _), *_ = (cell for cell in expected.cells if cell[1] == "#spellings")
            amount = oracle.number(row["voucher_amount"], "voucher_amount", empty_is_zero=False)[0]
            ranges = {cell.split("#")[0]: cell for _, cell in expected.cells if cell != "#spellings"}
            (train if early else test).append((country, amount, ranges))
            if early:
                before[country][amount] += 1
                before["last month", country][amount] += (until - used).total_seconds() <= LAST_MONTH
                for cell in ranges.values():
                    before[country, cell][amount] += 1
    numbers["train_rows"], numbers["test_rows"] = len(train), len(test)
    results: dict[Any, Counter[str]] = defaultdict(Counter)
    by_range: dict[Any, Counter[str]] = defaultdict(Counter)
    for country, amount, ranges in test:
        answers = {
            name: favorite(before[country, ranges[name]], guards) for name in segments if name in ranges
        }
        for name, cell in ranges.items():
            hit, favored = answers[name] == amount, favorite(before[country], guards) == amount
            by_range[country, cell].update(uses=1, hits=hit)
            result = results[country, name]
            result.update(uses=1, hits=hit, gained=hit and not favored, lost=favored and not hit)
            result.update({"by country": favored})
            result.update({"by last_month": favorite(before["last month", country], guards) == amount})
            if guards.has_guards:
                unguarded = favorite(before[country, cell], CountrySettings())
                result.update({"by without_guards": unguarded == amount})
            result.update({f"by {n}": answers.get(n) == amount for n in segments if n != name})
    chosen = {group: favorite(counts, guards) for group, counts in before.items()}
    return {"numbers": numbers, "results": results, "by_range": by_range, "chosen": chosen}


def favorite(counts: Counter[float], guards: CountrySettings) -> float | None:
    chosen, _ = oracle.choose([*counts.elements()], guards)
    return chosen[0] if chosen else None
