"""``/v1/choices``: the chosen amounts of every range of every country, as JSON or as CSV (RFC 4180)."""

from datetime import UTC, datetime

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api import dependencies
from api.http.csv_file import csv_response, wants_csv
from api.http.fields import Format, Moment, read
from api.http.responses import cacheable
from api.http.routing import Router
from api.routes.segments import Bounds
from api.routes.vouchers import Guards
from api.statistics import DIGITS, sample_size
from vouchers.counts import Reason, Verdict, choose
from vouchers.dynamodb.segments_table import CellCounts, CountryCounts
from vouchers.segments import CountrySettings, Range, Segment, load_definitions

MAX_TIED = 5
"""Amounts of a tie that are listed for a range."""

COLUMNS = (
    "country",
    "segment_name",
    "min_range",
    "max_range",
    "voucher_amount",
    "count",
    "share",
    "sample_size",
    "verdict",
    "currency",
)


class ChoicesFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for choices.

    Attributes:
        format: `csv` for CSV, as with `Accept: text/csv`.
    """

    format: Format | None = None


class Choice(Bounds, frozen=True, kw_only=True):
    """The chosen amounts of a range of a country.

    Attributes:
        voucher_amount: the chosen amounts: one, several on a tie (ascending, the 5 lowest at most), or none.
        amounts_left_out: number of further amounts of the tie.
        reason: `most_used`: the most used amounts; or why there is none: `no_voucher_used`,
            `below_minimum_uses` or `no_amount_allowed`.
        count: how often each of the amounts was used; null if there is none.
        share: the count as a share of the sample.
        sample_size: number of uses in the range, with and without a voucher.
        verdict: how sure the choice is; null if there is none.
    """

    segment_name: str
    voucher_amount: list[float]
    amounts_left_out: int
    reason: Reason
    count: int | None
    share: float | None
    sample_size: int
    verdict: Verdict | None


class CountryChoices(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of a country.

    Attributes:
        country: its most frequent spelling.
        uses: number of rows that are counted.
        updated_at: when its counts last changed.
        guards: what its settings demand of a choice; null if nothing.
        currency: the currency of its amounts (ISO 4217); null if the definitions name none.
        choices: by segment and range.
    """

    country: str
    uses: int
    updated_at: Moment
    guards: Guards | None
    currency: str | None
    choices: list[Choice]


class SegmentRanges(msgspec.Struct, frozen=True, kw_only=True):
    """A segment, with the ranges of countries that have none of their own."""

    segment_name: str
    attribute: str
    ranges: list[Bounds]


class ChoicesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of all countries.

    Attributes:
        definitions: version of the segment definitions.
        segments: in the order of their definitions.
        countries: by name.
    """

    definitions: str
    segments: list[SegmentRanges]
    countries: list[CountryChoices]


def choices(router: Router) -> Response[str]:
    """List the chosen amounts of every range of every country, and how sure they are.

    Counts may come from a cache. With `format=csv` or `Accept: text/csv`, the answer is CSV (RFC 4180) with a
    header line, and one line per chosen amount.
    """
    given = read(router.current_event.query_string_parameters, ChoicesFields)
    definitions = load_definitions()
    answer = ChoicesAnswer(
        definitions=definitions.version,
        segments=[
            SegmentRanges(
                segment_name=segment.name,
                attribute=str(segment.attribute),
                ranges=[Bounds(min_range=range_.min, max_range=range_.max) for range_ in segment.ranges],
            )
            for segment in definitions.segments
        ],
        countries=[
            CountryChoices(
                country=counts.name,
                uses=counts.uses,
                updated_at=counts.updated_at,
                guards=Guards.of(definitions.settings(counts.name)),
                currency=definitions.settings(counts.name).currency,
                choices=[
                    choice(segment, range_, counts, definitions.settings(counts.name))
                    for segment in definitions.segments
                    for range_ in segment.in_country(counts.name).ranges
                ],
            )
            for counts in dependencies.cached_segments_table(router, datetime.now(UTC)).every_country()
        ],
    )
    if not wants_csv(router.current_event, given.format):
        return cacheable(answer, Vary="Accept")
    lines = (
        msgspec.structs.asdict(row)
        | {"country": found.country, "currency": found.currency, "voucher_amount": amount}
        for found in answer.countries
        for row in found.choices
        for amount in row.voucher_amount
    )
    return csv_response("choices", COLUMNS, lines)


def choice(segment: Segment, range_: Range, counts: CountryCounts, settings: CountrySettings) -> Choice:
    """Return the choice of a range of a country."""
    amounts = CellCounts.total([counts.cell(segment, range_)]).amounts
    chosen, size = choose(amounts, settings), sample_size(amounts)
    return Choice(
        segment_name=segment.name,
        min_range=range_.min,
        max_range=range_.max,
        voucher_amount=chosen.amounts[:MAX_TIED],
        amounts_left_out=len(chosen.amounts[MAX_TIED:]),
        reason=chosen.reason,
        count=chosen.uses,
        share=round(chosen.uses / size, DIGITS) if chosen.uses else None,
        sample_size=size,
        verdict=chosen.verdict,
    )
