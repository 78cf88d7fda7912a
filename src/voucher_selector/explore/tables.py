"""Data frames as HTML tables; text of a file is escaped."""

from collections.abc import Iterable
from html import escape

import pandas as pd
from IPython.display import HTML
from pandas.api.types import is_numeric_dtype

from vouchers.text import truncate

MAX_ROWS = 200
MAX_TEXT = 120
"""Characters of a text that are shown."""

TEXT, NUMBER = "text-align: left", "text-align: right; white-space: nowrap"
"""Styles of cells: a notebook has no style sheet for them."""

PERCENTAGES = {"share", "low", "high", "by country", "by last month"}
"""Columns of numbers from 0 to 1 that are shown in percent."""


def table(frame: pd.DataFrame, caption: str = "") -> HTML:
    """Return the first MAX_ROWS rows of a frame, with thousands separators and shares in percent."""
    if frame.empty:
        return HTML("<p>None.</p>")
    flat = frame.reset_index() if any(frame.index.names) else frame
    if len(flat) > MAX_ROWS:
        caption = f"{caption} These are the first {MAX_ROWS:,} of {len(flat):,}.".lstrip()
    names = [*map(str, flat.columns)]
    styles = [NUMBER if is_numeric_dtype(kind) else TEXT for kind in flat.dtypes]

    def row(tag: str, cells: Iterable[str]) -> str:
        pairs = zip(cells, styles, strict=True)
        return "".join(f"<{tag} style='{style}'>{escape(cell)}</{tag[:2]}>" for cell, style in pairs)

    rows = flat.head(MAX_ROWS).itertuples(index=False, name=None)
    body = "".join(f"<tr>{row('td', map(format_cell, names, values))}</tr>" for values in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = row("th scope=col", names)
    return HTML(f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def format_cell(column: str, value: object) -> str:
    """Return a value of a column as text."""
    match value:
        case float() if pd.isna(value):
            return ""
        case float() if column in PERCENTAGES:
            return f"{value:.1%}"
        case int() | float():
            return f"{value:,}"
        case _:
            return truncate(str(value), MAX_TEXT)
