from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting.count_file import Counted, RowCallbacks, count_file
from ingest.parquet.reader import WHOLE, Part, Selection
from tests.support.sample_files import DIRTY, WIDE, file_of
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = WIDE + DIRTY
GROUPS = st.integers(1, len(ROWS) + 1)


@given(row_groups=st.integers(0, 200), of=st.integers(1, 300))
def test_each_row_group_is_in_one_part(row_groups: int, of: int) -> None:
    together = [group for number in range(of) for group in Part(number, of).among(row_groups)]
    assert together == [*range(row_groups)]


@given(rows=st.integers(0, len(ROWS)), group=GROUPS, of=st.integers(1, 8), by_row=st.booleans())
def test_parts_sum_up_to_the_file(rows: int, group: int, of: int, by_row: bool) -> None:
    file = file_of(ROWS[-rows:] if rows else [], row_group_size=group)
    whole, rejected = count(file, by_row=by_row)
    parts = [count(file, Part(number, of), by_row=by_row) for number in range(of)]
    assert summed(counted for counted, _ in parts) == summed([whole])
    assert [row for _, of_part in parts for row in of_part] == rejected


@given(deleted=st.sets(st.integers(0, len(ROWS) - 1)), group=GROUPS, of=st.integers(1, 4))
def test_deleted_rows_are_as_if_they_had_not_been_written(deleted: set[int], group: int, of: int) -> None:
    left = [number for number in range(len(ROWS)) if number not in deleted]
    without, rejected = count(file_of([ROWS[number] for number in left]), by_row=False)
    file, gone = file_of(ROWS, row_group_size=group), np.array(sorted(deleted), np.int64)
    parts = [count(file, Part(number, of), gone, by_row=False) for number in range(of)]
    assert summed(counted for counted, _ in parts) == summed([without])
    assert [row for _, of_part in parts for row in of_part] == [(left[n], reason) for n, reason in rejected]


def count(
    file: bytes, part: Part = WHOLE, deleted: Any = None, *, by_row: bool
) -> tuple[Counted, list[tuple[int, str]]]:
    """Count a part of a file; return also the numbers and reasons of its rejected rows."""
    rejected: list[tuple[int, str]] = []

    def reject(_: pa.RecordBatch, rows: Any, reasons: pa.DictionaryArray) -> None:
        rejected.extend(zip(np.asarray(rows).tolist(), reasons.to_pylist(), strict=True))

    counted = count_file(
        io.BytesIO(file),
        None if by_row else 0,
        load_definitions(),
        RowCallbacks(reject),
        Selection(part=part, deleted=deleted),
    )
    return counted, rejected


def summed(parts: Any) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for part in parts:
        total.update(
            {(*cell, name): n for cell, content in part.contribution.items() for name, n in content.items()}
        )
        report = part.report
        total.update({"rows": report.rows, "counted": report.counted, "rejected": report.rejected})
        total.update(report.rejected_by_reason)
        total.update(report.repaired)
        for name, segment in report.segments.items():
            total.update({(name, "counted"): segment.counted, (name, "unsegmented"): segment.unsegmented})
    return +total
