"""Frames as tables of HTML, in which whatever a file holds stays text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd
from IPython.display import HTML
from pandas.api.types import is_numeric_dtype

from vouchers.text import truncate

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ROWS = 200
MAX_TEXT = 120
"""Characters of a text that are shown."""

TEXT, NUMBER = "text-align: left", "text-align: right; white-space: nowrap"
"""Styles of cells, written to each: a notebook has no style sheet of ours."""

PER_CENT = {"share", "low", "high"}
"""Columns of numbers from 0 to 1 that are written as per cent."""


def table(frame: pd.DataFrame, caption: str = "") -> HTML:
    """Show a frame: numbers with separators, shares as per cent, texts escaped; its first MOST_ROWS rows."""
    if frame.empty:
        return HTML("<p>None.</p>")
    flat = frame.reset_index() if any(frame.index.names) else frame
    if len(flat) > MAX_ROWS:
        caption = f"{caption} These are the first {MAX_ROWS:,} of {len(flat):,}.".lstrip()
    names, numeric = [*map(str, flat.columns)], [is_numeric_dtype(kind) for kind in flat.dtypes]
    rows = [map(_written, names, row) for row in flat.head(MAX_ROWS).itertuples(index=False, name=None)]
    head = _row("th scope=col", names, numeric)
    body = "".join(_row("td", cells, numeric) for cells in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return HTML(f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>")


def _row(tag: str, cells: Iterable[str], numeric: Iterable[bool]) -> str:
    kinds = [f" style='{NUMBER if number else TEXT}'" for number in numeric]
    held = (f"<{tag}{kind}>{escape(cell)}</{tag[:2]}>" for cell, kind in zip(cells, kinds, strict=True))
    return f"<tr>{''.join(held)}</tr>"


def _written(name: str, value: object) -> str:
    match value:
        case float() if pd.isna(value):
            return ""
        case float() if name in PER_CENT:
            return f"{value:.1%}"
        case int() | float():
            return f"{value:,}"
        case _:
            return truncate(str(value), MAX_TEXT)
