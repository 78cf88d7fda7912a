"""Write segmented rows with awswrangler; importing this loads awswrangler and pandas."""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from types import TracebackType

import awswrangler as wr
import boto3
import pandas as pd
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from ingest.counting.dimensions import Dimensions
from ingest.counting.encoding import EncodedColumn
from ingest.row_outputs.segmented_rows import counted_rows, schema
from ingest.storage.partition_names import COUNTRY
from ingest.storage.results_bucket import ResultsBucket
from vouchers.segments import Definitions

# pandas warns the authors of awswrangler; a user's log does not need that.
warnings.filterwarnings("ignore", module="awswrangler")

FORMAT = {"coerce_timestamps": None, "flavor": None, "version": "2.6", "store_schema": False}
"""Timestamps stay in microseconds, and texts stay texts, whatever Arrow calls them."""

ROWS_AT_A_TIME = 1 << 18
"""Rows that are collected before they are written; each country among them gets a file."""


class SegmentedWriter(AbstractContextManager["SegmentedWriter"]):
    """Writes the counted rows of a file to a folder of the results bucket, some rows at a time.

    Use it as a context manager: an exception in the block deletes the folder.
    """

    def __init__(
        self, results: ResultsBucket, folder: str, definitions: Definitions, as_of: int | None
    ) -> None:
        """Write to ``folder``; ``as_of`` is what ``count_file`` takes."""
        self.folder = folder
        self._results = results
        self._definitions = definitions
        self._as_of = as_of
        self._unwritten: list[pa.RecordBatch] = []
        self._is_empty = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the folder after an exception; if that fails too, ``make replay`` deletes it."""
        if isinstance(error, Exception):
            with suppress(BotoCoreError, ClientError):
                self._results.delete([self.folder])

    def add(self, batch: pa.RecordBatch, columns: Sequence[EncodedColumn], dimensions: Dimensions) -> None:
        """Add the counted rows of a batch; ``count_file`` calls this for each batch."""
        self._unwritten.append(counted_rows(batch, columns, dimensions, self._definitions, self._as_of))
        if sum(map(len, self._unwritten)) >= ROWS_AT_A_TIME:
            self._write()

    def store(self) -> str | None:
        """Write the remaining rows; return the folder, or None if there are no rows, and no folder."""
        if any(map(len, self._unwritten)):
            self._write()
        return None if self._is_empty else self.folder

    def _write(self) -> None:
        rows = pa.Table.from_batches(self._unwritten, schema(self._definitions)).unify_dictionaries()
        self._unwritten.clear()
        self._is_empty = False
        frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
        frame[COUNTRY] = frame[COUNTRY].astype("category")
        wr.s3.to_parquet(
            frame,
            f"s3://{self._results.bucket}/{self.folder}",
            dataset=True,
            partition_cols=[COUNTRY],
            compression="zstd",
            # Counting leaves less than a core, and memory for one file at a time.
            use_threads=False,
            boto3_session=session(),
            pyarrow_additional_kwargs=dict(FORMAT),  # awswrangler adds the schema of each file to it
        )


@cache
def session() -> boto3.Session:
    """Return the session of the process, so that awswrangler loads the model of S3 once."""
    return boto3.Session()
