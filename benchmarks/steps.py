"""The CPU time of each step of counting, in nanoseconds per row."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.contestants.ours import as_of
from ingest.counting.dimensions import Dimensions
from ingest.counting.histogram import Histogram
from ingest.counting.report import make_report
from ingest.parquet.column_names import AMOUNT, COUNTRY, LAST_ORDER, ORDERS
from ingest.parquet.reader import batches, needed_columns, open_parquet
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.counting.encoding import EncodedColumn

Step = tuple[str, "Callable[[pa.RecordBatch], EncodedColumn]"]


def steps(path: Path, runs: int) -> dict[str, float]:
    """Count a file several times; return the CPU nanoseconds per row by step, of the fastest count."""
    return min((_once(path) for _ in range(runs)), key=lambda spent: sum(spent.values()))


def _once(path: Path) -> dict[str, float]:
    spent: Counter[str] = Counter()
    definitions, rows = load_definitions(), 0
    dimensions = Dimensions(definitions, as_of(by_row=False))
    histogram, of_axes = Histogram(len(dimensions.sizes)), _of_axes(dimensions)
    with pa.OSFile(str(path)) as source:
        file = open_parquet(source, needed_columns(row_as_of=False))
        file.threads = False  # or the CPU time of a step would be that of decoding, too
        clock = time.process_time_ns()
        with batches(file) as read:
            for batch in read:
                clock = _add(spent, "decode and guard", clock)
                codes = []
                for name, encode in of_axes:
                    codes.append(encode(batch))
                    clock = _add(spent, name, clock)
                histogram.add(codes, dimensions.sizes)
                clock = _add(spent, "look up, combine, count", clock)
                rows += batch.num_rows
        make_report(histogram.combinations(), dimensions, definitions)
    _add(spent, "report", clock)
    return {name: nanoseconds / rows for name, nanoseconds in spent.items()}


def _of_axes(dimensions: Dimensions) -> list[Step]:
    return [
        ("country", lambda batch: dimensions.country.read(batch.column(COUNTRY))),
        ("last order", lambda batch: dimensions.recency.read(batch.column(LAST_ORDER), None)),
        ("orders", lambda batch: dimensions.orders.read(batch.column(ORDERS))),
        ("amount", lambda batch: dimensions.amount.read(batch.column(AMOUNT))),
    ]


def _add(spent: Counter[str], step: str, since: int) -> int:
    now = time.process_time_ns()
    spent[step] += now - since
    return now
