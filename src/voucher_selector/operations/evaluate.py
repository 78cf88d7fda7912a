"""Backtest: choose amounts by the uses before a date, and judge them by the uses from the date on."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby, permutations
from math import erfc, sqrt
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from api.statistics import wilson
from voucher_selector.dated_uses import (
    AMOUNT,
    BEFORE,
    COUNTRY,
    FROM_DATE,
    IN_LAST_MONTH,
    PARTS,
    PERIOD,
    RANGES,
    name_month,
)
from vouchers.counts import NO_SETTINGS, NO_VOUCHER, choose, most_used

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ingest.counting.histogram import Combinations
    from voucher_selector.dated_uses import DatedUses
    from vouchers.segments import CountrySettings, Segment

    Counts = defaultdict[tuple[int, ...], Counter[float]]
    """Uses by amount, for each group."""

QUANTILE = 2.5758293035489004
"""The 99.5 % quantile of the standard normal distribution, for a two-sided interval of 99 %.

Every country and segment has an interval. Of twenty intervals of 95 %, one is wrong on average.
"""

LEARNING_SIZES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)
"""Numbers of uses at which the learning curve is estimated."""

DRAWS = 200
MAX_RIVALS = 8
"""Amounts of a range that can win in the learning curve; the others are too rare."""

STABLE = 0.95
"""A choice is stable if at least this share of the samples leads to it."""


@dataclass(frozen=True, slots=True)
class RangeUses:
    """Uses of a range in a country, by amount: before the date, from it on, and of each month, ascending.

    In the months, amounts that the settings of the country exclude are uses without a voucher.
    """

    settings: CountrySettings = NO_SETTINGS
    before: Counter[float] = field(default_factory=Counter)
    after: Counter[float] = field(default_factory=Counter)
    months: list[tuple[str, Counter[float]]] = field(default_factory=list)

    @property
    def choice(self) -> float | None:
        """The choice by the uses before the date."""
        return next(iter(choose(self.before, self.settings).amounts), None)


def evaluate(uses: DatedUses) -> dict[str, Any]:
    """Return the numbers of rows, and a result for each country and segment with uses from the date on.

    A use is a hit if its amount is the choice for its range before the date; on a tie, the lowest. A use
    without a voucher is never a hit, nor is a use in a range without a choice. Uses in no range of the
    segment are left out, and counted as ``unsegmented``. The baselines are judged on the same uses. In a
    country with guards, all choices obey them but those of the baseline ``without_guards``.
    """
    train, test = uses.of(BEFORE, IN_LAST_MONTH), uses.of(FROM_DATE)
    segments, names = uses.definitions.segments, uses.definitions.names
    by_range = [_count_ranges(uses, RANGES + place) for place in range(len(segments))]
    hits_of_others = _hits_of_others(uses, test, by_range)
    favourites, recent = (_count_by(uses, of, COUNTRY) for of in (train, uses.of(IN_LAST_MONTH)))
    results = []
    sizes = {country: counts.total() for (country,), counts in _count_by(uses, test, COUNTRY).items()}
    for country in sorted(sizes, key=lambda country: (-sizes[country], uses.countries[country])):
        settings = uses.definitions.settings(uses.countries[country])
        rivals = {
            "country": RangeUses(settings, favourites[country,]).choice,
            "last_month": RangeUses(settings, recent[country,]).choice,
        }
        for place, segment in enumerate(segments):
            indexes = range(-1, len(segment.all_ranges))
            ranges = [by_range[place].get((country, index), RangeUses(settings)) for index in indexes]
            others = {n: hits_of_others[country, place, o] for o, n in enumerate(names) if o != place}
            if any(range_.after for range_ in ranges[1:]):
                name = uses.countries[country]
                results.append(_evaluate_segment(name, segment, ranges, others, rivals))
    rows = {"train": train.rows, "test": test.rows, "undated": uses.undated, "rejected": uses.rejected}
    numbers = {f"{name}_rows": number for name, number in rows.items()}
    return {"rows": uses.rows, **numbers, "learning_sizes": [*LEARNING_SIZES], "results": results}


def _count_ranges(uses: DatedUses, column: int) -> defaultdict[tuple[int, int], RangeUses]:
    """Return the uses of each country and range of a segment; the range -1 is that of uses in no range."""
    ranges: defaultdict[tuple[int, int], RangeUses] = defaultdict(RangeUses)
    by_period = _count_by(uses, uses.uses, COUNTRY, column, PERIOD)
    for (country, index, period), counts in sorted(by_period.items(), key=itemgetter(0)):
        settings = uses.definitions.settings(uses.countries[country])
        range_ = ranges.setdefault((country, index), RangeUses(settings))
        range_.months.append((name_month(period), _exclude(counts, settings)))
        (range_.after if period % PARTS == FROM_DATE else range_.before).update(counts)
    return ranges


def _hits_of_others(
    uses: DatedUses, test: Combinations, by_range: Sequence[defaultdict[tuple[int, int], RangeUses]]
) -> Counter[tuple[int, int, int]]:
    """Return the hits of another segment's choices on the uses of a segment: by country and both segments."""
    hits: Counter[tuple[int, int, int]] = Counter()
    for place, other in permutations(range(len(by_range)), 2):
        joint = _count_by(uses, test, COUNTRY, RANGES + place, RANGES + other)
        for (country, own, index), counts in joint.items():
            if own >= 0 and index >= 0:
                hits[country, place, other] += _hits(counts, by_range[other][country, index].choice)
    return hits


def _evaluate_segment(
    country: str,
    segment: Segment,
    ranges: Sequence[RangeUses],
    hits_of_others: Mapping[str, int],
    rivals: Mapping[str, float | None],
) -> dict[str, Any]:
    """Return the result of a segment in a country.

    Args:
        country: its name.
        segment: the segment.
        ranges: uses in no range, and those of each range.
        hits_of_others: the hits of other segments on the same uses.
        rivals: choices for the whole country.
    """
    later = [range_.after for range_ in ranges[1:]]
    size = sum(counts.total() for counts in later)
    by_rivals = {name: sum(_hits(counts, choice) for counts in later) for name, choice in rivals.items()}
    if ranges[0].settings.has_guards:
        by_rivals["without_guards"] = sum(_hits(range_.after, _first(range_.before)) for range_ in ranges[1:])
    return {
        "country": country,
        "segment_name": segment.name,
        **_hit_rate(sum(_hits(range_.after, range_.choice) for range_ in ranges[1:]), size),
        "unsegmented": ranges[0].after.total(),
        "baselines": {name: hits / size for name, hits in {**hits_of_others, **by_rivals}.items()},
        **_gain(ranges, rivals["country"], size),
        "ranges": [
            {"min": r.min, "max": r.max, **_evaluate_range(ranges[segment.all_ranges.index(r) + 1])}
            for r in segment.in_country(country).ranges
        ],
    }


def _gain(ranges: Sequence[RangeUses], favourite: float | None, size: int) -> dict[str, Any]:
    """Return the gain over the country's choice, its interval and its p-value."""
    different = [range_ for range_ in ranges[1:] if range_.choice != favourite]
    gained = sum(_hits(range_.after, range_.choice) for range_ in different)
    lost = sum(_hits(range_.after, favourite) for range_ in different)
    settings = ranges[0].settings
    before = [_exclude(range_.before, settings) for range_ in ranges]
    resampled = bootstrap_gains(before, [range_.after for range_ in ranges], settings.minimum_uses)
    spread = sqrt(np.mean((resampled - (gained - lost)) ** 2.0))
    return {
        "gain_points": 100 * (gained - lost) / size,
        "gain_interval": [*gain_interval(gained, lost, size, spread)],
        "p_value": p_value(gained, lost),
    }


def _evaluate_range(uses: RangeUses) -> dict[str, Any]:
    chosen = choose(uses.before, uses.settings).amounts
    agreement = estimate_agreement(_exclude(uses.before, uses.settings)) if chosen else []
    return {
        "voucher_amount": chosen,
        "train_uses": uses.before.total(),
        **_hit_rate(_hits(uses.after, uses.choice), uses.after.total()),
        "agreement": agreement,
        "uses_needed": uses_needed(agreement),
        "changes": find_changes(uses.months),
    }


def gain_interval(gained: int, lost: int, uses: int, spread: float = 0.0) -> tuple[float, float]:
    """Return the 99 % confidence interval of the gain, in percentage points.

    It is the interval "Wald + 2" of A. Agresti and Y. Min, Simple improved confidence intervals for comparing
    matched proportions, Statistics in Medicine 24, 2005. It has a width even if the predictions never differ.
    The variance of the choices, which come from a sample as well, is added.

    Args:
        gained: uses that only the range's choice hits.
        lost: uses that only the country's choice hits.
        uses: all uses.
        spread: standard deviation of ``gained - lost`` over other samples of the uses before the date.
    """
    size, difference = uses + 2, gained - lost
    half = QUANTILE * sqrt(gained + lost + 1 - difference**2 / size + spread**2)
    return 100 * max(-1.0, (difference - half) / size), 100 * min(1.0, (difference + half) / size)


def bootstrap_gains(
    before: Sequence[Counter[float]], after: Sequence[Counter[float]], minimum_uses: int = 1
) -> NDArray[np.integer[Any]]:
    """Return the uses gained with the choices from each of ``DRAWS`` resamples of the uses before the date.

    B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.

    Args:
        before: uses by amount of each range; the first of no range, which count for the country only.
        after: the uses to judge by, in the same order.
        minimum_uses: uses before the date that a choice needs.
    """
    random = np.random.default_rng(0)
    amounts = sorted({amount for counts in before for amount in _rivals(counts)})
    samples = [_resample(random, counts, amounts, counts.total()) for counts in before]
    of_country, *of_ranges = (
        _winners(sample) if uses >= minimum_uses else np.array([-1])
        for sample, uses in [
            (np.sum(samples, axis=0), sum(counts.total() for counts in before)),
            *((sample, counts.total()) for sample, counts in zip(samples[1:], before[1:], strict=True)),
        ]
    )
    gains = np.zeros(DRAWS, np.int64)
    for winners, counts in zip(of_ranges, after[1:], strict=True):
        hits = np.array([*(counts[amount] for amount in amounts), 0])
        gains += hits[winners] - hits[of_country]
    return gains


def p_value(gained: int, lost: int) -> float:
    """Return how probable a difference of this size is if the choices are equally good (McNemar's test).

    Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12, 1947; without a continuity correction, as M. W. Fagerland, S. Lydersen and P. Laake
    recommend (BMC Medical Research Methodology 13:91, 2013).
    """
    return erfc(abs(gained - lost) / sqrt(2 * (gained + lost))) if gained + lost else 1.0


def estimate_agreement(counts: Mapping[float, int]) -> list[float]:
    """Return for each of ``LEARNING_SIZES`` how often a sample of this size leads to the choice of all uses.

    The samples are ``DRAWS`` random ones, the same in each run, with the shares of ``counts``. Without a
    choice, the list is empty.
    """
    choice, rivals = _first(counts), sorted(_rivals(counts))
    if choice is None:
        return []
    samples = _resample(np.random.default_rng(0), counts, rivals, np.repeat(LEARNING_SIZES, DRAWS))
    same = (_winners(samples) == rivals.index(choice)).reshape(len(LEARNING_SIZES), DRAWS)
    shares: list[float] = same.mean(axis=1).tolist()
    return shares


def _rivals(counts: Mapping[float, int]) -> list[float]:
    """Return the most used amounts."""
    used = sorted((-rows, amount) for amount, rows in counts.items() if amount != NO_VOUCHER)
    return [amount for _, amount in used[:MAX_RIVALS]]


def _resample(
    random: np.random.Generator, counts: Mapping[float, int], amounts: Sequence[float], sizes: ArrayLike
) -> NDArray[np.int64]:
    """Return the uses of each amount in random samples with the shares of ``counts``, one sample a row."""
    rows, uses = [counts.get(amount, 0) for amount in amounts], max(sum(counts.values()), 1)
    shares = np.array([*rows, uses - sum(rows)]) / uses
    return random.multinomial(np.broadcast_to(sizes, max(DRAWS, np.size(sizes))), shares)[:, :-1]


def _winners(samples: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the column of the most used amount in each sample, the first on a tie; -1 without a voucher."""
    padded = np.pad(samples, ((0, 0), (0, 1)))  # there may be no voucher at all
    return np.where(samples.any(axis=1), padded.argmax(axis=1), -1)


def uses_needed(agreement: Iterable[float]) -> int | None:
    """Return the number of uses from which on a choice is stable; None if none of the sizes is enough."""
    needed = None
    for size, share in zip(LEARNING_SIZES, agreement, strict=False):
        needed = None if share < STABLE else needed or size
    return needed


def find_changes(months: Iterable[tuple[str, Counter[float]]]) -> list[dict[str, Any]]:
    """Return the months in which a choice changed, with the amounts before and after.

    A month with another most used amount is a change if the share of the new amount against the old one is
    higher than since the last change, by a one-sided z-test of two proportions at 0.5 %.
    """
    changes: list[dict[str, Any]] = []
    since: Counter[float] = Counter()
    for month, parts in groupby(months, key=lambda pair: pair[0]):
        counts = sum((part for _, part in parts), Counter[float]())
        old, new = _first(since), _first(counts)
        if old is not None and new is not None and old != new and _differ(since, counts, old, new):
            changes.append({"month": month, "from": old, "to": new})
            since = counts
        else:
            since += counts
    return changes


def _differ(before: Counter[float], after: Counter[float], old: float, new: float) -> bool:
    sizes = [counts[old] + counts[new] for counts in (before, after)]
    pooled = (before[new] + after[new]) / sum(sizes)
    deviation = sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    return after[new] / sizes[1] - before[new] / sizes[0] > QUANTILE * deviation


def _count_by(uses: DatedUses, part: Combinations, *columns: int) -> Counts:
    counts: Counts = defaultdict(Counter)
    for (*group, amount), rows in part.group_by(*columns, AMOUNT):
        counts[tuple(group)][uses.amounts[amount]] += rows
    return counts


def _exclude(counts: Counter[float], settings: CountrySettings) -> Counter[float]:
    """Return the uses; amounts that the settings exclude are uses without a voucher."""
    if not settings.has_guards:
        return counts
    uses: Counter[float] = Counter()
    for amount, rows in counts.items():
        uses[amount if settings.allow(amount) else NO_VOUCHER] += rows
    return uses


def _first(counts: Mapping[float, int]) -> float | None:
    return next(iter(most_used(counts)), None)


def _hits(counts: Counter[float], choice: float | None) -> int:
    return 0 if choice is None else counts[choice]


def _hit_rate(hits: int, uses: int) -> dict[str, Any]:
    interval = wilson(hits, uses) if uses else None
    return {
        "uses": uses,
        "hits": hits,
        "hit_rate": hits / uses if uses else None,
        "hit_interval": [interval.low, interval.high] if interval else None,
    }
