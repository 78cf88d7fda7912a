"""Files that are not Parquet: what a user reads about them."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.orc as po
import pytest

from ingest.counting.count_file import count_file
from ingest.errors import FileError
from tests.support.stack_harness import parquet
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from pathlib import Path

CSV = b"country_code,last_order_ts,total_orders,voucher_amount\nPeru,2020-01-01,3,2640\n"
TABLE = pa.table(
    {
        "country_code": ["Peru"],
        "last_order_ts": ["2020-01-01"],
        "total_orders": ["3"],
        "voucher_amount": [2640.0],
    }
)


def orc() -> bytes:
    sink = io.BytesIO()
    po.write_table(TABLE, sink)
    return sink.getvalue()


def arrow() -> bytes:
    sink = io.BytesIO()
    pf.write_feather(TABLE, sink, compression="uncompressed")
    return sink.getvalue()


def zipped(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, CSV)
    return sink.getvalue()


FILES = {
    "CSV": (CSV, "file.csv"),
    "CSV with semicolons": (CSV.replace(b",", b";"), "file.csv"),
    "CSV with a byte order mark": (b"\xef\xbb\xbf" + CSV, "file.csv"),
    "CSV in Latin-1": (CSV.replace(b"Peru", b"C\xf4te d'Ivoire"), "file.csv"),
    "CSV, compressed with gzip": (gzip.compress(CSV), "file.csv.gz"),
    "JSON": (b'{"country_code": "Peru"}\n', "file.json"),
    "JSON of an array": (b'[{"country_code": "Peru"}]', "file.json"),
    "ORC": (orc(), "file.orc"),
    "Arrow (Feather)": (arrow(), "file.arrow"),
    "Avro": (b"Obj\x01\x04\x14avro.codec", "file.avro"),
    "XLSX": (zipped("xl/workbook.xml"), "file.xlsx"),
    "zip": (zipped("vouchers.csv"), "unpack it"),
    "gzip": (gzip.compress(bytes(9_999)), "corrected file"),
    "Parquet that was compressed with gzip once more": (gzip.compress(parquet(TABLE)), "gunzip"),
    "a Parquet file that is cut off": (parquet(TABLE)[:-20], "the whole file"),
    "a log of a Delta Lake table": (
        b'{"protocol":{"minReaderVersion":1}}\n{"metaData":{}}\n',
        "make dataset",
    ),
}


def refusal(body: bytes) -> FileError:
    with pytest.raises(FileError) as failed:
        count_file(io.BytesIO(body), 0, load_definitions())
    return failed.value


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_format_is_named(name: str) -> None:
    body, advice = FILES[name]
    error = refusal(body)
    found = name.partition(" with ")[0].partition(" in ")[0].partition(" of an")[0]
    assert str(error).startswith(f"it cannot be read as Parquet: it looks like {found}")
    assert advice in error.advice


@pytest.mark.parametrize("body", [b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(4_096), b"no format at all"])
def test_a_file_of_no_known_format_is_just_not_parquet(body: bytes) -> None:
    assert str(refusal(body)) == "it cannot be read as Parquet: it does not end as a Parquet file does"


@pytest.mark.parametrize("name", ["CSV", "CSV, compressed with gzip", "JSON", "ORC", "Arrow (Feather)"])
def test_the_advised_command_makes_a_file_that_can_be_counted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, file = FILES[name]
    if name == "JSON":
        body = json.dumps(TABLE.to_pylist()[0]).encode()
    (tmp_path / file).write_bytes(body)
    monkeypatch.chdir(tmp_path)
    command = refusal(body).advice.partition('"')[2].removesuffix('"')
    if "duckdb -c" in refusal(body).advice:
        duckdb.connect().execute(command)
    else:
        subprocess.run([sys.executable, "-c", command], check=True)  # noqa: S603 - the advised command
    with (tmp_path / "file.parquet").open("rb") as converted:
        assert count_file(converted, 0, load_definitions()).report.counted == 1
    shutil.rmtree(tmp_path, ignore_errors=True)
