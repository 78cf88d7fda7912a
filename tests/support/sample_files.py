"""Files of voucher uses: small, dirty, wide, empty and broken ones."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.support import oracle
from tests.support.stack_harness import UPLOADED, Cells, parquet

NAMES = ("country_code", "last_order_ts", "timestamp", "total_orders", "voucher_amount")
Rows = list[dict[str, Any]]


def sample_rows(*values: tuple[Any, ...]) -> Rows:
    """Return rows from tuples of the values of ``NAMES``."""
    return [dict(zip(NAMES, row, strict=True)) for row in values]


def file_of(content: Rows, **options: Any) -> bytes:
    """Return rows as a Parquet file: amounts as float64, all other columns as text."""
    kinds = {"voucher_amount": pa.float64()}
    columns = {n: pa.array([row[n] for row in content], kinds.get(n, pa.string())) for n in NAMES}
    return parquet(pa.table(columns), **options)


PERU = sample_rows(
    ("Peru", "2020-01-01", "2020-03-01", "3", 2640.0),
    ("Peru", "2026-10-01", "2026-11-01", "", None),
    ("PERU", None, None, "4.5", 3520.0),
)
CHINA = sample_rows(
    *[("China", "2020-01-01", "2020-03-01", str(n), 1000.0 * (n % 3)) for n in range(0, 60, 3)]
)
DIRTY = sample_rows(
    (None, "2020-01-01", "2020-03-01", "1", 1.0),
    ("Peru", "2020-01-01", "2020-03-01", "-1", 2640.0),
    ("Peru", "2020-01-01", "2020-03-01", "1", 2640.0),
)
# More cells than one transaction takes, of which some are Peru's.
WIDE = PERU + sample_rows(*[(f"Country {n}", "2020-01-01", "2020-03-01", str(n), 5.0) for n in range(80)])
FILES: dict[str, Rows] = {"peru": PERU, "china": CHINA, "dirty": DIRTY, "wide": WIDE, "none": []}
BROKEN = b"PAR1 and then nothing of the kind"


def body(name: str) -> bytes:
    """Return the file of ``FILES`` with this name, or a broken file for any other name."""
    return file_of(FILES[name]) if name in FILES else BROKEN


def expected(files: list[Rows], segments: oracle.Segments = oracle.SEGMENTS) -> Cells:
    """Return the counters of a fresh count of some files, as of their upload."""
    cells = oracle.count([row for content in files for row in content], UPLOADED, segments).cells
    return {
        cell: {f"as:{name}" if cell[1] == "#spellings" else name: n for name, n in counters.items()}
        for cell, counters in cells.items()
    }
