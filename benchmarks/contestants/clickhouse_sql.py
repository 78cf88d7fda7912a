"""ClickHouse, embedded by chdb: one query with all groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import chdb

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment, sql_case

if TYPE_CHECKING:
    from pathlib import Path

QUERY = """
with uses as (
  select country_code,
         toUnixTimestamp64Micro({until}) - toUnixTimestamp64Micro({last_order}) as ago,
         coalesce(accurateCastOrNull(total_orders, 'Float64'), 0) as orders,
         coalesce(accurateCastOrNull(voucher_amount, 'Float64'), 0) as amount
  from {file})
select country_code, {days} as days, {orders} as orders, amount, count() as rows from uses
group by country_code, days, orders, amount
settings max_threads = {cores}
"""


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    file = f"file('{path}', Parquet)"
    is_text = any(
        "last_order_ts" in line and "String" in line
        for line in str(chdb.query(f"describe {file}")).splitlines()
    )

    def moment(column: str, characters: int) -> str:
        # Without the zone, ClickHouse need not guess the format, which takes several times as long.
        return f"toDateTime64(left({column}, {characters}), 6, 'UTC')" if is_text else column

    query = QUERY.format(
        until=moment("timestamp", 26) if by_row else f"toDateTime64('{AS_OF}', 6, 'UTC')",
        last_order=moment("last_order_ts", 19),
        file=file,
        days=sql_case("floor(ago / 86400000000.0)", DAY_RANGES),
        orders=sql_case("uses.orders", ORDER_RANGES),
        cores=cores,
    )
    return by_segment(tuple(row.values()) for row in chdb.query(query, "ArrowTable").to_pylist())
