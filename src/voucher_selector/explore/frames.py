"""Frames of what a file holds, row by row, before any rule is applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ingest.parquet.reader import FIRST_ORDER, LAST_ORDER, TIMESTAMP
from vouchers.text import truncate


def columns(uses: pd.DataFrame) -> pd.DataFrame:
    """Return one row a column: its type, its nulls, its different values and its first one."""
    held = [uses.iloc[:, place] for place in range(uses.shape[1])]
    return pd.DataFrame(
        {
            "column": [str(name) for name in uses.columns],
            "type": [str(values.dtype) for values in held],
            "nulls": [int(values.isna().sum()) for values in held],
            "different values": [_different(values) for values in held],
            "the first": [truncate(str(values.iloc[0])) if len(values) else "" for values in held],
        }
    )


def instants(values: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Return values as moments (UTC); NaT for what is none. Text is read as ISO 8601, no zone means UTC."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    return pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")


def spans(uses: pd.DataFrame) -> pd.DataFrame:
    """Return from when to when each column of dates goes."""
    names = [name for name in (TIMESTAMP, LAST_ORDER, FIRST_ORDER) if name in uses]
    times = [instants(uses[name]) for name in names]
    first, last = (
        [_day(time) for time in ends] for ends in zip(*((t.min(), t.max()) for t in times), strict=True)
    )
    return pd.DataFrame({"column": names, "from": first, "to": last})


def ordered_after_use(uses: pd.DataFrame) -> pd.Series[bool]:
    """Say of each row whether the customer's last order is later than the use itself."""
    if TIMESTAMP not in uses:
        return pd.Series(data=False, index=uses.index)
    return instants(uses[LAST_ORDER]) > instants(uses[TIMESTAMP])


def repeated(uses: pd.DataFrame) -> pd.Series[bool]:
    """Say of each row whether it repeats an earlier one in every column."""
    comparable = [_comparable(uses.iloc[:, place]) for place in range(uses.shape[1])]
    return pd.concat(comparable, axis=1).duplicated()


def lags(uses: pd.DataFrame) -> pd.DataFrame:
    """Return how many uses lie how many months after the last order, below 0 before it; most uses first."""
    if TIMESTAMP not in uses:
        return pd.DataFrame({"months": [], "uses": []}, dtype=int)
    used, ordered = (instants(uses[name]).dt for name in (TIMESTAMP, LAST_ORDER))
    months = ((used.year - ordered.year) * 12 + used.month - ordered.month).dropna().astype(int)
    return months.rename("months").value_counts().rename("uses").reset_index()


def _different(values: pd.Series[Any]) -> int:
    return int(_comparable(values).nunique())


def _comparable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return values that can be compared; of lists and structs of a nested column, their texts."""
    return values.map(_as_text_if_nested) if values.dtype == object else values


def _as_text_if_nested(value: object) -> object:
    return str(value) if isinstance(value, list | dict | np.ndarray) else value


def _day(moment: pd.Timestamp) -> str:
    # Years that Python's own dates do not reach cannot be formatted as others are.
    return "" if pd.isna(moment) else f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
