"""Examples of rejected rows: the first of each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ingest import arrow
from ingest.counting.parsing import decoded
from vouchers.report import RejectedExample
from vouchers.text import truncate

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_EXAMPLES = 3
"""Examples of each reason."""


class Examples:
    """Collects the first rejected rows of each reason.

    Attributes:
        by_reason: the examples by reason, in the order of the rows.
    """

    def __init__(self) -> None:
        self.by_reason: dict[str, list[RejectedExample]] = {}

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        """Add rejected rows, with their numbers in the file and their reasons.

        The value of an example is that of the column with which the name of its reason begins.
        """
        indices = arrow.values(reasons.indices, np.int8)
        for index in np.unique(indices).tolist():
            reason = reasons.dictionary[index].as_py()
            column = batch.column(next(name for name in batch.schema.names if reason.startswith(name)))
            found = self.by_reason.setdefault(reason, [])
            for place in np.flatnonzero(indices == index)[: MAX_EXAMPLES - len(found)].tolist():
                found.append(RejectedExample(int(rows[place]), text_at(column, place)))


def text_at(column: pa.Array, place: int) -> str | None:
    """Return a value of a column as a short text; None for a null."""
    entry = column[place : place + 1]
    if isinstance(entry, pa.DictionaryArray):
        entry = entry.dictionary_decode()
    value = (decoded(entry) if arrow.is_text(entry.type) else entry)[0].as_py()
    return None if value is None else truncate(str(value))
