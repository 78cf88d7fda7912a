"""Rows with their segments → a Parquet dataset in a folder of the results bucket that is theirs alone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from ingest.row_outputs.segmented_rows import counted_rows, schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from ingest.counting.dimensions import Dimensions
    from ingest.counting.encoding import Codes
    from ingest.storage.results_bucket import ResultsBucket
    from vouchers.segments import Definitions

ROWS_AT_A_TIME = 1 << 18
"""Rows that are held before they are written; each country among them gets a file of its own."""


class SegmentedRows:
    """Writes the rows of a file that count, some at a time, so that memory does not follow their number.

    ``folder`` is their name among the results; leaving the block by an error deletes it.
    """

    def __init__(
        self, results: ResultsBucket, folder: str, definitions: Definitions, as_of: int | None
    ) -> None:
        """Write into ``folder``; ``as_of`` is what recency is measured to, as ``count_file`` takes it."""
        self.folder = folder
        self._results = results
        self._definitions = definitions
        self._as_of = as_of
        self._unwritten: list[pa.RecordBatch] = []
        self._is_empty = True

    def __enter__(self) -> Self:
        """Return the rows."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the folder after an error; where that fails, too, it is left to be swept."""
        if isinstance(error, Exception):
            with suppress(BotoCoreError, ClientError):
                self._results.delete([self.folder])

    def add(self, batch: pa.RecordBatch, codes: Sequence[Codes], dimensions: Dimensions) -> None:
        """Add the rows of a batch that count; it is what ``count_file`` calls to ``keep`` them."""
        self._unwritten.append(counted_rows(batch, codes, dimensions, self._definitions, self._as_of))
        if sum(map(len, self._unwritten)) >= ROWS_AT_A_TIME:
            self._write()

    def store(self) -> str | None:
        """Write what is left; return the folder, or None where there are no rows, and so no folder."""
        if any(map(len, self._unwritten)):
            self._write()
        return None if self._is_empty else self.folder

    def _write(self) -> None:
        from ingest.row_outputs.awswrangler_dataset import write

        rows = pa.Table.from_batches(self._unwritten, schema(self._definitions)).unify_dictionaries()
        self._unwritten.clear()
        self._is_empty = False
        write(rows, f"s3://{self._results.bucket}/{self.folder}")
