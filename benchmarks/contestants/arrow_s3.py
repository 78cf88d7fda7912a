"""Our counting of an object, read by pyarrow's S3 client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyarrow import fs

from benchmarks.contestants.ours import count_source

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.segments import Counts


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count an object."""
    s3 = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], allow_bucket_creation=False)
    with s3.open_input_file(f"{path.parent.name}/{path.name}") as file:
        return count_source(file, by_row=by_row)
