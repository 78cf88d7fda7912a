"""Lists of the most used amounts, with their shares of a sample and confidence intervals."""

from collections.abc import Container, Mapping
from math import sqrt

import msgspec

from vouchers.counts import NO_SETTINGS, NO_VOUCHER, QUANTILE
from vouchers.segments import CountrySettings

CONFIDENCE = 0.95
DIGITS = 6
"""Decimals of a share."""

MAX_AMOUNTS = 500
"""Amounts that are listed for a range, because Lambda limits a response to 6 MB.

For the default definitions, the largest answer is the CSV of a country with a name of 1,000 bytes: 4.8 MB.
"""


class Interval(msgspec.Struct, frozen=True):
    """The 95 % confidence interval of a share (Wilson's score interval); both bounds are from 0 to 1."""

    low: float
    high: float


class UsedAmount(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often an amount was used, and its share of the sample.

    `allowed` is false if the settings of the country exclude the amount from choices, else it is left out.
    """

    voucher_amount: float
    count: int
    share: float
    interval: Interval
    allowed: bool = True


def sample_size(counts: Mapping[float, int]) -> int:
    """Return the number of uses, with and without a voucher."""
    return sum(count for count in counts.values() if count > 0)


def cap_amounts(counts: Mapping[float, int], limit: int = MAX_AMOUNTS) -> tuple[dict[float, int], int]:
    """Return the counts of the ``limit`` most used amounts, and the number of amounts that are left out.

    Counts are by descending count, then by amount. Uses without a voucher come first, and are never left out.
    """
    amounts = sorted(counts, key=lambda amount: (amount != NO_VOUCHER, -counts[amount], amount))
    return {amount: counts[amount] for amount in amounts[:limit]}, len(amounts[limit:])


def ranked(
    counts: Mapping[float, int],
    limit: int = MAX_AMOUNTS,
    settings: CountrySettings = NO_SETTINGS,
    *,
    without: Container[float] = (),
) -> tuple[list[UsedAmount], int]:
    """Return ``limit`` of the most used amounts except ``without``, and the number of further amounts.

    They have the order of ``cap_amounts``. Shares are of all uses; uses without a voucher are not listed.
    """
    size = sample_size(counts)
    used = {
        amount: count
        for amount, count in counts.items()
        if amount != NO_VOUCHER and count > 0 and amount not in without
    }
    listed, left_out = cap_amounts(used, limit)
    amounts = [
        UsedAmount(amount, count, round(count / size, DIGITS), wilson(count, size), settings.allow(amount))
        for amount, count in listed.items()
    ]
    return amounts, left_out


def wilson(count: int, size: int) -> Interval:
    """Return Wilson's score interval of the share ``count / size``; ``size`` is at least 1.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927. Unlike the
    normal approximation it holds for small samples and for shares near 0 and 1.
    """
    share, spread = count / size, QUANTILE**2 / size
    middle = (share + spread / 2) / (1 + spread)
    half = QUANTILE * sqrt(share * (1 - share) / size + spread / size / 4) / (1 + spread)
    return Interval(round(max(middle - half, 0.0), DIGITS), round(min(middle + half, 1.0), DIGITS))
