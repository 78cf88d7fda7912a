"""awswrangler, which reads a million rows at a time from a local S3, and vectorised pandas."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import awswrangler as wr

from benchmarks.contestants.pandas_vectorised import count_frame
from benchmarks.segments import Counts, needed_columns

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1_000_000


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file; AWS_ENDPOINT_URL is the URL of a server of its folder."""
    url = f"s3://{path.parent.name}/{path.name}"
    columns = needed_columns(by_row=by_row)
    chunks = wr.s3.read_parquet(url, columns=columns, chunked=ROWS, use_threads=cores > 1)
    return sum((count_frame(frame, by_row=by_row) for frame in chunks), Counter())
