"""Files of the real writers, in their newest and in old versions, have the counts of the oracle."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.counting.as_of import microseconds
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.parquet.column_names import ColumnRule
from ingest.parquet.reader import Selection
from ingest.row_outputs.rejected_rows import RejectedRows
from tests.support import oracle
from vouchers.keys import is_marker
from vouchers.segments import load_definitions

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
AS_OF = datetime(2020, 6, 1, 7, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = 500
OF_PYTHON = (
    "awswrangler",
    "datafusion",
    "deltalake",
    "duckdb",
    "fastparquet",
    "polars",
    "pyarrow",
    "pyiceberg",
)
OF_NODE = ("@dsnp/parquetjs", "hyparquet-writer", "parquet-wasm", "parquetjs", "parquetjs-lite", "parquets")
Rows = list[dict[str, Any]]


def rows_of(kind: str) -> Rows:
    """Return rows of a kind, as the oracle takes them."""

    def row(i: int) -> dict[str, Any]:
        moment = AS_OF - timedelta(days=i % 210, seconds=i)
        clean = {
            "country_code": ("Peru", "Chile")[i % 2],
            "last_order_ts": moment,
            "total_orders": i % 50,
            "voucher_amount": 880.5 * (i % 4),
        }
        dirty = clean | {
            "country_code": ("Peru", "Latvia", None, " peru ", "Côte d'Ivoire")[i % 5],
            "last_order_ts": moment if i % 9 else None,
            "total_orders": i % 50 if i % 8 else None,
            "voucher_amount": 880.5 * (i % 4) if i % 7 else None,
        }
        kinds: dict[str, dict[str, Any]] = {
            "clean": clean,
            "typed": dirty,
            "nulls": dirty | dict.fromkeys(("last_order_ts", "total_orders", "voucher_amount")),
            "text": dirty
            | {
                "last_order_ts": f"{moment:%Y-%m-%d %H:%M:%S}" if i % 9 else None,
                "total_orders": ("3.0", "", "40", "x", None)[i % 5],
                "voucher_amount": ("2640.0", None, "3520.5", "-1")[i % 4],
            },
            "dates": dirty
            | {
                "last_order_ts": moment.date() if i % 9 else None,
                "total_orders": float(i % 50) if i % 8 else None,
                "voucher_amount": Decimal(264025 * (i % 4)).scaleb(-2) if i % 7 else None,
            },
        }
        return kinds[kind]

    return [] if kind == "empty" else [row(i) for i in range(ROWS)]


KINDS = {kind: rows_of(kind) for kind in ("clean", "typed", "nulls", "text", "dates", "empty")}
EXPECTED = {kind: oracle.count(rows, AS_OF) for kind, rows in KINDS.items()}


def to_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    moment = (
        value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    )
    return (moment - EPOCH) // timedelta(microseconds=1)


def assert_counted(path: Path) -> None:
    """Count a file, or all files of a folder, and compare with the rows that were written."""
    cells: dict[tuple[str, str], Counter[str]] = {}
    rows, reasons = Counter[str](), Counter[str]()
    files = [path] if path.is_file() else [f for f in sorted(path.rglob("*")) if f.is_file()]
    for file in files:
        key = f"vouchers/{file.relative_to(path.parent)}"
        if is_marker(key) or file.suffix in {".db", ".avro", ".json"}:
            continue
        with RejectedRows() as rejected, file.open("rb") as source:
            got = count_file(
                source,
                microseconds(AS_OF),
                load_definitions(),
                RowCallbacks(rejected.add),
                Selection(ColumnRule(key=key)),
            )
        for cell, counters in got.contribution.items():
            cells.setdefault((cell.country, cell.name), Counter()).update(counters)
        rows.update(all=got.report.rows, counted=got.report.counted)
        reasons.update(got.report.rejected_by_reason)
    expected = EXPECTED[path.name.split("-")[0]]
    assert (rows["all"], rows["counted"]) == (expected.rows, expected.counted)
    assert +reasons == +expected.rejected
    assert cells == expected.cells


def assert_all_counted(command: list[str], folder: Path) -> None:
    """Write files of all kinds, and check the counts of each."""
    written = subprocess.run(  # noqa: S603 - our own programs
        command, input=json.dumps(KINDS, default=to_json), capture_output=True, text=True, check=False
    )
    assert written.returncode == 0, written.stderr[-2_000:]
    paths = [path for path in sorted(folder.iterdir()) if path.name.endswith(".parquet")]
    assert {path.name.split("-")[0] for path in paths} >= KINDS.keys() - {"empty"}
    wrong = []
    for path in paths:
        try:
            assert_counted(path)
        except Exception as error:  # noqa: BLE001 - all wrong files are shown, whatever is wrong
            wrong.append(f"{path.name}: {type(error).__name__}: {error}"[:300])
    assert wrong == []


@pytest.mark.writers
@pytest.mark.parametrize("versions", ["new", "old"])
@pytest.mark.parametrize("writer", OF_PYTHON)
def test_files_of_a_python_library_are_counted(tmp_path: Path, writer: str, versions: str) -> None:
    python = ROOT / ".writers-venv" / versions / "bin" / "python"
    assert_all_counted([str(python), "-W", "ignore", str(HERE / "write.py"), writer, str(tmp_path)], tmp_path)


@pytest.mark.spark
def test_files_of_spark_are_counted(tmp_path: Path) -> None:
    python = ROOT / ".venv" / "bin" / "python"
    assert_all_counted([str(python), str(HERE / "write.py"), "pyspark", str(tmp_path)], tmp_path)


@pytest.mark.writers
@pytest.mark.parametrize("writer", OF_NODE)
def test_files_of_a_node_library_are_counted(tmp_path: Path, writer: str) -> None:
    modules = str(ROOT / ".writers-venv" / "node")
    assert_all_counted(["node", str(HERE / "write.mjs"), writer, str(tmp_path), modules], tmp_path)
