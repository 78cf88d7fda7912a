from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.as_of import microseconds
from ingest.count import count_file
from ingest.rows import counted_rows
from tests import oracle
from tests.grouped import grouped
from tests.property.test_counting import (
    AS_OF,
    COUNTRIES,
    INSTANT_COLUMNS,
    NUMBER_COLUMNS,
    SEGMENTS,
    column,
    definitions,
    plain_rows,
)
from vouchers.counts import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.axes import Axes
    from ingest.indexed import Codes

NAMES = ("country_code", "last_order_ts", "first_order_ts", "timestamp", "total_orders", "voucher_amount")
OPTIONAL = ("first_order_ts", "timestamp")


def file_of(
    rows: int, held: Sequence[Any], group: int, *, dictionary: bool, lacks: set[str]
) -> tuple[pa.Table, bytes]:
    """Return a table of some columns, and the same as the bytes of a Parquet file."""
    columns = {
        name: column(kind, values, rows)
        for name, (kind, values) in zip(NAMES, held, strict=True)
        if name not in lacks
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=group, use_dictionary=dictionary)
    return pa.table(columns), sink.getvalue()


@given(
    rows=st.integers(0, 60),
    country=COUNTRIES,
    instants=st.tuples(INSTANT_COLUMNS, INSTANT_COLUMNS, INSTANT_COLUMNS),
    segments=st.just(oracle.SEGMENTS) | SEGMENTS,
    numbers=st.tuples(NUMBER_COLUMNS, NUMBER_COLUMNS),
    by_row=st.booleans(),
    group=st.sampled_from([1, 7, 1000]),
    dictionary=st.booleans(),
    lacks=st.sets(st.sampled_from(OPTIONAL)),
)
@settings(max_examples=300, deadline=None)
def test_rows_grouped_are_the_counts_and_their_values_those_of_the_file(
    rows: int,
    country: Any,
    instants: Any,
    segments: Any,
    numbers: Any,
    by_row: bool,
    group: int,
    dictionary: bool,
    lacks: set[str],
) -> None:
    used = definitions(segments)
    tenure = any(attribute == oracle.TENURE for attribute, *_ in segments.values())
    lacks = lacks - ({"timestamp"} if by_row else set()) - ({"first_order_ts"} if tenure else set())
    table, body = file_of(rows, (country, *instants, *numbers), group, dictionary=dictionary, lacks=lacks)
    as_of = None if by_row else AS_OF
    kept: list[pa.RecordBatch] = []

    def keep(batch: pa.RecordBatch, codes: Sequence[Codes], axes: Axes) -> None:
        kept.append(counted_rows(batch, codes, axes, used, microseconds(as_of)))

    counted = count_file(io.BytesIO(body), microseconds(as_of), used, keep=keep)
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
    moments = {name: moment(row.get(name)) for name in ("last_order_ts", *OPTIONAL)}
    return {
        "country_code": country.strip(),
        **moments,
        "total_orders": oracle.number(row["total_orders"], "", empty_is_zero=True)[0],
        "voucher_amount": oracle.number(row["voucher_amount"], "", empty_is_zero=False)[0],
        "as_of": as_of or moments["timestamp"],
    }


def moment(value: Any) -> Any:
    """Return an instant, or None where a value that counting does not need is none."""
    try:
        return oracle.instant(value, "")
    except oracle.Reject:
        return None
