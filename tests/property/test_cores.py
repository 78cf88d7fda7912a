from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.counting.as_of import microseconds
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet import reader
from ingest.row_outputs.rejected_rows import column_as_text
from tests.support import oracle
from tests.support.parquet_builder import footer_of
from tests.support.stack_harness import parquet
from tests.support.strategies import AS_OF, TABLES, plain_rows
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from ingest.counting.dimensions import Dimensions
    from ingest.counting.encoding import EncodedColumn

BATCH = 4
"""Rows of a batch in these tests: a row group has several."""

LAYOUTS = st.fixed_dictionaries(
    {
        "row_group_size": st.sampled_from([1, 3, 10, 1000]),
        "use_dictionary": st.booleans(),
        "compression": st.sampled_from(["none", "snappy"]),
    }
)
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=3)


@given(table=TABLES, layout=LAYOUTS, damage=st.just([]) | DAMAGE, by_row=st.booleans())
@settings(max_examples=150)
def test_a_count_on_several_cores_is_that_on_one_row_by_row_and_error_by_error(
    table: pa.Table, layout: Any, damage: list[tuple[float, int]], by_row: bool
) -> None:
    body = bytearray(parquet(table, **layout))
    pages = footer_of(bytes(body))[0] - 4
    for place, change in damage:
        body[4 + int(place * pages)] ^= change
    as_of = None if by_row else AS_OF
    on_one, on_several = (outcome(bytes(body), as_of, cores) for cores in (1, 3))
    assert on_several == on_one
    if not damage:
        result, rejected, kept = on_several
        expected = oracle.count(plain_rows(table), as_of)
        assert {tuple(cell): dict(counters) for cell, counters in result.contribution.items()} == (
            expected.cells
        )
        assert Counter(reason for _, reason, *_ in rejected) == +expected.rejected
        assert sum(rows for rows, _ in kept) == expected.rows


def outcome(body: bytes, as_of: Any, cores: int) -> tuple[Any, list[Any], list[Any]]:
    """Return the result of counting a file or its error, the rejected rows, and the batches with codes."""
    rejected: list[Any] = []
    kept: list[Any] = []

    def reject(batch: pa.RecordBatch, rows: Any, reasons: pa.DictionaryArray) -> None:
        values = (column_as_text(batch, name).to_pylist() for name in batch.schema.names)
        rejected.extend(zip(np.asarray(rows).tolist(), reasons.to_pylist(), *values, strict=True))

    def keep(batch: pa.RecordBatch, codes: Sequence[EncodedColumn], _: Dimensions) -> None:
        kept.append((batch.num_rows, [column.of_rows().tolist() for column in codes]))

    callbacks = RowCallbacks(reject, keep)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "BATCH_ROWS", BATCH)
        patch.setattr(reader, "MIN_GROUP_ROWS", 0)
        patch.setattr(reader, "usable_cores", lambda: cores)
        try:
            result: Any = count_file(io.BytesIO(body), microseconds(as_of), load_definitions(), callbacks)
        except FileError as error:
            result = (str(error), error.advice)
    return result, rejected, kept
