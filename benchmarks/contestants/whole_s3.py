"""Our counting of an object that is downloaded first."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from benchmarks.contestants.ours import count_source
from benchmarks.s3 import client

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.segments import Counts


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count an object."""
    body = client().get_object(Bucket=path.parent.name, Key=path.name)["Body"].read()
    return count_source(io.BytesIO(body), by_row=by_row)
