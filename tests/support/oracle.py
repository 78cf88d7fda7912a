"""A slow and simple implementation of the rules: one row at a time, in plain Python."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vouchers.segments import CountrySettings

DAYS, TENURE, ORDERS = "days", "tenure", "orders"
Ranges = list[tuple[int, int]]
Segments = dict[str, tuple[str, Ranges] | tuple[str, Ranges, dict[str, Ranges]]]
"""By segment: its attribute, its ranges, and the ranges of some countries."""
SEGMENTS: Segments = {
    "recency_segment": (DAYS, [(30, 60), (61, 90), (91, 120), (121, 179), (180, 99999999)]),
    "frequent_segment": (ORDERS, [(0, 4), (5, 13), (14, 37), (38, 99999999)]),
}
CLOCK = r"\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?"
ZONE = r"(?: ?(?:Z|z|UTC|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?))?(?:\[UTC\])?"
INSTANT = re.compile(rf"(\d{{4}}-\d\d-\d\d)(?:[ Tt]({CLOCK}){ZONE})?|(\d{{8}})", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


ZERO_WIDTH = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


class Reject(Exception):  # noqa: N818 - an outcome, not an error
    """The reason of a rejected row."""


@dataclass
class Expected:
    cells: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    rows: int = 0
    counted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    unsegmented: Counter[str] = field(default_factory=Counter)

    def add(self, country: str, cell: str, counter: str) -> None:
        self.cells.setdefault((country.casefold(), cell), Counter())[counter] += 1


def count(rows: list[dict[str, Any]], as_of: datetime | None, segments: Segments = SEGMENTS) -> Expected:
    """Count rows; ``as_of`` None measures recency to each row's timestamp."""
    expected = Expected()
    for row in rows:
        expected.rows += 1
        try:
            _count_row(row, as_of, expected, segments)
        except Reject as reason:
            expected.rejected[str(reason)] += 1
    return expected


def _count_row(row: dict[str, Any], as_of: datetime | None, expected: Expected, segments: Segments) -> None:
    country = spelling(_text(row["country_code"]) or "")
    if not country:
        raise Reject("country_code_missing")
    last_order = instant(row["last_order_ts"], "last_order_ts")
    until = as_of or instant(row["timestamp"], "timestamp")
    orders, no_orders = number(row["total_orders"], "total_orders", empty_is_zero=True)
    amount, no_amount = number(row["voucher_amount"], "voucher_amount", empty_is_zero=False)
    by_tenure = any(attribute == TENURE for attribute, *_ in segments.values())
    first_order = instant(row["first_order_ts"], "first_order_ts") if by_tenure else None
    days, tenure = (
        None if order is None or until is None else (until - order) // timedelta(days=1)
        for order in (last_order, first_order)
    )
    expected.counted += 1
    expected.repaired["total_orders_empty"] += no_orders
    expected.repaired["voucher_amount_null"] += no_amount
    counter = str(int(amount)) if amount == int(amount) and amount < 2**53 else repr(amount)
    for segment, (attribute, ranges, *own) in segments.items():
        value = {DAYS: days, TENURE: tenure, ORDERS: orders}[attribute]
        for name, theirs in (own[0] if own else {}).items():
            ranges = theirs if name.casefold() == country.casefold() else ranges  # noqa: PLW2901 - a default
        content = [r for r in ranges if value is not None and r[0] <= value <= r[1]]
        expected.unsegmented[segment] += not content
        for low, high in content:
            expected.add(country, f"{segment}#{low}-{high}", counter)
    expected.add(country, "#spellings", country)


def choose(uses: list[float], guards: CountrySettings) -> tuple[list[float], str]:
    """Return the amounts to choose by the amounts of single uses, and the reason."""
    if not any(uses):
        return [], "no_voucher_used"
    if len(uses) < guards.minimum_uses:
        return [], "below_minimum_uses"
    votes: dict[float, int] = {}
    for amount in uses:
        listed = guards.amounts is None or amount in guards.amounts
        if amount and listed and guards.min_amount <= amount and not amount > guards.max_amount:
            votes[amount] = votes.get(amount, 0) + 1
    if not votes:
        return [], "no_amount_allowed"
    return sorted(amount for amount in votes if votes[amount] == max(votes.values())), "most_used"


@lru_cache(10_000, typed=True)
def spelling(name: str) -> str:
    visible = "".join(c for c in name if c not in ZERO_WIDTH)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", visible)).strip()


@lru_cache(10_000, typed=True)
def instant(value: Any, column: str) -> datetime | None:
    if isinstance(value, str | bytes):
        found = INSTANT.fullmatch((_text(value) or "").strip())
        if not found:
            raise Reject(f"{column}_not_a_date")
        day, clock, sign, hours, minutes, compact = found.groups()
        try:
            value = datetime.fromisoformat(f"{compact or day}T{clock or '00'}").replace(tzinfo=UTC)
            offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
            value += offset if sign == "-" else -offset
        except (ValueError, OverflowError):
            raise Reject(f"{column}_not_a_date") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment: datetime | None = value
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(10_000, typed=True)
def number(value: Any, column: str, *, empty_is_zero: bool) -> tuple[float, bool]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 0.0, True
    if isinstance(value, str | bytes):
        value = (_text(value) or "").strip()
        if value == "" and empty_is_zero:
            return 0.0, True
        if not NUMBER.fullmatch(value):
            raise Reject(f"{column}_not_a_number")
    if not math.isfinite(float(value)):
        raise Reject(f"{column}_not_a_number")
    if float(value) < 0:
        raise Reject(f"{column}_negative")
    return float(value), False


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
