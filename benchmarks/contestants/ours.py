"""Our counting, through the function that the ingest function calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from benchmarks.segments import AS_OF, Counts
from ingest.counting.as_of import microseconds
from ingest.counting.count_file import count_file
from vouchers.counts import SPELLINGS
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from io import RawIOBase
    from pathlib import Path

    from vouchers.counts import Contribution


def count(path: Path, *, by_row: bool, cores: int) -> Counts:
    """Count a file."""
    with pa.OSFile(str(path)) as file:
        return count_source(file, by_row=by_row)


def count_source(source: IO[bytes] | RawIOBase, *, by_row: bool) -> Counts:
    """Count a seekable file."""
    return as_counts(count_file(source, as_of(by_row=by_row), load_definitions()).contribution)


def as_of(*, by_row: bool) -> int | None:
    """Return the as-of date in the form of ``count_file``."""
    return None if by_row else microseconds(datetime.fromisoformat(f"{AS_OF}T00:00:00+00:00"))


def as_counts(contribution: Contribution) -> Counts:
    """Return a contribution as ``Counts``."""
    counts: Counts = Counter()
    for (country, name), counters in contribution.items():
        if name != SPELLINGS:
            segment, content = name.split("#")
            low = int(content.split("-")[0])
            counts.update({(country, segment, low, float(a)): rows for a, rows in counters.items()})
    return counts
