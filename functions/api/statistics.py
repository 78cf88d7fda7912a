"""Shares of a sample, with their confidence intervals."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import msgspec

from vouchers.counts import NO_VOUCHER

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE = 0.95
QUANTILE = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution, for a two-sided interval of 95 %."""

DIGITS = 6
"""Decimals of a share."""


class Interval(msgspec.Struct, frozen=True):
    """The 95 % confidence interval of a share (Wilson's score interval); both bounds are from 0 to 1."""

    low: float
    high: float


class UsedAmount(msgspec.Struct, frozen=True):
    """How often an amount was used, and its share of the sample."""

    voucher_amount: float
    count: int
    share: float
    interval: Interval


def sample_size(counts: Mapping[float, int]) -> int:
    """Return the number of uses, with and without a voucher."""
    return sum(count for count in counts.values() if count > 0)


def ranked(counts: Mapping[float, int]) -> list[UsedAmount]:
    """Return the amounts that were used, by descending count, then by amount.

    Shares are of all uses; uses without a voucher are not listed.
    """
    size = sample_size(counts)
    used = [(-count, amount) for amount, count in counts.items() if amount != NO_VOUCHER and count > 0]
    return [
        UsedAmount(amount, -count, round(-count / size, DIGITS), wilson(-count, size))
        for count, amount in sorted(used)
    ]


def wilson(count: int, size: int) -> Interval:
    """Return Wilson's score interval of the share ``count / size``; ``size`` is at least 1.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927. Unlike the
    normal approximation it holds for small samples and for shares near 0 and 1.
    """
    share, spread = count / size, QUANTILE**2 / size
    middle = (share + spread / 2) / (1 + spread)
    half = QUANTILE * sqrt(share * (1 - share) / size + spread / size / 4) / (1 + spread)
    return Interval(round(max(middle - half, 0.0), DIGITS), round(min(middle + half, 1.0), DIGITS))
