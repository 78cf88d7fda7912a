"""The work of the ingest function on an object, without the commit, with its memory and imports.

The folder of the path is the bucket. AWS_ENDPOINT_URL is the URL of its server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants.ours import as_counts, as_of
from benchmarks.s3 import delayed
from ingest import handler
from ingest.config import limit_memory
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.results_bucket import ResultsBucket
from ingest.storage.s3_objects import find_object, open_object
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.segments import Counts


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count an object with read-ahead, and store its rejected rows beside it."""
    limit_memory()
    s3, bucket = delayed(handler.s3_client()), path.parent.name
    with open_object(s3, find_object(s3, bucket, path.name)) as file, RejectedRows() as rejected:
        counted = count_file(file, as_of(by_row=by_row), load_definitions(), RowCallbacks(rejected.add))
        rejected.store(ResultsBucket(s3, bucket), "rejected/")
    return as_counts(counted.contribution)
