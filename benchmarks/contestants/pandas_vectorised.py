"""Vectorised pandas: the whole file in memory, no Python function per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment, needed_columns

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    return count_frame(pd.read_parquet(path, columns=needed_columns(by_row=by_row)), by_row=by_row)


def count_frame(frame: pd.DataFrame, *, by_row: bool) -> Counts:
    """Count the rows of a frame."""
    until = pd.to_datetime(frame["timestamp"], utc=True) if by_row else pd.Timestamp(AS_OF, tz="UTC")
    days = (until - pd.to_datetime(frame["last_order_ts"], utc=True)).dt.days
    orders = pd.to_numeric(frame["total_orders"], errors="coerce").fillna(0)
    keys = {
        "country": frame["country_code"],
        "days": _low(days, DAY_RANGES),
        "orders": _low(orders, ORDER_RANGES),
        "amount": pd.to_numeric(frame["voucher_amount"]).fillna(0),
    }
    groups = pd.DataFrame(keys).groupby(list(keys), dropna=False, observed=True).size()
    counts: dict[Any, int] = groups.to_dict()
    return by_segment((*key, rows) for key, rows in counts.items())


def _low(values: pd.Series[Any], ranges: tuple[tuple[int, int], ...]) -> np.ndarray:
    return np.select([values.between(*ends) for ends in ranges], [float(low) for low, _ in ranges], np.nan)
