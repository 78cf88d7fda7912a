"""Tasks → sums, on Spark: every piece is counted by the code that counts files in Lambda."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING

from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError, SupersededError
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.results_bucket import ResultsBucket
from ingest.storage.s3_objects import open_object
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.sums import FAILED, REPLACED, sums_of
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark import SparkContext

    from voucher_selector.spark_job.listing import Piece, Task
    from voucher_selector.spark_job.sums import Path, Sums

MAX_SHUFFLES = 32
"""Parts that the sums are added up in: they are small, however much was counted."""


@dataclass(frozen=True, slots=True)
class Counting:
    """How pieces are counted.

    Attributes:
        as_of: microseconds since 1970 (UTC) to which recency is measured; None for each row's ``timestamp``.
        results_bucket: where rejected rows go.
        rejected: the folder there, ending in a slash. A piece that is counted again stores the same again.
    """

    as_of: int | None
    results_bucket: str
    rejected: str

    def sums(self, task: Task) -> list[tuple[Path, int]]:
        """Count the pieces of a task; an object that cannot be counted has its sentence in their place.

        Raises:
            botocore.exceptions.ClientError: if S3 refuses; Spark tries the task again.
        """
        return [each for piece in task for each in self._of(piece)]

    def _of(self, piece: Piece) -> Iterator[tuple[Path, int]]:
        key = piece.version.key
        try:
            yield from self._counted(piece)
        except FileError as error:
            yield (FAILED, key, f"'{key}': {error}; {error.advice}"), 1
        except SupersededError:
            said = f"'{key}' was replaced or deleted while the dataset was counted; count it again"
            yield (REPLACED, key, said), 1

    def _counted(self, piece: Piece) -> list[tuple[Path, int]]:
        with open_object(s3_client(), piece.version) as file, RejectedRows(piece.version.key) as rejected:
            counted = count_file(file, self.as_of, load_definitions(), RowCallbacks(rejected.add), piece.part)
            results = ResultsBucket(s3_client(), self.results_bucket)
            rejected.store(results, f"{self.rejected}{piece.number:06d}-")
        return [*sums_of(counted)]


def count_on(spark: SparkContext, tasks: Sequence[Task], counting: Counting) -> Sums:
    """Have Spark carry out tasks, and return the sums over all of them.

    Raises:
        py4j.protocol.Py4JJavaError: if a task failed as often as Spark tries it.
    """
    counted = spark.parallelize(tasks, len(tasks)).flatMap(counting.sums)
    return dict(counted.reduceByKey(add, min(len(tasks), MAX_SHUFFLES)).collect())
