"""What there is to choose by: the countries, and the segments with what their ranges hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from api.http.fields import CountryName
from api.statistics import DIGITS, UsedAmount, ranked, sample_size
from vouchers.counts import NO_VOUCHER, most_used, range_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vouchers.dynamodb.segments_table import CountryCounts
    from vouchers.segments import Definitions, Range, Segment


class SegmentsFields(msgspec.Struct, frozen=True, kw_only=True):
    """Which country's segments are asked for.

    Attributes:
        country: the country's name; without it, the figures are of all countries together.
    """

    country: CountryName | None = None


class Country(msgspec.Struct, frozen=True):
    """A country that has counts.

    Attributes:
        country: its name, as it is most often written.
        uses: how many rows are counted for it.
        spellings: how many of them write its name in which way.
        updated_at: when its counts last changed (ISO 8601, UTC).
    """

    country: str
    uses: int
    spellings: dict[str, int]
    updated_at: str


class CountriesAnswer(msgspec.Struct, frozen=True):
    """The countries that have counts, by name."""

    countries: list[Country]


class RangeSize(msgspec.Struct, frozen=True, kw_only=True):
    """What one range holds.

    Attributes:
        min_range: the smallest value of the segment's attribute in the range.
        max_range: the largest.
        sample_size: how many uses are counted in it, those without a voucher included.
        share: that, as a share of the segment's; null where the segment has none.
        without_voucher: uses without a voucher.
        voucher_amount: which amounts are chosen for customers in it; only where one country is asked for,
            as are `amounts`, since amounts of different countries cannot be added up.
        amounts: the amounts that were used, the most used first.
        updated_at: when its counts last changed (ISO 8601, UTC); null where there are none.
    """

    min_range: int
    max_range: int
    sample_size: int
    share: float | None
    without_voucher: int
    voucher_amount: list[float] | UnsetType = UNSET
    amounts: list[UsedAmount] | UnsetType = UNSET
    updated_at: str | None


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a segment.

    Attributes:
        min_range: the smallest value of the segment's attribute in the range.
        max_range: the largest.
    """

    min_range: int
    max_range: int


class SegmentSize(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment sorts customers by, and what its ranges hold.

    Attributes:
        segment_name: its name.
        attribute: what customers are sorted by, such as `days_since_last_order`.
        sample_size: how many uses its ranges hold.
        unsegmented: how many uses are counted that none of them holds.
        ranges: its ranges, ascending, both ends included; without a country asked for, those of all.
        countries: the countries that have ranges of their own, in lower case, and these.
    """

    segment_name: str
    attribute: str
    sample_size: int
    unsegmented: int
    ranges: list[RangeSize]
    countries: dict[str, list[Bounds]]


class SegmentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All segments, in the order of their definitions.

    Attributes:
        definitions: the version of the definitions.
        country: which country the figures are of; null for all together.
        uses: how many rows are counted.
        updated_at: when the counts last changed (ISO 8601, UTC); null where there are none.
    """

    definitions: str
    country: str | None
    uses: int
    updated_at: str | None
    segments: list[SegmentSize]


def countries_answer(counted: Sequence[CountryCounts]) -> CountriesAnswer:
    """Return the countries with their sizes."""
    return CountriesAnswer(
        [Country(each.name, _uses(each), each.spellings, each.updated_at) for each in counted]
    )


def segments_answer(
    definitions: Definitions, counted: Sequence[CountryCounts], country: str | None
) -> SegmentsAnswer:
    """Return what the segments hold.

    Args:
        definitions: of the segments.
        counted: the counts of the countries to add up.
        country: the name of the one country that ``counted`` is of; None where it is of all.
    """
    uses = sum(map(_uses, counted))
    return SegmentsAnswer(
        definitions=definitions.version,
        country=country,
        uses=uses,
        updated_at=max((each.updated_at for each in counted), default=None),
        segments=[_segment(segment, counted, uses, country) for segment in definitions.segments],
    )


def _uses(counted: CountryCounts) -> int:
    return sum(counted.spellings.values())


def _segment(
    segment: Segment, counted: Sequence[CountryCounts], uses: int, country: str | None
) -> SegmentSize:
    ranges = segment.all_ranges if country is None else segment.in_country(country).ranges
    totals = {held: _totals(segment, held, counted) for held in ranges}
    size = sum(sample_size(amounts) for amounts, _ in totals.values())
    return SegmentSize(
        segment_name=segment.name,
        attribute=str(segment.attribute),
        sample_size=size,
        unsegmented=uses - size,
        ranges=[_range(held, *total, size, country) for held, total in totals.items()],
        countries={
            name: [Bounds(min_range=held.min, max_range=held.max) for held in own]
            for name, own in segment.countries
        },
    )


def _totals(
    segment: Segment, held: Range, counted: Sequence[CountryCounts]
) -> tuple[Counter[float], str | None]:
    """Return how often each amount was used in a range, and when that last changed."""
    there = [each for each in counted if held in segment.in_country(each.name).ranges]
    found = [each.cells.get(range_cell(each.name, segment.name, held).name) for each in there]
    totals: Counter[float] = Counter()
    for cell in found:
        totals.update(cell.amounts if cell else {})
    return totals, max((cell.updated_at for cell in found if cell), default=None)


def _range(
    held: Range, amounts: Counter[float], updated_at: str | None, size: int, country: str | None
) -> RangeSize:
    here = sample_size(amounts)
    return RangeSize(
        min_range=held.min,
        max_range=held.max,
        sample_size=here,
        share=round(here / size, DIGITS) if size else None,
        without_voucher=amounts[NO_VOUCHER],
        voucher_amount=UNSET if country is None else most_used(amounts),
        amounts=UNSET if country is None else ranked(amounts),
        updated_at=updated_at,
    )
