from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.row_outputs import rejected_rows
from ingest.row_outputs.rejected_rows import RejectedRows

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

REASONS = pa.array(["total_orders_negative"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))


class ResultsBucket:
    """Keeps what is stored."""

    def __init__(self) -> None:
        self.table: pa.Table | None = None
        self.row_groups = 0

    def store_file(self, _key: str, file: Path) -> None:
        self.table, self.row_groups = pq.read_table(file), pq.ParquetFile(file).num_row_groups


def test_rows_of_many_batches_are_written_in_order_a_few_groups_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rejected_rows, "GROUP_ROWS", 2)
    results = ResultsBucket()
    with RejectedRows() as rows:
        for n in range(5):
            batch = pa.record_batch({"country_code": [f"country {n}"], "total_orders": [-n]})
            rows.add(batch, np.array([10 * n]), REASONS)
        rows.store(results, "rejected/")  # type: ignore[arg-type] # a stand-in
    assert results.table is not None
    assert results.table["row"].to_pylist() == [0, 10, 20, 30, 40]
    assert results.table["country_code"].to_pylist() == [f"country {n}" for n in range(5)]
    assert results.table["total_orders"].to_pylist() == [str(-n) for n in range(5)]
    assert results.row_groups == 3


def test_rows_of_one_object_among_many_name_it() -> None:
    results = ResultsBucket()
    with RejectedRows("datasets/history/a.parquet") as rows:
        rows.add(pa.record_batch({"total_orders": [-1, -2]}), np.array([3, 5]), REASONS.take([0, 0]))
        rows.store(results, "rejected/")  # type: ignore[arg-type] # a stand-in
    assert results.table is not None
    assert results.table.column_names[:3] == ["object", "row", "reason"]
    assert results.table["object"].to_pylist() == ["datasets/history/a.parquet"] * 2
    assert results.table["row"].to_pylist() == [3, 5]
