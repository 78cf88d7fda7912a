"""Polars: a lazy query, run by its streaming engine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAY = 86_400_000_000


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    file = pl.scan_parquet(path)
    is_text = file.collect_schema()["last_order_ts"] == pl.String
    until = _instant("timestamp", is_text=is_text) if by_row else pl.lit(datetime.fromisoformat(AS_OF))
    ago = (until - _instant("last_order_ts", is_text=is_text)).dt.total_microseconds().floordiv(DAY)
    orders = pl.col("total_orders").cast(pl.Float64, strict=False).fill_null(0)
    groups = file.group_by(
        "country_code",
        days=_low(ago, DAY_RANGES),
        orders=_low(orders, ORDER_RANGES),
        amount=pl.col("voucher_amount").cast(pl.Float64).fill_null(0),
    ).agg(rows=pl.len())
    return by_segment(groups.collect(engine="streaming").iter_rows())


def _instant(name: str, *, is_text: bool) -> pl.Expr:
    if not is_text:
        return pl.col(name)
    # Polars parses formats without a zone and with a fixed number of decimals ten times as fast.
    written = "%Y-%m-%d %H:%M:%S.%6f" if name == "timestamp" else "%Y-%m-%d %H:%M:%S"
    return pl.col(name).str.strip_suffix("+00:00").str.to_datetime(written, time_unit="us")


def _low(value: pl.Expr, ranges: Iterable[tuple[int, int]]) -> pl.Expr:
    return pl.coalesce(*(pl.when(value.is_between(low, high)).then(low) for low, high in ranges))
