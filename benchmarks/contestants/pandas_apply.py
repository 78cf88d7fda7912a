"""pandas with ``apply``: a Python function for each row and segment, as in the original pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, Counts, by_segment, needed_columns

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    frame = pd.read_parquet(path, columns=needed_columns(by_row=by_row))
    frame["last_order"] = pd.to_datetime(frame["last_order_ts"], utc=True)
    frame["until"] = pd.to_datetime(frame["timestamp"] if by_row else AS_OF, utc=True)
    frame["days"] = frame.apply(_days, axis=1)
    frame["orders"] = frame.apply(_orders, axis=1)
    frame["amount"] = pd.to_numeric(frame["voucher_amount"]).fillna(0)
    groups = frame.groupby(["country_code", "days", "orders", "amount"], dropna=False).size()
    counts: dict[Any, int] = groups.to_dict()
    return by_segment((*key, rows) for key, rows in counts.items())


def _days(row: pd.Series[Any]) -> float:
    return _low((row["until"] - row["last_order"]).days, DAY_RANGES)


def _orders(row: pd.Series[Any]) -> float:
    orders = row["total_orders"]
    return _low(0 if orders == "" or pd.isna(orders) else float(orders), ORDER_RANGES)


def _low(value: float, ranges: tuple[tuple[int, int], ...]) -> float:
    for low, high in ranges:
        if low <= value <= high:
            return low
    return float("nan")
