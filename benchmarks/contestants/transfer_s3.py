"""The transfer of an object's needed columns with our requests, without counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.s3 import client
from ingest.parquet.read_ahead import BLOCK, ReadAhead
from ingest.parquet.reader import needed_columns, open_parquet
from ingest.storage.s3_objects import find_object, open_object

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> None:
    """Fetch the needed columns of an object."""
    s3 = client()
    with open_object(s3, find_object(s3, path.parent.name, path.name)) as file:
        groups = open_parquet(file, needed_columns(row_as_of=by_row)).row_groups
        if isinstance(file, ReadAhead):
            for chunk in (chunk for group in groups for chunk in group.chunks):
                for start in range(chunk.start, chunk.start + chunk.size, BLOCK):
                    file.seek(start)
                    file.read_buffer(min(BLOCK, chunk.start + chunk.size - start))
