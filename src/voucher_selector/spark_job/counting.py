"""Counting pieces of objects on Spark, by the code that counts files elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase
from typing import IO, TYPE_CHECKING, Any

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.parquet.column_names import NO_MAPPING, ColumnMapping, ColumnRule
from ingest.parquet.reader import Selection
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.results_bucket import ResultsBucket
from ingest.storage.s3_objects import open_object
from voucher_selector.dated_uses import UseCounter, flatten_uses
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.listing import Piece, Task
from voucher_selector.spark_job.sums import FAILED, REPLACED, Path, Sums, combine, flatten_counts
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pyspark import SparkContext

MAX_SHUFFLE_PARTITIONS = 32
"""The sums are small, whatever the size of the dataset."""


class PieceCounter(ABC):
    """Counts the pieces of tasks; ``mapping`` has the names of columns."""

    __slots__ = ()
    mapping: ColumnMapping

    @abstractmethod
    def count_file(
        self, piece: Piece, file: IO[bytes] | RawIOBase, selection: Selection
    ) -> Iterable[tuple[Path, Any]]:
        """Count what is selected of a piece's object.

        Raises:
            FileError: if it cannot be counted.
        """

    def count_task(self, task: Task) -> list[tuple[Path, Any]]:
        """Count all pieces of a task.

        Raises:
            botocore.exceptions.ClientError: if S3 refuses; Spark retries the task.
        """
        return [pair for piece in task for pair in self.count_piece(piece)]

    def count_piece(self, piece: Piece) -> list[tuple[Path, Any]]:
        """Count one piece, or return an error message if its object cannot be counted."""
        key = piece.version.key
        try:
            with open_object(s3_client(), piece.version) as file:
                columns, deleted = piece.table_file or (None, None)
                selection = Selection(ColumnRule(self.mapping, key, columns), piece.part, deleted)
                return [*self.count_file(piece, file, selection)]
        except FileError as error:
            return [((FAILED, key, f"'{key}': {error}; {error.advice}"), 1)]
        except SupersededError:
            message = f"'{key}' was replaced or deleted while it was read; start the run again"
            return [((REPLACED, key, message), 1)]


@dataclass(frozen=True, slots=True)
class TaskCounter(PieceCounter):
    """Counts pieces by segment.

    Attributes:
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        results_bucket: the bucket of the rejected rows.
        rejected: their prefix, ending in a slash. A retried piece writes the same objects again.
        mapping: the names of columns.
    """

    as_of: int | None
    results_bucket: str
    rejected: str
    mapping: ColumnMapping = NO_MAPPING

    def count_file(
        self, piece: Piece, file: IO[bytes] | RawIOBase, selection: Selection
    ) -> Iterable[tuple[Path, Any]]:
        """Count the uses, and write the rejected rows."""
        key = piece.version.key
        with RejectedRows(key) as rejected:
            counted = count_file(file, self.as_of, load_definitions(), RowCallbacks(rejected.add), selection)
            results = ResultsBucket(s3_client(), self.results_bucket)
            rejected.store(results, f"{self.rejected}{piece.number:06d}-")
        return flatten_counts(counted, key)


@dataclass(frozen=True, slots=True)
class DatedUseCounter(PieceCounter):
    """Counts the uses of pieces before and from ``until`` on; ``as_of`` is what ``UseCounter`` takes."""

    until: datetime
    as_of: datetime | None
    mapping: ColumnMapping = NO_MAPPING

    def count_file(
        self,
        piece: Piece,  # noqa: ARG002 - only rejected rows need it
        file: IO[bytes] | RawIOBase,
        selection: Selection,
    ) -> Iterable[tuple[Path, Any]]:
        """Count the uses."""
        counter = UseCounter(load_definitions(), self.until, self.as_of)
        counter.read(file, selection)
        return flatten_uses(counter.uses())


def count_with_spark(spark: SparkContext, tasks: Sequence[Task], counter: PieceCounter) -> Sums:
    """Run tasks on Spark; return the sums over all of them.

    Raises:
        py4j.protocol.Py4JJavaError: if a task fails at every attempt.
    """
    counted = spark.parallelize(tasks, len(tasks)).flatMap(counter.count_task)
    return dict(counted.reduceByKey(combine, min(len(tasks), MAX_SHUFFLE_PARTITIONS)).collect())
