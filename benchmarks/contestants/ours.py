"""The project's own counting, by the entry that the ingest function calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.segments import AS_OF, Counts
from ingest.as_of import microseconds
from ingest.count import count_file
from vouchers.counts import SPELLINGS
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pathlib import Path

    from vouchers.counts import Contribution


def count(path: Path, *, by_row: bool, cores: int) -> Counts:  # noqa: ARG001  (it uses what cores there are)
    """Count a file."""
    as_of = None if by_row else microseconds(datetime.fromisoformat(f"{AS_OF}T00:00:00+00:00"))
    with pa.OSFile(str(path)) as file:
        return _as_counts(count_file(file, as_of, load_definitions()).contribution)


def _as_counts(contribution: Contribution) -> Counts:
    counts: Counts = Counter()
    for (country, name), counters in contribution.items():
        if name != SPELLINGS:
            segment, held = name.split("#")
            low = int(held.split("-")[0])
            counts.update({(country, segment, low, float(a)): rows for a, rows in counters.items()})
    return counts
