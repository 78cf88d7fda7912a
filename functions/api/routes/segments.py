"""``/v1/segments`` and ``/v1/countries``: segments with their sizes, and countries that have counts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from msgspec import UNSET, UnsetType

from api import dependencies
from api.http.fields import CountryName, Moment, country_of, read
from api.http.middleware import log_fields
from api.http.responses import cacheable
from api.http.routing import Router
from api.routes.vouchers import Guards, country_counts
from api.statistics import DIGITS, MAX_AMOUNTS, UsedAmount, ranked, sample_size
from vouchers.counts import NO_SETTINGS, NO_VOUCHER, Reason, Verdict, choose
from vouchers.dynamodb.segments_table import CellCounts, CountryCounts
from vouchers.segments import CountrySettings, Segment, load_definitions


class SegmentsFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for segments.

    Attributes:
        country: the country's name; the total of all countries by default.
    """

    country: CountryName | None = None


class Country(msgspec.Struct, frozen=True):
    """A country that has counts.

    Attributes:
        country: its most frequent spelling.
        uses: number of rows that are counted.
        spellings: number of rows by spelling of the name.
        updated_at: when its counts last changed.
    """

    country: str
    uses: int
    spellings: dict[str, int]
    updated_at: Moment


class CountriesAnswer(msgspec.Struct, frozen=True):
    """The countries that have counts, by name."""

    countries: list[Country]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a segment.

    Attributes:
        min_range: lowest value of the segment's attribute in the range.
        max_range: highest value.
    """

    min_range: int
    max_range: int


class RangeSize(Bounds, frozen=True, kw_only=True):
    """The counts of one range.

    Attributes:
        sample_size: number of uses, with and without a voucher.
        share: the sample size as a share of the segment's; null if the segment has none.
        without_voucher: uses without a voucher.
        voucher_amount: the amounts that are chosen, of a tie the 500 lowest at most. Only for one country, as
            `amounts`, since amounts of different countries cannot be added.
        reason: `most_used`: the most used amounts are chosen; or why there is none: `no_voucher_used`;
            `below_minimum_uses`, fewer uses than `guards` demand; `no_amount_allowed`, none of the used
            amounts may be chosen.
        amounts: the amounts that were used, by descending count, then by amount; the first 500 at most.
        amounts_left_out: number of amounts that `amounts` does not list.
        verdict: how sure the choice is: `clear`, the most used amount is ahead of the second at the 5 %
            level; `close`, it is not; `too_few_uses`, the two have fewer than 30 uses; null without a choice.
        updated_at: when the counts last changed; null if there are none.
    """

    sample_size: int
    share: float | None
    without_voucher: int
    voucher_amount: list[float] | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    amounts: list[UsedAmount] | UnsetType = UNSET
    amounts_left_out: int | UnsetType = UNSET
    verdict: Verdict | UnsetType | None = UNSET
    updated_at: Moment | None


class SegmentSize(msgspec.Struct, frozen=True, kw_only=True):
    """A segment and the counts of its ranges.

    Attributes:
        segment_name: its name.
        attribute: the attribute that defines its ranges, such as `days_since_last_order`.
        sample_size: number of uses in its ranges.
        unsegmented: number of uses in none of its ranges.
        ranges: ascending, both ends included; without a country, the ranges of all countries.
        countries: the ranges of countries that have their own, by name in lower case.
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
        definitions: version of the segment definitions.
        country: the country of the counts; null for the total of all countries.
        uses: number of rows that are counted.
        updated_at: when the counts last changed; null if there are none.
        guards: what the settings of the country demand of a choice; null if nothing.
        currency: the currency of the amounts (ISO 4217); null if the definitions name none.
    """

    definitions: str
    country: str | None
    currency: str | None
    uses: int
    updated_at: Moment | None
    guards: Guards | None
    segments: list[SegmentSize]


def segments(router: Router) -> Response[str]:
    """List the segments, with the counts of each range.

    For one country, also the amounts that are chosen, and how often each amount was used. Counts of all
    countries may come from a cache.
    """
    given = read(router.current_event.query_string_parameters, SegmentsFields)
    log_fields(router, country=given.country)
    table = dependencies.cached_segments_table(router, datetime.now(UTC))
    if given.country is None:
        parts, country = table.every_country(), None
    else:
        parts = [country_counts(table, country_of("country", given.country), fresh=True)]
        country = parts[0].name
    definitions = load_definitions()
    settings = NO_SETTINGS if country is None else definitions.settings(country)
    answer = SegmentsAnswer(
        definitions=definitions.version,
        country=country,
        currency=settings.currency,
        uses=sum(counts.uses for counts in parts),
        updated_at=max((counts.updated_at for counts in parts), default=None),
        guards=Guards.of(settings),
        segments=[segment_size(segment, parts, country, settings) for segment in definitions.segments],
    )
    return cacheable(answer)


def countries(router: Router) -> Response[str]:
    """List the countries that have counts."""
    counts = dependencies.cached_segments_table(router, datetime.now(UTC)).every_country()
    return cacheable(CountriesAnswer([Country(c.name, c.uses, c.spellings, c.updated_at) for c in counts]))


def segment_size(
    segment: Segment, parts: Sequence[CountryCounts], country: str | None, settings: CountrySettings
) -> SegmentSize:
    """Return a segment with the sum of the counts of some countries; ``country`` is the only one, if any."""
    ranges = segment.all_ranges if country is None else segment.in_country(country).ranges
    totals = {
        range_: CellCounts.total(
            counts.cell(segment, range_)
            for counts in parts
            if range_ in segment.in_country(counts.name).ranges
        )
        for range_ in ranges
    }
    size = sum(sample_size(total.amounts) for total in totals.values())
    listed = {} if country is None else totals
    lists = {range_: ranked(total.amounts, settings=settings) for range_, total in listed.items()}
    chosen = {range_: choose(total.amounts, settings) for range_, total in totals.items()}
    return SegmentSize(
        segment_name=segment.name,
        attribute=str(segment.attribute),
        sample_size=size,
        unsegmented=sum(counts.uses for counts in parts) - size,
        ranges=[
            RangeSize(
                min_range=range_.min,
                max_range=range_.max,
                sample_size=sample_size(total.amounts),
                share=round(sample_size(total.amounts) / size, DIGITS) if size else None,
                without_voucher=total.amounts.get(NO_VOUCHER, 0),
                voucher_amount=UNSET if country is None else chosen[range_].amounts[:MAX_AMOUNTS],
                reason=UNSET if country is None else chosen[range_].reason,
                amounts=UNSET if country is None else lists[range_][0],
                amounts_left_out=UNSET if country is None else lists[range_][1],
                verdict=UNSET if country is None else chosen[range_].verdict,
                updated_at=total.updated_at or None,
            )
            for range_, total in totals.items()
        ],
        countries={
            name: [Bounds(min_range=range_.min, max_range=range_.max) for range_ in own]
            for name, own in segment.countries
        },
    )
