"""Count a Parquet file: its contribution to the counts, the report on its rows, and its rejected rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import RawIOBase
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.dimensions import Dimensions, rejected_rows
from ingest.counting.encoding import EncodedColumn
from ingest.counting.histogram import Histogram
from ingest.counting.report import Examples, make_report
from ingest.errors import OUT_OF_MEMORY, FileError
from ingest.parquet import reader
from ingest.parquet.column_names import FIRST_ORDER, TIMESTAMP
from vouchers.counts import Contribution
from vouchers.report import Report
from vouchers.segments import Attribute, Definitions

RejectCallback = Callable[[pa.RecordBatch, NDArray[np.int64], pa.DictionaryArray], None]
BatchCallback = Callable[[pa.RecordBatch, Sequence[EncodedColumn], Dimensions], None]

OPTIONAL_COLUMNS = (FIRST_ORDER, TIMESTAMP)
"""Columns that are read for ``RowCallbacks.keep`` if the file has them."""


@dataclass(frozen=True, slots=True)
class RowCallbacks:
    """Functions to call for the rows of a file.

    Attributes:
        reject: called with the rejected rows of a batch, their row numbers in the file (from 0, int64) and
            their reasons (a dictionary of texts).
        keep: called with each batch, rejected rows included, its codes in each dimension and the dimensions.
            The batch has ``OPTIONAL_COLUMNS`` if the file has them.
    """

    reject: RejectCallback | None = None
    keep: BatchCallback | None = None


NO_CALLBACKS = RowCallbacks()


@dataclass(frozen=True, slots=True)
class Counted:
    """The contribution of a file to the counts, and the report on its rows.

    The report has examples of rejected rows if there is a callback for them.
    """

    contribution: Contribution
    report: Report


def count_file(
    source: IO[bytes] | RawIOBase,
    as_of: int | None,
    definitions: Definitions,
    callbacks: RowCallbacks = NO_CALLBACKS,
    selection: reader.Selection = reader.EVERYTHING,
) -> Counted:
    """Count the voucher amounts of a Parquet file.

    Args:
        source: the file, open for reading bytes, seekable.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        definitions: the segments.
        callbacks: called for the rows.
        selection: where its columns are, and the part of it to count. The results of all parts add up to
            those of the file.

    Raises:
        FileError: if the file cannot be counted.
    """
    tenure = definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
    columns = reader.needed_columns(row_as_of=as_of is None, tenure=tenure)
    dimensions = Dimensions(definitions, as_of)
    reasons = dimensions.reasons
    histogram, examples = Histogram(len(dimensions.sizes)), Examples()
    try:
        optional = [name for name in OPTIONAL_COLUMNS if callbacks.keep and name not in columns]
        file = reader.open_parquet(source, columns, optional, selection)
        first_row = file.first_row
        with reader.batches(file) as batches:
            for read in batches:
                whole, left = drop_rows(read, first_row, selection.deleted)
                batch = whole.select(columns) if callbacks.keep else whole
                with reader.file_errors("its values cannot be read"):
                    encoded = dimensions.read(batch)
                histogram.add(encoded, dimensions.sizes)
                if callbacks.reject:
                    rows, indices = rejected_rows(encoded, reasons)
                    if len(rows):
                        texts = arrow.from_texts([name for by_code in reasons for name in by_code.values()])
                        row_reasons = pa.DictionaryArray.from_arrays(arrow.from_numpy(indices), texts)
                        numbers = first_row + (rows if left is None else left[rows])
                        rejected = batch.take(arrow.from_numpy(rows)), numbers, row_reasons
                        examples.add(*rejected)
                        callbacks.reject(*rejected)
                if callbacks.keep:
                    callbacks.keep(whole, encoded, dimensions)
                first_row += read.num_rows
        contribution, report = make_report(histogram.combinations(), dimensions, definitions)
        return Counted(contribution, replace(report, rejected_examples=examples.by_reason))
    except MemoryError:
        raise FileError(f"counting it {OUT_OF_MEMORY}") from None


def drop_rows(
    batch: pa.RecordBatch, first_row: int, deleted: NDArray[np.int64] | None
) -> tuple[pa.RecordBatch, NDArray[np.int64] | None]:
    """Return a batch without its deleted rows, and the positions of the other rows; None if none is deleted.

    Args:
        batch: rows of a file.
        first_row: the number of the batch's first row in the file.
        deleted: numbers of deleted rows in the file, ascending; None for none.
    """
    if deleted is None:
        return batch, None
    start, end = np.searchsorted(deleted, [first_row, first_row + batch.num_rows])
    if start == end:
        return batch, None
    left = np.delete(np.arange(batch.num_rows), deleted[start:end] - first_row)
    return batch.take(arrow.from_numpy(left)), left
