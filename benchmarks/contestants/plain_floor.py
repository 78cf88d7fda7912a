"""The floor without dictionaries: decoding the needed columns as they are, and doing nothing with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.contestants.floor import decode
from benchmarks.segments import needed_columns

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> None:
    """Decode a file in record batches, a row group at a time."""
    decode(pq.ParquetFile(path), needed_columns(by_row=by_row), cores)
