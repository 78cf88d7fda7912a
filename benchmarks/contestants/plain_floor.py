"""The lower bound without dictionaries: decode the needed columns, count nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.contestants.floor import decode
from benchmarks.segments import needed_columns

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> None:
    """Decode a file in record batches, row group by row group."""
    decode(pq.ParquetFile(path), needed_columns(by_row=by_row), cores)
