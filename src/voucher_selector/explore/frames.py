"""Data frames of the rows of a file, before any rule applies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ingest.parquet.column_names import FIRST_ORDER, LAST_ORDER, TIMESTAMP
from vouchers.text import truncate


def describe_columns(uses: pd.DataFrame) -> pd.DataFrame:
    """Return one row a column: its type, its nulls, its distinct values and its first value."""
    columns = [uses.iloc[:, place] for place in range(uses.shape[1])]
    return pd.DataFrame(
        {
            "column": [str(name) for name in uses.columns],
            "type": [str(values.dtype) for values in columns],
            "nulls": [int(values.isna().sum()) for values in columns],
            "distinct values": [int(comparable(values).nunique()) for values in columns],
            "first value": [truncate(str(values.iloc[0])) if len(values) else "" for values in columns],
        }
    )


def parse_timestamps(values: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Return values as timestamps (UTC); NaT for invalid ones. Text is ISO 8601, without a zone UTC."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")


def date_ranges(uses: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the last day of each column of dates; empty for a column without dates."""
    rows = []
    for name in (TIMESTAMP, LAST_ORDER, FIRST_ORDER):
        if name in uses:
            times = parse_timestamps(uses[name])
            # strftime fails on years that Python's dates do not have.
            days = [
                "" if pd.isna(end) else f"{end.year:04d}-{end.month:02d}-{end.day:02d}"
                for end in (times.min(), times.max())
            ]
            rows.append((name, *days))
    return pd.DataFrame(rows, columns=["column", "from", "to"])


def used_before_last_order(uses: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether the use is earlier than the customer's last order."""
    if TIMESTAMP not in uses:
        return pd.Series(data=False, index=uses.index)
    return parse_timestamps(uses[LAST_ORDER]) > parse_timestamps(uses[TIMESTAMP])


def is_duplicate(uses: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether it equals an earlier one in every column."""
    columns = [comparable(uses.iloc[:, place]) for place in range(uses.shape[1])]
    return pd.concat(columns, axis=1).duplicated()


def months_since_last_order(uses: pd.DataFrame) -> pd.DataFrame:
    """Return the uses by months since the last order, negative before it; most uses first."""
    if TIMESTAMP not in uses:
        return pd.DataFrame({"months": [], "uses": []}, dtype=int)
    used, ordered = (parse_timestamps(uses[name]).dt for name in (TIMESTAMP, LAST_ORDER))
    months = ((used.year - ordered.year) * 12 + used.month - ordered.month).dropna().astype(int)
    return months.rename("months").value_counts().rename("uses").reset_index()


def comparable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return values that can be compared: the lists and structs of a nested column as text."""
    if values.dtype != object:
        return values
    return values.map(lambda value: str(value) if isinstance(value, list | dict | np.ndarray) else value)
