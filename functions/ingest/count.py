"""Parquet file → contribution, report and rejected rows: the steps of counting, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from ingest.axes import make_axes
from ingest.buffers import as_arrow, as_texts
from ingest.columns import FIRST_ORDER, TIMESTAMP, batches, file_errors, needed_columns, open_parquet
from ingest.errors import FileError
from ingest.reasons import names_of, rejected_rows
from ingest.report import Combinations, Report, report_on
from ingest.tally import Tally
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import RawIOBase

    import numpy as np
    from numpy.typing import NDArray

    from ingest.axes import Axes
    from ingest.indexed import Codes
    from ingest.reasons import Reasons
    from vouchers.counts import Contribution
    from vouchers.segments import Definitions

    Rejected = Callable[[pa.RecordBatch, NDArray[np.int64], pa.DictionaryArray], None]
    Seen = Callable[[pa.RecordBatch, Sequence[Codes], Axes], None]

KEPT = (FIRST_ORDER, TIMESTAMP)
"""Columns that only whoever keeps the rows wants to see, where counting needs them not."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file contributes to the counts, and the report on its rows."""

    contribution: Contribution
    report: Report


def count_file(
    source: IO[bytes] | RawIOBase,
    as_of: int | None,
    definitions: Definitions,
    reject: Rejected | None = None,
    keep: Seen | None = None,
) -> Counted:
    """Count the voucher amounts of a Parquet file.

    Args:
        source: the file, opened for reading bytes, seekable.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        definitions: the segments to count by.
        reject: is given the rejected rows of a batch, their row numbers in the file (from 0, int64), and the
            reason of each (a dictionary of texts).
        keep: is given each batch, rejected rows and all, its codes along each axis, and the axes. The batch
            has the columns ``KEPT``, too, where the file has them.

    Raises:
        FileError: if the file cannot be counted.
    """
    try:
        return _count(source, as_of, definitions, reject, keep)
    except MemoryError:
        raise FileError("counting it takes more memory than there is") from None


def _count(
    source: IO[bytes] | RawIOBase,
    as_of: int | None,
    definitions: Definitions,
    reject: Rejected | None,
    keep: Seen | None,
) -> Counted:
    tenure = definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
    columns = needed_columns(row_as_of=as_of is None, tenure=tenure)
    axes, row = make_axes(definitions, as_of), 0
    tally = Tally(len(axes.sizes))
    for whole in batches(open_parquet(source, columns, KEPT if keep else ())):
        batch = whole.select(columns) if keep else whole
        with file_errors("its values cannot be read"):
            codes = axes.read(batch)
        tally.add(codes, axes.sizes)
        if reject:
            _reject(reject, batch, codes, axes.reasons, row)
        if keep:
            keep(whole, codes, axes)
        row += batch.num_rows
    return Counted(*report_on(Combinations(*tally.combinations()), axes, definitions))


def _reject(
    reject: Rejected, batch: pa.RecordBatch, codes: Sequence[Codes], reasons: Reasons, row: int
) -> None:
    rows, places = rejected_rows(codes, reasons)
    if len(rows):
        named = pa.DictionaryArray.from_arrays(as_arrow(places), as_texts(names_of(reasons)))
        reject(batch.take(as_arrow(rows)), rows + row, named)
