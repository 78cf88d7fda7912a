"""Parquet file → contribution, report and rejected rows: the steps of counting, composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from ingest import arrow
from ingest.counting.dimensions import make_dimensions, names_of, rejected_rows
from ingest.counting.histogram import Histogram
from ingest.counting.report import Combinations, report_on
from ingest.errors import FileError
from ingest.parquet.reader import (
    FIRST_ORDER,
    TIMESTAMP,
    WHOLE,
    batches,
    file_errors,
    needed_columns,
    open_parquet,
)
from vouchers.segments import Attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import RawIOBase

    import numpy as np
    from numpy.typing import NDArray

    from ingest.counting.dimensions import Dimensions, Reasons
    from ingest.counting.encoding import Codes
    from ingest.parquet.reader import Part
    from vouchers.counts import Contribution
    from vouchers.report import Report
    from vouchers.segments import Definitions

    Rejected = Callable[[pa.RecordBatch, NDArray[np.int64], pa.DictionaryArray], None]
    Seen = Callable[[pa.RecordBatch, Sequence[Codes], Dimensions], None]

KEPT = (FIRST_ORDER, TIMESTAMP)
"""Columns that only whoever keeps the rows wants to see, where counting needs them not."""


@dataclass(frozen=True, slots=True)
class RowCallbacks:
    """Who is told of rows, besides that they are counted.

    Attributes:
        reject: is given the rejected rows of a batch, their row numbers in the file (from 0, int64), and the
            reason of each (a dictionary of texts).
        keep: is given each batch, rejected rows and all, its codes along each axis, and the axes. The batch
            has the columns ``KEPT``, too, where the file has them.
    """

    reject: Rejected | None = None
    keep: Seen | None = None


NO_CALLBACKS = RowCallbacks()


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file contributes to the counts, and the report on its rows."""

    contribution: Contribution
    report: Report


def count_file(
    source: IO[bytes] | RawIOBase,
    as_of: int | None,
    definitions: Definitions,
    aside: RowCallbacks = NO_CALLBACKS,
    part: Part = WHOLE,
) -> Counted:
    """Count the voucher amounts of a Parquet file.

    Args:
        source: the file, opened for reading bytes, seekable.
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        definitions: the segments to count by.
        aside: who is told of rows, too.
        part: of the file; what its parts contribute, and what is reported on them, sums up to the file's.

    Raises:
        FileError: if the file cannot be counted.
    """
    try:
        return _count(source, as_of, definitions, aside, part)
    except MemoryError:
        raise FileError("counting it takes more memory than there is") from None


def _count(
    source: IO[bytes] | RawIOBase,
    as_of: int | None,
    definitions: Definitions,
    aside: RowCallbacks,
    part: Part,
) -> Counted:
    tenure = definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
    columns = needed_columns(row_as_of=as_of is None, tenure=tenure)
    dimensions = make_dimensions(definitions, as_of)
    histogram = Histogram(len(dimensions.sizes))
    file = open_parquet(source, columns, KEPT if aside.keep else (), part)
    row = file.first_row
    for whole in batches(file):
        batch = whole.select(columns) if aside.keep else whole
        with file_errors("its values cannot be read"):
            codes = dimensions.read(batch)
        histogram.add(codes, dimensions.sizes)
        if aside.reject:
            _reject(aside.reject, batch, codes, dimensions.reasons, row)
        if aside.keep:
            aside.keep(whole, codes, dimensions)
        row += batch.num_rows
    return Counted(*report_on(Combinations(*histogram.combinations()), dimensions, definitions))


def _reject(
    reject: Rejected, batch: pa.RecordBatch, codes: Sequence[Codes], reasons: Reasons, row: int
) -> None:
    rows, places = rejected_rows(codes, reasons)
    if len(rows):
        named = pa.DictionaryArray.from_arrays(arrow.from_numpy(places), arrow.from_texts(names_of(reasons)))
        reject(batch.take(arrow.from_numpy(rows)), rows + row, named)
