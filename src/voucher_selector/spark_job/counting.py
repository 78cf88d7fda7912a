"""Counting pieces of objects on Spark, by the code that counts files in Lambda."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.parquet.column_names import NO_MAPPING, ColumnMapping, ColumnRule
from ingest.parquet.reader import Selection
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.results_bucket import ResultsBucket
from ingest.storage.s3_objects import open_object
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.listing import Piece, Task
from voucher_selector.spark_job.sums import FAILED, REPLACED, Path, Sums, combine, flatten_counts
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pyspark import SparkContext

MAX_SHUFFLE_PARTITIONS = 32
"""The sums are small, whatever the size of the dataset."""


@dataclass(frozen=True, slots=True)
class TaskCounter:
    """Counts the pieces of tasks.

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
            with open_object(s3_client(), piece.version) as file, RejectedRows(key) as rejected:
                callbacks = RowCallbacks(rejected.add)
                columns, deleted = piece.table_file or (None, None)
                selection = Selection(ColumnRule(self.mapping, key, columns), piece.part, deleted)
                counted = count_file(file, self.as_of, load_definitions(), callbacks, selection)
                results = ResultsBucket(s3_client(), self.results_bucket)
                rejected.store(results, f"{self.rejected}{piece.number:06d}-")
        except FileError as error:
            return [((FAILED, key, f"'{key}': {error}; {error.advice}"), 1)]
        except SupersededError:
            message = f"'{key}' was replaced or deleted while the dataset was counted; count it again"
            return [((REPLACED, key, message), 1)]
        return [*flatten_counts(counted, key)]


def count_with_spark(spark: SparkContext, tasks: Sequence[Task], counter: TaskCounter) -> Sums:
    """Run tasks on Spark; return the sums over all of them.

    Raises:
        py4j.protocol.Py4JJavaError: if a task fails at every attempt.
    """
    counted = spark.parallelize(tasks, len(tasks)).flatMap(counter.count_task)
    return dict(counted.reduceByKey(combine, min(len(tasks), MAX_SHUFFLE_PARTITIONS)).collect())
