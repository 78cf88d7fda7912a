"""Parquet file → contribution, report and rejected rows: the steps of counting, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ingest.axes import KEPT, make_axes, reasons_of_rows
from ingest.columns import batches, file_errors, needed_columns, open_parquet
from ingest.errors import FileError
from ingest.report import Combinations, Report, report_on
from ingest.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import RawIOBase

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from vouchers.counts import Contribution
    from vouchers.segments import Definitions

    Rejected = Callable[[pa.RecordBatch, NDArray[np.int64], list[str]], None]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file contributes to the counts, and the report on its rows."""

    contribution: Contribution
    report: Report


def count_file(
    source: IO[bytes] | RawIOBase, as_of: int | None, definitions: Definitions, reject: Rejected | None = None
) -> Counted:
    """Count the voucher amounts of a Parquet file.

    Args:
        source: the file, opened for reading bytes, seekable.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        definitions: the segments to count by.
        reject: is given the rejected rows of a batch, their row numbers in the file (from 0, int64), and the
            reason of each.

    Raises:
        FileError: if the file cannot be counted.
    """
    try:
        return _count(source, as_of, definitions, reject)
    except MemoryError:
        raise FileError("counting it takes more memory than there is") from None


def _count(
    source: IO[bytes] | RawIOBase, as_of: int | None, definitions: Definitions, reject: Rejected | None
) -> Counted:
    columns = needed_columns(row_as_of=as_of is None)
    axes, row = make_axes(definitions, as_of), 0
    tally = Tally(len(axes.sizes))
    for batch in batches(open_parquet(source, columns)):
        with file_errors("its values cannot be read"):
            codes = axes.read(batch)
        tally.add(codes, axes.sizes)
        if reject and (reasons := reasons_of_rows(codes, axes.reasons)) is not None:
            _reject(reject, batch, reasons, axes.reasons, row)
        row += batch.num_rows
    return Counted(*report_on(Combinations(*tally.combinations()), axes, definitions))


def _reject(
    reject: Rejected,
    batch: pa.RecordBatch,
    reasons: NDArray[np.int64],
    names: tuple[tuple[str, ...], ...],
    row: int,
) -> None:
    rows = (reasons != KEPT).nonzero()[0]
    flat = [name for axis in names for name in axis]
    if len(rows):
        reject(batch.take(rows), rows + row, [flat[reason] for reason in reasons[rows]])
