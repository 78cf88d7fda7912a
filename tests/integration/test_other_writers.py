"""Files of other writers, in every encoding, codec and type, have the counts of the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from tests.support import fuzz
from tests.support.stack_harness import parquet

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 500
TEXT_COLUMNS = ("country_code", "last_order_ts", "total_orders", "voucher_amount")


def text_table(**instead: pa.Array) -> pa.Table:
    """Return uses as texts, with some columns replaced."""
    columns = {
        "country_code": pa.array([("Peru", "Latvia", None, " peru ", "Côte")[i % 5] for i in range(ROWS)]),
        "last_order_ts": pa.array([None if m is None else f"{m:%Y-%m-%d %H:%M:%S}" for m in moments()]),
        "total_orders": pa.array([("3.0", "", "40", "x", None)[i % 5] for i in range(ROWS)]),
        "voucher_amount": pa.array([("2640.0", None, "3520.5", "-1")[i % 4] for i in range(ROWS)]),
    }
    return pa.table(columns | instead)


def moments() -> list[datetime | None]:
    return [fuzz.AS_OF - timedelta(days=i % 210, seconds=i) if i % 9 else None for i in range(ROWS)]


def typed_table() -> pa.Table:
    return text_table(
        last_order_ts=pa.array(moments(), pa.timestamp("us", "UTC")),
        total_orders=pa.array([i % 50 if i % 8 else None for i in range(ROWS)], pa.int64()),
        voucher_amount=pa.array([i % 4 * 880.0 if i % 7 else None for i in range(ROWS)]),
    )


def assert_counted(body: bytes) -> None:
    assert fuzz.verdict(body) == ("counted", None)


@pytest.mark.parametrize("table", [text_table(), typed_table()], ids=["texts", "typed"])
@pytest.mark.parametrize("options", ["", ", PARQUET_VERSION v2", ", CODEC gzip, ROW_GROUP_SIZE 2048"])
def test_duckdbs_files_are_counted(tmp_path: Path, table: pa.Table, options: str) -> None:
    file = tmp_path / "duckdb.parquet"
    duckdb.from_arrow(table).query("uses", f"COPY uses TO '{file}' (FORMAT parquet{options})")
    assert_counted(file.read_bytes())


@pytest.mark.parametrize("table", [text_table(), typed_table()], ids=["texts", "typed"])
@pytest.mark.parametrize("codec", ["zstd", "snappy", "uncompressed"])
def test_polars_files_are_counted(tmp_path: Path, table: pa.Table, codec: Any) -> None:
    file = tmp_path / "polars.parquet"
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame.write_parquet(file, compression=codec, row_group_size=200, data_page_size=300)
    assert_counted(file.read_bytes())


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_every_codec_and_page_version_is_counted(pages: str, codec: str, dictionary: bool) -> None:
    options = {"data_page_version": pages, "compression": codec, "use_dictionary": dictionary}
    for table in (text_table(), typed_table()):
        assert_counted(parquet(table, data_page_size=500, write_page_checksum=True, **options))


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_every_encoding_of_texts_is_counted(encoding: str, pages: str) -> None:
    encodings = dict.fromkeys(TEXT_COLUMNS, encoding)
    assert_counted(
        parquet(text_table(), use_dictionary=False, column_encoding=encodings, data_page_version=pages)
    )


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"])
def test_every_encoding_of_numbers_is_counted(encoding: str) -> None:
    floats = "PLAIN" if encoding == "DELTA_BINARY_PACKED" else encoding
    encodings = {"last_order_ts": encoding, "total_orders": encoding, "voucher_amount": floats}
    assert_counted(parquet(typed_table(), use_dictionary=False, column_encoding=encodings))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/Lima", "+05:30"])
def test_every_kind_of_timestamp_is_counted(unit: str, zone: str | None) -> None:
    instants = pa.array(moments(), pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, "UTC"), safe=False)
    column = (
        instants.cast(pa.timestamp(unit, zone))
        if zone
        else instants.cast(pa.int64()).cast(pa.timestamp(unit))
    )
    assert_counted(parquet(text_table(last_order_ts=column)))


def test_timestamps_of_96_bits_are_counted() -> None:
    assert_counted(parquet(typed_table(), use_deprecated_int96_timestamps=True))


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_are_counted(kind: pa.DataType) -> None:
    days = [None if m is None else m.astimezone(UTC).date() for m in moments()]
    assert_counted(parquet(text_table(last_order_ts=pa.array(days, kind))))


@pytest.mark.parametrize(
    "kind",
    [
        pa.decimal32(9, 2),
        pa.decimal64(18, 2),
        pa.decimal128(9, 2),
        pa.decimal128(18, 2),
        pa.decimal128(38, 2),
        pa.decimal256(60, 2),
    ],
    ids=str,
)
@pytest.mark.parametrize("as_integer", [True, False])
def test_every_physical_type_of_a_decimal_is_counted(kind: pa.DataType, as_integer: bool) -> None:
    values = [(Decimal("2640.00"), None, Decimal("3520.50"), Decimal("-1.25"))[i % 4] for i in range(ROWS)]
    column = pa.array(values, kind)
    assert_counted(parquet(text_table(voucher_amount=column), store_decimal_as_integer=as_integer))


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64()),
    ],
    ids=str,
)
def test_every_type_of_number_is_counted(kind: pa.DataType) -> None:
    values = pa.array([i % 50 if i % 6 else None for i in range(ROWS)], pa.int64())
    column = (
        values.cast(pa.float64()).cast(kind, safe=False) if pa.types.is_floating(kind) else values.cast(kind)
    )
    assert_counted(parquet(text_table(total_orders=column, voucher_amount=column)))


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.binary_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
    ids=str,
)
@pytest.mark.parametrize("dictionary", [True, False])
def test_every_type_of_text_is_counted(kind: pa.DataType, dictionary: bool) -> None:
    table = text_table()
    few = ["total_orders", "country_code", "voucher_amount"]
    columns = {name: table.column(name).combine_chunks() for name in few}
    encoded = {
        name: column.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else column.cast(kind)
        for name, column in columns.items()
    }
    for way in (True, False):
        assert_counted(
            parquet(text_table(**encoded), use_dictionary=dictionary, store_schema=way, row_group_size=130)
        )


@pytest.mark.parametrize("values", [pa.int64(), pa.float64(), pa.timestamp("us", "UTC")], ids=str)
def test_dictionaries_of_other_values_than_texts_are_counted(values: pa.DataType) -> None:
    if pa.types.is_timestamp(values):
        table = text_table(last_order_ts=pa.array(moments(), values).dictionary_encode())
    else:
        table = text_table(total_orders=pa.array([i % 40 for i in range(ROWS)], values).dictionary_encode())
    assert_counted(parquet(table))


@pytest.mark.parametrize("nullable", [True, False])
def test_columns_that_are_required_are_counted(nullable: bool) -> None:
    table = text_table().drop_null()
    fields = [pa.field(name, pa.string(), nullable=nullable) for name in table.column_names]
    assert_counted(parquet(table.cast(pa.schema(fields)), row_group_size=33))


def test_columns_of_nothing_but_nulls_are_counted() -> None:
    nothing = pa.nulls(ROWS)
    assert_counted(parquet(text_table(last_order_ts=nothing, total_orders=nothing, voucher_amount=nothing)))
    assert_counted(parquet(text_table(country_code=nothing)))


@pytest.mark.parametrize("limit", [100, 2_000, 20_000])
def test_dictionaries_that_grow_too_long_and_are_given_up_are_counted(limit: int) -> None:
    rows = 200_000
    table = pa.table(
        {
            "country_code": pa.array([f"c{i % 7 if i % 40_000 < 30_000 else i % 900}" for i in range(rows)]),
            "last_order_ts": pa.repeat("2020-01-01", rows),
            "total_orders": pa.array([f"{i % (i // 1_000 + 1)}.0" if i % 9 else None for i in range(rows)]),
            "voucher_amount": pa.repeat(2640.0, rows),
        }
    )
    assert_counted(
        parquet(table, dictionary_pagesize_limit=limit, data_page_size=9_000, row_group_size=150_000)
    )
