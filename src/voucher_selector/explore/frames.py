"""Data frames of the rows of a file, before any rule applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from ingest.parquet.column_names import FIRST_ORDER, LAST_ORDER, NEEDED, TIMESTAMP, ColumnRule, MappedName
from vouchers.text import truncate

if TYPE_CHECKING:
    Unit = Literal["s", "ms", "us", "ns"]

MAX_FREQUENT = 3
"""Most frequent values that are shown for a column."""


def describe_columns(uses: pd.DataFrame) -> pd.DataFrame:
    """Return one row a column: its type, nulls, distinct values, range and most frequent values.

    ``uses`` is the result of ``sources.read_rows``.
    """
    rows = []
    for place, name in enumerate(uses.columns):
        values = uses.iloc[:, place]
        known = comparable(values).dropna()
        frequent = known.value_counts().head(MAX_FREQUENT)
        try:
            ends = [known.min(), known.max()] if len(known) else []
        except TypeError:  # of values of several types
            ends = [min(map(str, known)), max(map(str, known))]
        first, last = (truncate(str(end)) for end in ends) if ends else ("", "")
        rows.append(
            {
                "column": str(name),
                "type": uses.attrs.get("types", {}).get(place) or str(values.dtype),
                "nulls": int(values.isna().sum()),
                "distinct values": int(known.nunique()),
                "from": first,
                "to": last,
                "most frequent": ", ".join(f"{truncate(str(v), 30)} ({n:,})" for v, n in frequent.items()),
            }
        )
    return pd.DataFrame(rows)


def needed_columns(uses: pd.DataFrame, rule: ColumnRule) -> pd.DataFrame:
    """Return the columns that counting can read, under the names by which it reads them."""
    places, values = rule.find([str(name) for name in uses.columns], (), NEEDED)
    columns = {name: uses.iloc[:, place] for name, place in places.items()}
    columns |= {
        name: pd.Series([value] * len(uses), uses.index, dtype="str") for name, value in values.items()
    }
    for name in columns:
        if unit := rule.mapping.names.get(name, MappedName(name)).unit:
            numbers = pd.to_numeric(columns[name], errors="coerce")
            columns[name] = pd.to_datetime(numbers, unit=cast("Unit", unit), utc=True, errors="coerce")
    return pd.DataFrame(columns, uses.index)


def needed_sources(uses: pd.DataFrame, rule: ColumnRule) -> pd.DataFrame:
    """Return one row for each column that counting can read: where the file has it."""
    names = [str(name) for name in uses.columns]
    places, values = rule.find(names, (), NEEDED)
    found = {name: f"column '{truncate(names[place])}'" for name, place in places.items()}
    found |= {name: f"the path: {value}" for name, value in values.items()}
    return pd.DataFrame([(n, found.get(n, "not found")) for n in NEEDED], columns=["needed", "source"])


def parse_timestamps(values: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Return values as timestamps (UTC); NaT for invalid ones. Text is ISO 8601, without a zone UTC."""
    return pd.to_datetime(comparable(values), format="ISO8601", utc=True, errors="coerce")


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
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(values.cat.categories.dtype)
    if values.dtype != object:
        return values
    return values.map(lambda value: str(value) if isinstance(value, list | dict | np.ndarray) else value)
