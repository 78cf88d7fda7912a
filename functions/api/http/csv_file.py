"""Answers that are CSV files (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from aws_lambda_powertools.event_handler.api_gateway import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from api.http.responses import CSV, JSON, cacheable, header, prefers
from vouchers.counts import amount_name

FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets evaluate text that begins with one of these."""


def wants_csv(event: APIGatewayProxyEvent, format_: str | None) -> bool:
    """Return whether a request is for CSV: by its parameter ``format``, else by its ``Accept`` header."""
    return format_ == "csv" if format_ else prefers(header(event, "Accept"), CSV, JSON)


def csv_response(
    name: str, columns: Sequence[str], lines: Iterable[Mapping[str, object]], subject: str = ""
) -> Response[str]:
    """Return a header line and lines, whose values are given by column, as CSV.

    Browsers save it as ``name-subject.csv``. An apostrophe precedes text that a spreadsheet would evaluate.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for line in lines:
        amount = line.get("voucher_amount")
        named = {"voucher_amount": amount_name(amount)} if isinstance(amount, float) else {}
        values = map({**line, **named}.get, columns)
        writer.writerow(f"'{v}" if isinstance(v, str) and v.startswith(FORMULA_START) else v for v in values)
    encoded = quote(f"{name}-{subject}" if subject else name, safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{name}.csv\"; filename*=UTF-8''{encoded}.csv",
        "Vary": "Accept",
    }
    return cacheable(out.getvalue(), f"{CSV}; charset=utf-8; header=present", **headers)
