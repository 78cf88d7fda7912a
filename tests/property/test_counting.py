from __future__ import annotations

import io
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.counting.as_of import microseconds
from ingest.counting.count_file import count_file
from tests.support import oracle
from tests.support.stack_harness import parquet
from tests.support.strategies import AS_OF, LAYOUTS, SEGMENTS, TABLES, definitions, plain_rows


@given(table=TABLES, layout=LAYOUTS, segments=st.just(oracle.SEGMENTS) | SEGMENTS, by_row=st.booleans())
@settings(max_examples=400)
def test_counts_and_report_are_those_of_a_count_row_by_row(
    table: Any, layout: Any, segments: Any, by_row: bool
) -> None:
    as_of = None if by_row else AS_OF
    expected = oracle.count(plain_rows(table), as_of, segments)
    got = count_file(io.BytesIO(parquet(table, **layout)), microseconds(as_of), definitions(segments))
    assert {tuple(cell): dict(counters) for cell, counters in got.contribution.items()} == expected.cells
    report = got.report
    assert (report.rows, report.counted) == (expected.rows, expected.counted)
    assert report.rejected_by_reason == +expected.rejected
    assert Counter(report.repaired) == expected.repaired
    assert {
        name: s.unsegmented for name, s in report.segments.items() if s.unsegmented
    } == +expected.unsegmented
    assert report.rows == report.counted + report.rejected
