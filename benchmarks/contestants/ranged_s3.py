"""Our counting of an object with a range request for each read, without read-ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants.ours import count_source
from benchmarks.s3 import client
from ingest.parquet.read_ahead import ReadAhead, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.segments import Counts


class Ranged(ReadAhead):
    """A file without read-ahead."""

    def expect(self, groups: Iterable[Sequence[Span]]) -> None:
        """Expect nothing."""


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count an object."""
    s3, bucket, key = client(), path.parent.name, path.name

    def fetch(start: int, end: int) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")["Body"].read()

    with Ranged(fetch, s3.head_object(Bucket=bucket, Key=key)["ContentLength"]) as file:
        return count_source(file, by_row=by_row)
