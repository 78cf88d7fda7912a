"""Codes → the rows that are rejected, and the reason of each: the first on the way through the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.indexed import Codes, Table

    Reasons = Sequence[Mapping[int, str]]
    """The codes with which each axis rejects a row, and what they stand for."""


def names_of(reasons: Reasons) -> list[str]:
    """Return all reasons, in the order in which a row can fail them."""
    return [name for by_code in reasons for name in by_code.values()]


def rejected_rows(codes: Sequence[Codes], reasons: Reasons) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """Return which rows of a batch are rejected, ascending, and the place of each one's reason among all."""
    if not any(_may_reject(column, by_code) for column, by_code in zip(codes, reasons, strict=True)):
        return np.empty(0, np.intp), np.empty(0, np.int8)
    columns = [column.of_rows() for column in codes]
    rejected = [_among(column, by_code) for column, by_code in zip(columns, reasons, strict=True)]
    rows = np.flatnonzero(np.logical_or.reduce(rejected))
    return rows, _first_reasons([column[rows] for column in columns], reasons)


def _may_reject(codes: Codes, by_code: Mapping[int, str]) -> bool:
    rejecting = np.flatnonzero(_among(codes.table, by_code))
    if codes.rows is None or not len(rejecting):
        return len(rejecting) > 0
    # Most often it is the null alone, which is the first of the table and which no row has.
    return len(rejecting) > 1 or rejecting[0] > 0 or not codes.rows.all()


def _among(codes: Table, by_code: Mapping[int, str]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (codes >= min(by_code)) & (codes <= max(by_code))
    return found


def _first_reasons(columns: list[Table], reasons: Reasons) -> NDArray[np.int8]:
    ways = [(column, code) for column, by_code in zip(columns, reasons, strict=True) for code in by_code]
    first = np.zeros(len(columns[0]), np.int8)
    for place, (column, code) in reversed([*enumerate(ways)]):
        first[column == code] = place
    return first
