"""A count of segmented rows from their columns alone, like that of an SQL query."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ingest.row_outputs.segmented_rows import segment_columns
from vouchers.counts import SPELLINGS, amount_name
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vouchers.segments import Definitions

    Cells = dict[tuple[str, str], dict[str, int]]


def grouped(rows: Iterable[dict[str, Any]], used: Definitions) -> Cells:
    """Return the counts of rows by cell, as in a contribution."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        country, amount = row["country_code"], amount_name(row["voucher_amount"])
        key = country_key(country)
        found.setdefault((key, SPELLINGS), Counter())[country] += 1
        for segment, name in zip(used.segments, segment_columns(used), strict=True):
            if content := row[name]:
                found.setdefault((key, f"{segment.name}#{content}"), Counter())[amount] += 1
    return {cell: dict(counters) for cell, counters in found.items()}
