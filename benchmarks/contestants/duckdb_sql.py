"""DuckDB: one query with all groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment, sql_case

if TYPE_CHECKING:
    from pathlib import Path

QUERY = """
with uses as (
  select country_code,
         epoch_us({until}) - epoch_us(cast(last_order_ts as timestamp)) as ago,
         coalesce(try_cast(total_orders as double), 0) as orders,
         coalesce(cast(voucher_amount as double), 0) as amount
  from read_parquet('{path}'))
select country_code, {days}, {orders}, amount, count(*) from uses group by all
"""


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    query = QUERY.format(
        path=path,
        until="cast(timestamp as timestamp)" if by_row else f"timestamp '{AS_OF}'",
        days=sql_case("floor(ago / 86400000000.0)", DAY_RANGES),
        orders=sql_case("orders", ORDER_RANGES),
    )
    with duckdb.connect(config={"threads": cores}) as connection:
        return by_segment(connection.execute(query).fetchall())
