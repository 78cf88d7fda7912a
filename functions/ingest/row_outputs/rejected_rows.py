"""Write the rejected rows of a file to a Parquet object in the results bucket, and an excerpt for the API."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import ENOSPC
from io import BufferedRandom

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.parsing import decoded
from ingest.errors import FileError
from ingest.parquet import reader
from ingest.storage.results_bucket import ResultsBucket
from vouchers.report import MAX_EXCERPT_ROWS

VALUES = tuple(reader.ACCEPTED)
TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [("row", pa.int64()), ("reason", pa.dictionary(pa.int8(), pa.string())), *((n, TEXT) for n in VALUES)]
)
"""The number of the row in its file, from 0, the reason for its rejection, and its values as text.

Texts are passed on as dictionaries; in the object they are plain texts.
"""
DATASET_SCHEMA = pa.schema([("object", TEXT), *SCHEMA])
"""The columns for a source of many objects, with the key of the object of each row."""

SPLIT = "upload a corrected file under the same key, or split it"

GROUP_ROWS = 1 << 16
"""Rows that are written at a time, to avoid many small row groups."""

MAX_EXCERPT_TEXT = 60
"""Characters of a value in the excerpt, which an answer of the API holds as a whole."""


class RejectedRows(AbstractContextManager["RejectedRows"]):
    """Collects rejected rows in a temporary file, so that memory does not grow with their number.

    Use it as a context manager, which removes the temporary file.
    """

    def __init__(self, key: str | None = None) -> None:
        """Collect rows; ``key`` is the key of their object if the source has many objects."""
        self._key = key
        self._schema = DATASET_SCHEMA if key else SCHEMA
        self._file: BufferedRandom | None = None
        self._writer: pq.ParquetWriter | None = None
        self._unwritten: list[pa.RecordBatch] = []
        self._excerpt: list[dict[str, object]] = []

    def __exit__(self, *_: object) -> None:
        """Remove the temporary file."""
        with suppress(OSError):  # the disk may be full
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            if self._file is not None:
                self._file.close()

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        """Add rows, with their numbers in the file and their reasons.

        Raises:
            FileError: if the disk is full.
        """
        columns = [arrow.from_numpy(rows), reasons, *(column_as_text(batch, name) for name in VALUES)]
        if not self._key and len(self._excerpt) < MAX_EXCERPT_ROWS:
            self._excerpt += excerpt(columns, MAX_EXCERPT_ROWS - len(self._excerpt))
        if self._key:
            zeros, key = arrow.from_numpy(np.zeros(len(rows), np.int32)), arrow.from_texts([self._key])
            columns.insert(0, pa.DictionaryArray.from_arrays(zeros, key))
        self._unwritten.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        if sum(map(len, self._unwritten)) >= GROUP_ROWS:
            self._write()

    def store(self, results: ResultsBucket, prefix: str) -> str | None:
        """Store the rows under ``prefix`` and a digest; return the key, or None if there are no rows.

        The key and ``.json`` is that of the first rows as JSON, unless the source has many objects.

        Raises:
            FileError: if the disk is full.
        """
        if self._unwritten:
            self._write()
        if self._file is None or self._writer is None:
            return None
        with full_disk():
            self._writer.close()
            self._file.seek(0)
        key = f"{prefix}{hashlib.file_digest(self._file, 'sha256').hexdigest()[:16]}.parquet"
        results.store_file(key, self._file)
        if self._excerpt:
            results.write_text(f"{key}.json", json.dumps(self._excerpt, ensure_ascii=False))
        return key

    def _write(self) -> None:
        rows = pa.Table.from_batches(self._unwritten).unify_dictionaries()
        self._unwritten.clear()
        with full_disk():
            if self._writer is None:
                # It has no name, so nothing is left if the process is killed.
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
                texts = [name for name in self._schema.names if name != "row"]
                self._writer = pq.ParquetWriter(
                    self._file, self._schema, compression="zstd", use_dictionary=texts, store_schema=False
                )
            self._writer.write_table(rows)


def excerpt(columns: list[pa.Array], limit: int) -> list[dict[str, object]]:
    """Return the first rows of columns in the order of ``SCHEMA``, with long texts cut."""
    first = []
    for column in columns:
        values = column[:limit]
        if isinstance(values, pa.DictionaryArray):
            values = pc.utf8_slice_codeunits(values.dictionary_decode(), 0, MAX_EXCERPT_TEXT)
        first.append(values)
    return pa.RecordBatch.from_arrays(first, names=SCHEMA.names).to_pylist()  # type: ignore[no-any-return] # pyarrow ships no types


@contextmanager
def full_disk() -> Iterator[None]:
    """Convert the error of a full disk into a ``FileError``."""
    try:
        yield
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        raise FileError("its rejected rows take more space than the function has", SPLIT) from None


def column_as_text(batch: pa.RecordBatch, name: str) -> pa.DictionaryArray:
    """Return a column of a batch as a dictionary of texts; null if there is no such column."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, TEXT)
    column, indices = batch.column(name), None
    if isinstance(column, pa.DictionaryArray):
        if len(column.dictionary) > len(column):  # most entries are not of these rows
            column = column.dictionary_decode().dictionary_encode()
        column, indices = column.dictionary, column.indices
    if pa.types.is_timestamp(column.type):
        # In UTC: the name of a zone may be unknown here, or invalid.
        column = column.view(pa.timestamp(column.type.unit))
    texts = decoded(column) if arrow.is_text(column.type) else column.cast(pa.string())
    return texts.dictionary_encode() if indices is None else pa.DictionaryArray.from_arrays(indices, texts)
