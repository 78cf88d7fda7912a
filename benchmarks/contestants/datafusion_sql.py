"""DataFusion: one query with all groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datafusion import SessionConfig, SessionContext

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment, sql_case

if TYPE_CHECKING:
    from pathlib import Path

QUERY = """
with uses as (
  select country_code,
         {until} - {last_order} as ago,
         coalesce(try_cast(total_orders as double), 0) as orders,
         coalesce(cast(voucher_amount as double), 0) as amount
  from file),
ranges as (select country_code, {days} as days, {orders} as orders, amount from uses)
select country_code, days, orders, amount, count(*) as rows from ranges
group by country_code, days, orders, amount
"""


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    context = SessionContext(SessionConfig().with_target_partitions(cores))
    context.register_parquet("file", str(path))
    query = QUERY.format(
        until=_microseconds("timestamp" if by_row else f"'{AS_OF}'"),
        last_order=_microseconds("last_order_ts"),
        days=sql_case("floor(ago / 86400000000.0)", DAY_RANGES),
        orders=sql_case("orders", ORDER_RANGES),
    )
    return by_segment(tuple(row.values()) for row in context.sql(query).to_pylist())


def _microseconds(expression: str) -> str:
    return f"cast(arrow_cast({expression}, 'Timestamp(Microsecond, None)') as bigint)"
