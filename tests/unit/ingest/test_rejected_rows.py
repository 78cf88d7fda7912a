from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from errno import EIO, ENOSPC
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.errors import FileError
from ingest.parquet import reader
from ingest.row_outputs import rejected_rows
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.row_outputs.segmented_rows import schema
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REASONS = pa.array(["total_orders_negative"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))


class ResultsBucket:
    """Keeps what is stored."""

    def __init__(self) -> None:
        self.table: pa.Table | None = None
        self.row_groups = 0
        self.excerpt: list[dict[str, Any]] | None = None

    def store_file(self, _key: str, file: IO[bytes]) -> None:
        self.table, self.row_groups = pq.read_table(file), pq.ParquetFile(file).num_row_groups

    def write_text(self, _key: str, text: str) -> None:
        self.excerpt = json.loads(text)


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
    assert results.excerpt == results.table.to_pylist()


def test_rows_of_one_object_among_many_name_it() -> None:
    results = ResultsBucket()
    with RejectedRows("datasets/history/a.parquet") as rows:
        rows.add(pa.record_batch({"total_orders": [-1, -2]}), np.array([3, 5]), REASONS.take([0, 0]))
        rows.store(results, "rejected/")  # type: ignore[arg-type] # a stand-in
    assert results.table is not None
    assert results.table.column_names[:3] == ["object", "row", "reason"]
    assert results.table["object"].to_pylist() == ["datasets/history/a.parquet"] * 2
    assert results.table["row"].to_pylist() == [3, 5]
    assert results.excerpt is None


def test_a_killed_process_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    script = (
        "import numpy as np, os, pyarrow as pa, signal\n"
        "from ingest.row_outputs import rejected_rows\n"
        "rejected_rows.GROUP_ROWS = 1\n"
        "reasons = pa.array(['r']).dictionary_encode().cast(rejected_rows.SCHEMA.field('reason').type)\n"
        "with rejected_rows.RejectedRows() as rows:\n"
        "    rows.add(pa.record_batch({'total_orders': [-1]}), np.array([0]), reasons)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, check=False)  # noqa: S603 - this script
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_no_columns_are_kept_but_those_that_counting_may_need() -> None:
    kept = {*rejected_rows.DATASET_SCHEMA.names, *schema(load_definitions()).names}
    segments = {segment.name for segment in load_definitions().segments}
    assert kept - segments == {*reader.ACCEPTED, "object", "row", "reason", "country", "as_of"}


class Disk:
    """A temporary file on a disk that takes some bytes and then fails."""

    def __init__(self, room: int, code: int) -> None:
        self.file, self.room, self.code = io.BytesIO(), room, code
        self.closed, self.mode = False, "rb+"

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(self.code, os.strerror(self.code))
        return self.file.write(data)

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self.file, name)  # type: ignore[no-any-return] # a method of a file


def collect(rows: RejectedRows) -> None:
    for n in range(5):
        rows.add(
            pa.record_batch({"country_code": [f"country {n}"], "total_orders": [-n]}), np.array([n]), REASONS
        )
    rows.store(ResultsBucket(), "rejected/")  # type: ignore[arg-type] # a stand-in


@pytest.mark.parametrize("room", [0, 4, 50, 500, 1_000, 2_000, 2_500])
def test_a_full_disk_is_a_sentence_wherever_it_is_full(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(rejected_rows, "GROUP_ROWS", 2)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Disk(room, ENOSPC))
    with (
        pytest.raises(FileError, match="take more space than the function has") as failure,
        RejectedRows() as rows,
    ):
        collect(rows)
    assert failure.value.advice == "upload a corrected file under the same key, or split it"


def test_another_error_of_the_disk_is_not_the_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Disk(100, EIO))
    with pytest.raises(OSError, match="Input/output error"), RejectedRows() as rows:
        collect(rows)
