from __future__ import annotations

import io
from datetime import UTC
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.counting.as_of import microseconds
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.row_outputs.segmented_rows import counted_rows
from tests.support import oracle
from tests.support.recount_rows import grouped
from tests.support.stack_harness import parquet
from tests.support.strategies import AS_OF, LAYOUTS, NAMES, SEGMENTS, TABLES, definitions, plain_rows
from vouchers.counts import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from ingest.counting.dimensions import Dimensions
    from ingest.counting.encoding import EncodedColumn

OPTIONAL = ("first_order_ts", "timestamp")


@given(
    table=TABLES,
    layout=LAYOUTS,
    segments=st.just(oracle.SEGMENTS) | SEGMENTS,
    by_row=st.booleans(),
    lacks=st.sets(st.sampled_from(OPTIONAL)),
)
@settings(max_examples=300)
def test_rows_grouped_are_the_counts_and_their_values_those_of_the_file(
    table: Any, layout: Any, segments: Any, by_row: bool, lacks: set[str]
) -> None:
    used = definitions(segments)
    tenure = any(attribute == oracle.TENURE for attribute, *_ in segments.values())
    lacks = lacks - ({"timestamp"} if by_row else set()) - ({"first_order_ts"} if tenure else set())
    table = table.drop_columns(sorted(lacks))
    body = parquet(table, **layout)
    as_of = None if by_row else AS_OF
    kept: list[pa.RecordBatch] = []

    def keep(batch: pa.RecordBatch, codes: Sequence[EncodedColumn], dimensions: Dimensions) -> None:
        kept.append(counted_rows(batch, codes, dimensions, used, microseconds(as_of)))

    counted = count_file(io.BytesIO(body), microseconds(as_of), used, RowCallbacks(keep=keep))
    got = [row for batch in kept for row in batch.to_pylist()]

    assert len(got) == counted.report.counted
    assert {Cell(*at): counters for at, counters in grouped(got, used).items()} == counted.contribution
    assert counted == count_file(io.BytesIO(body), microseconds(as_of), used)
    assert [values(row) for row in got] == expected(plain_rows(table), as_of, segments)


def values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in (*NAMES, "as_of")}


def expected(rows: list[dict[str, Any]], as_of: Any, segments: oracle.Segments) -> list[dict[str, Any]]:
    return [cleaned(row, as_of) for row in rows if oracle.count([row], as_of, segments).counted]


def cleaned(row: dict[str, Any], as_of: Any) -> dict[str, Any]:
    country = row["country_code"]
    country = country.decode("utf-8", "replace") if isinstance(country, bytes) else country
    dates = {name: day(row.get(name)) for name in ("last_order_ts", *OPTIONAL)}
    return {
        "country_code": oracle.spelling(country),
        **dates,
        "total_orders": oracle.number(row["total_orders"], "", empty_is_zero=True)[0],
        "voucher_amount": oracle.number(row["voucher_amount"], "", empty_is_zero=False)[0],
        "as_of": day(as_of) or dates["timestamp"],
    }


def day(value: Any) -> date | None:
    """Return the day of an instant (UTC), or None where a value that counting does not need is none."""
    try:
        moment = oracle.instant(value, "")
    except oracle.Reject:
        return None
    return moment.astimezone(UTC).date() if moment else None
