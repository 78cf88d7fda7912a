"""``/v1/counts``: the counts of a country, as JSON or as CSV (RFC 4180)."""

from datetime import UTC, datetime

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api import dependencies
from api.http.csv_file import csv_response, wants_csv
from api.http.fields import CountryName, Format, Moment, SegmentName, country_of, read, segment_of
from api.http.middleware import log_fields
from api.http.responses import cacheable
from api.http.routing import Router
from api.routes.vouchers import country_counts
from api.statistics import cap_amounts
from vouchers.segments import load_definitions

COLUMNS = ("country", "segment_name", "min_range", "max_range", "voucher_amount", "count", "currency")


class CountsFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for counts.

    Attributes:
        country: the country's name; surrounding blanks and case are ignored.
        segment: the segment to list; all segments by default.
        format: `csv` for CSV, as with `Accept: text/csv`.
    """

    country: CountryName
    segment: SegmentName | None = None
    format: Format | None = None


class CountRow(msgspec.Struct, frozen=True):
    """How often customers of one range used one amount."""

    min_range: int
    max_range: int
    segment_name: str
    voucher_amount: float
    count: int


class CountsAnswer(msgspec.Struct, frozen=True):
    """The counts of a country.

    Attributes:
        country: its most frequent spelling.
        rows: by segment, range and amount. A range has 500 rows at most: the row of the amount 0, for uses
            without a voucher, and the rows of the most used amounts, on a tie the lower ones.
        amounts_left_out: number of amounts that are not listed, summed over the ranges.
        updated_at: when the counts last changed.
        currency: the currency of the amounts (ISO 4217); null if the definitions name none.
    """

    country: str
    rows: list[CountRow]
    amounts_left_out: int
    updated_at: Moment
    currency: str | None


def counts(router: Router) -> Response[str]:
    """Count how often each amount was used in a country, by segment and range.

    Counts are never cached, for clients that have just uploaded a file. JSON and CSV list the 500 most used
    amounts of each range at most. With `format=csv` or `Accept: text/csv`, the answer is CSV (RFC 4180)
    with a header line.
    """
    query = router.current_event.query_string_parameters
    log_fields(router, country=query.get("country"), segment=query.get("segment"))
    given = read(query, CountsFields)
    country = country_of("country", given.country)
    definitions = load_definitions()
    segments = [segment.in_country(country) for segment in definitions.segments]
    if given.segment is not None:
        segments = [segment_of("segment", given.segment, definitions, country)]
    table = dependencies.cached_segments_table(router, datetime.now(UTC))
    found = country_counts(table, country, fresh=True)
    rows, amounts_left_out = [], 0
    for segment in segments:
        for range_ in segment.ranges:
            cell = found.cell(segment, range_)
            listed, left_out = cap_amounts(cell.amounts if cell else {})
            rows += [
                CountRow(range_.min, range_.max, segment.name, amount, count)
                for amount, count in sorted(listed.items())
            ]
            amounts_left_out += left_out
    currency = definitions.settings(found.name).currency
    answer = CountsAnswer(found.name, rows, amounts_left_out, found.updated_at, currency)
    if not wants_csv(router.current_event, given.format):
        return cacheable(answer, Vary="Accept")
    shared = {"country": answer.country, "currency": currency}
    lines = (msgspec.structs.asdict(row) | shared for row in rows)
    return csv_response("counts", COLUMNS, lines, answer.country)
