"""All that the ingest function does with an object but the commit, in its memory and with its imports.

The path's folder is the bucket, and AWS_ENDPOINT_URL leads to its server.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from benchmarks.contestants.ours import as_counts
from benchmarks.s3 import delayed
from benchmarks.segments import AS_OF, Counts
from ingest import handler
from ingest.as_of import microseconds
from ingest.count import count_file
from ingest.memory import limit_memory
from ingest.objects import Results, find_object, opened
from ingest.rejected import RejectedRows
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pathlib import Path


def count(path: Path, *, by_row: bool, cores: int) -> Counts:  # noqa: ARG001  (it uses what cores there are)
    """Count an object, read ahead of counting; store its rejected rows beside it."""
    limit_memory()
    s3, bucket = delayed(handler.s3_client()), path.parent.name
    as_of = None if by_row else microseconds(datetime.fromisoformat(f"{AS_OF}T00:00:00+00:00"))
    with opened(s3, find_object(s3, bucket, path.name)) as file, RejectedRows() as rejected:
        counted = count_file(file, as_of, load_definitions(), rejected.add)
        rejected.store(Results(s3, bucket), "rejected/")
    return as_counts(counted.contribution)
