"""The lower bound: decode the needed columns with pyarrow, keep dictionaries, count nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.segments import needed_columns

if TYPE_CHECKING:
    from pathlib import Path

BATCH_ROWS = 1 << 16


def count(path: Path, *, by_row: bool, cores: int) -> None:
    """Decode a file in record batches, row group by row group."""
    columns = needed_columns(by_row=by_row)
    schema = pq.read_schema(path)
    texts = [name for name in columns if pa.types.is_string(schema.field(name).type)]
    decode(pq.ParquetFile(path, read_dictionary=texts), columns, cores)


def decode(file: pq.ParquetFile, columns: list[str], cores: int) -> None:
    """Decode columns batch by batch."""
    for group in range(file.num_row_groups):
        for _ in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns, use_threads=cores > 1):
            pass
