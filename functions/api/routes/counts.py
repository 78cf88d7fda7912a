"""Counts as a table for spreadsheets: CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from urllib.parse import quote

from vouchers.counts import amount_name

if TYPE_CHECKING:
    from api.http.responses import CountsAnswer

CSV_WITH_HEADER = "text/csv; charset=utf-8; header=present"
COLUMNS = ("country", "segment_name", "min_range", "max_range", "voucher_amount", "count")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""


def counts_csv(answer: CountsAnswer) -> str:
    """Return the rows of counts under a line of the columns' names.

    A country's name that a spreadsheet would calculate has an apostrophe before it.
    """
    country = f"'{answer.country}" if answer.country.startswith(FORMULA) else answer.country
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(
        (country, row.segment_name, row.min_range, row.max_range, amount_name(row.voucher_amount), row.count)
        for row in answer.rows
    )
    return out.getvalue()


def file_name(country: str) -> str:
    """Return the header that has a browser store the table under the country's name."""
    return f"attachment; filename=\"counts.csv\"; filename*=UTF-8''counts-{quote(country, safe='')}.csv"
