"""``/v1/history``: what the files of each day added to the counts of a country."""

from itertools import islice

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api import dependencies
from api.http.fields import CountryName, country_of, read
from api.http.middleware import log_fields
from api.http.responses import cacheable
from api.http.routing import Router
from vouchers.dynamodb.sources_table import Cursor, Status
from vouchers.text import country_key

MAX_SOURCES = 500
"""Sources that are read, the last committed first; DynamoDB returns them in a few pages."""


class HistoryFields(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a country's history.

    Attributes:
        country: the country's name; surrounding blanks and case are ignored.
    """

    country: CountryName


class Day(msgspec.Struct, frozen=True):
    """The uploads of a day.

    Attributes:
        uploaded_on: the date of the uploads, in UTC.
        uses: counted rows of the country.
        sources: number of files and datasets with such rows.
    """

    uploaded_on: str
    uses: int
    sources: int


class HistoryAnswer(msgspec.Struct, frozen=True):
    """What the files of each day added to the counts of a country.

    Attributes:
        country: the country, as the request names it.
        days: by date; days without uploads are left out.
        incomplete: whether there are more sources than the 500 that are read, the last committed first, or
            sources whose report has no countries.
    """

    country: str
    days: list[Day]
    incomplete: bool


def history(router: Router) -> Response[str]:
    """Count the uses of a country by the day on which their files were uploaded.

    Only files that are counted now are included, with the rows that they have now.
    """
    given = read(router.current_event.query_string_parameters, HistoryFields)
    country = country_of("country", given.country)
    log_fields(router, country=country)
    table = dependencies.sources_table()
    found = [*islice(table.newest_first(Status.COUNTED, Cursor(), MAX_SOURCES), MAX_SOURCES + 1)]
    days: dict[str, Day] = {}
    incomplete = len(found) > MAX_SOURCES
    for _, state in found[:MAX_SOURCES]:
        incomplete |= "countries" not in state.report
        rows = {country_key(name): uses for name, uses in state.report.get("countries", {}).items()}
        if (uses := rows.get(country_key(country))) and state.uploaded_at:
            date = state.uploaded_at[:10]
            before = days.get(date, Day(date, 0, 0))
            days[date] = Day(date, before.uses + uses, before.sources + 1)
    return cacheable(HistoryAnswer(country, [days[date] for date in sorted(days)], incomplete))
