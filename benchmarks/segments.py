"""The default segments for the contestants, and the common form of their counts."""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_RANGES = ((30, 60), (61, 90), (91, 120), (121, 179), (180, 99999999))
ORDER_RANGES = ((0, 4), (5, 13), (14, 37), (38, 99999999))

AS_OF = "2020-06-01"
"""The fixed as-of date."""

Counts = Counter[tuple[str, str, int, float]]
"""Rows by country, segment, lower end of the range, and amount."""


def by_segment(groups: Iterable[tuple[str, float | None, float | None, float, int]]) -> Counts:
    """Add up groups: country, lower ends of the ranges of days and of orders, amount, rows."""
    counts: Counts = Counter()
    for country, days, orders, amount, rows in groups:
        if days is not None and not isnan(days):
            counts[country.casefold(), "recency_segment", int(days), float(amount)] += rows
        if orders is not None and not isnan(orders):
            counts[country.casefold(), "frequent_segment", int(orders), float(amount)] += rows
    return counts


def sql_case(expression: str, ranges: Iterable[tuple[int, int]]) -> str:
    """Return SQL for the lower end of the range that contains ``expression``."""
    cases = " ".join(f"when {expression} between {low} and {high} then {low}" for low, high in ranges)
    return f"case {cases} end"


def needed_columns(*, by_row: bool) -> list[str]:
    """Return the columns that counting needs."""
    return [
        "country_code",
        "last_order_ts",
        "total_orders",
        "voucher_amount",
        *(["timestamp"] if by_row else []),
    ]
