"""Choosing: which voucher amount a group of customers used most."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_VOUCHER = 0.0
"""The amount that stands for "no voucher used": counted and shown, never chosen."""


def most_used(counts: Mapping[float, int]) -> list[float]:
    """Return the amounts with the largest count, ascending; several on a tie, none where no voucher was used.

    Args:
        counts: how often each voucher amount was used; counts of 0 stand for amounts no longer used.
    """
    used = {amount: count for amount, count in counts.items() if amount != NO_VOUCHER and count > 0}
    largest = max(used.values(), default=0)
    return sorted(amount for amount, count in used.items() if count == largest)
