"""Rejected rows → one Parquet object a source, in the results bucket."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest import arrow
from ingest.counting.parsing import decoded
from ingest.parquet import reader as columns

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from ingest.storage.results_bucket import ResultsBucket

VALUES = (
    columns.COUNTRY,
    columns.LAST_ORDER,
    columns.FIRST_ORDER,
    columns.TIMESTAMP,
    columns.ORDERS,
    columns.AMOUNT,
)
TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [("row", pa.int64()), ("reason", pa.dictionary(pa.int8(), pa.string())), *((n, TEXT) for n in VALUES)]
)
"""The row's number in its file, from 0; why it was rejected; and what it held, as text.

Texts go from dictionary to dictionary; in the file they are texts like any other.
"""
OF_MANY = pa.schema([("object", TEXT), *SCHEMA])
"""The same, where a source has many objects: with the key of the row's own."""

GROUP_ROWS = 1 << 16
"""Rows that are written at a time, so that the file does not become one of many small row groups."""


class RejectedRows:
    """Collects rejected rows in a temporary file, so that memory does not follow their number."""

    def __init__(self, key: str | None = None) -> None:
        """Collect those of a source's only object, or those of the one with a key among many."""
        self._key = key
        self._schema = OF_MANY if key else SCHEMA
        self._folder = tempfile.TemporaryDirectory(prefix="rejected-")
        self._file = Path(self._folder.name) / "rows.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._unwritten: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        """Return the collection; leaving it removes the temporary file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file."""
        self._close()
        self._folder.cleanup()

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        """Add rows with their numbers in the file and the reason of each."""
        held = [arrow.from_numpy(rows), reasons, *(_as_text(batch, name) for name in VALUES)]
        if self._key:
            held.insert(0, _repeated(self._key, len(rows)))
        self._unwritten.append(pa.RecordBatch.from_arrays(held, schema=self._schema))
        if sum(map(len, self._unwritten)) >= GROUP_ROWS:
            self._write()

    def store(self, results: ResultsBucket, prefix: str) -> str | None:
        """Store the rows among the results, under a key of ``prefix`` and their digest; return the key.

        None where there are no rows, and then nothing is stored.
        """
        if self._unwritten:
            self._write()
        if self._writer is None:
            return None
        self._close()
        key = f"{prefix}{_digest(self._file)}.parquet"
        results.store_file(key, self._file)
        return key

    def _write(self) -> None:
        if self._writer is None:
            texts = [name for name in self._schema.names if name != "row"]
            self._writer = pq.ParquetWriter(
                self._file, self._schema, compression="zstd", use_dictionary=texts, store_schema=False
            )
        self._writer.write_table(pa.Table.from_batches(self._unwritten).unify_dictionaries())
        self._unwritten.clear()

    def _close(self) -> None:
        if self._writer is not None and self._writer.is_open:
            self._writer.close()


def _repeated(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        arrow.from_numpy(np.zeros(rows, np.int32)), arrow.from_texts([text])
    )


def _as_text(batch: pa.RecordBatch, name: str) -> pa.DictionaryArray:
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, TEXT)
    column = batch.column(name)
    if not isinstance(column, pa.DictionaryArray):
        return _written(column).dictionary_encode()
    if len(column.dictionary) > len(column):  # more than these rows hold
        column = column.dictionary_decode().dictionary_encode()
    return pa.DictionaryArray.from_arrays(column.indices, _written(column.dictionary))


def _written(values: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        # In UTC: a name of a zone may be unknown here, or be none.
        values = values.view(pa.timestamp(values.type.unit))
    return decoded(values) if arrow.is_text(values.type) else values.cast(pa.string())


def _digest(file: Path) -> str:
    with file.open("rb") as rows:
        return hashlib.file_digest(rows, "sha256").hexdigest()[:16]
