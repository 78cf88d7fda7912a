"""Write files with one library: ``python write.py WRITER FOLDER < rows.json``.

It runs in the environment of the library, without the project. The rows are lists by kind; each file, or
folder of files, is named after its kind and its options. An error of the library ends the program.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Writes = Iterator[tuple[str, Callable[..., object]]]
    """The options of files, and the functions that write them."""

NAMES = ("country_code", "last_order_ts", "total_orders", "voucher_amount")
HALF = 250


def columns(kind: str, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return values by column; moments are microseconds, and decimals are texts, in JSON."""
    values = {name: [row[name] for row in rows] for name in NAMES}
    if kind != "text":
        start = datetime(1970, 1, 1, tzinfo=UTC)
        moments = [None if v is None else start + timedelta(microseconds=v) for v in values["last_order_ts"]]
        values["last_order_ts"] = [v and v.date() for v in moments] if kind == "dates" else moments
    if kind == "dates":
        values["voucher_amount"] = [None if v is None else Decimal(v) for v in values["voucher_amount"]]
    return values


def table(kind: str, rows: list[dict[str, Any]], unit: str = "us", zone: str | None = "UTC") -> Any:
    """Return rows as an Arrow table, with columns that nobody needs."""
    import pyarrow as pa

    moments = pa.timestamp(unit, zone)
    types = {
        "text": (pa.string(), pa.string(), pa.string(), pa.string()),
        "dates": (pa.string(), pa.date32(), pa.float64(), pa.decimal128(12, 2)),
    }.get(kind, (pa.string(), moments, pa.int64(), pa.float64()))
    unneeded = {
        "items": pa.array([[i, None] if i % 3 else None for i in range(len(rows))], pa.list_(pa.int32())),
        "customer": pa.array([{"id": i} for i in range(len(rows))], pa.struct([("id", pa.int64())])),
        "flag": pa.array([None if i % 5 == 0 else i % 2 == 0 for i in range(len(rows))], pa.bool_()),
        "blob": pa.array([bytes([i % 256]) * 3 for i in range(len(rows))], pa.binary()),
        "pairs": pa.array([[("k", i)] for i in range(len(rows))], pa.map_(pa.string(), pa.int64())),
    }
    needed = columns(kind, rows)
    return pa.table(
        unneeded | {name: pa.array(needed[name], type_) for name, type_ in zip(NAMES, types, strict=True)}
    )


def frame(kind: str, rows: list[dict[str, Any]]) -> Any:
    """Return rows as a frame of pandas, with times in nanoseconds and no dates or decimals."""
    import pandas as pd

    result = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns(kind, rows).items()})
    if kind != "text":
        result["last_order_ts"] = pd.to_datetime(result["last_order_ts"], utc=True).astype(
            "datetime64[ns, UTC]"
        )
        for name in ("total_orders", "voucher_amount"):
            result[name] = result[name].astype("float64")
    return result


def pyarrow(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import pyarrow.parquet as pq

    codecs = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
    for codec, dictionary, pages in product(codecs, (True, False), ("1.0", "2.0")):
        options = {"compression": codec, "use_dictionary": dictionary, "data_page_version": pages}
        yield (
            f"{codec}-{dictionary}-{pages}",
            lambda path, o=options: pq.write_table(
                table(kind, rows), path, row_group_size=130, data_page_size=500, **o
            ),
        )
    for unit, zone, version in product(("s", "ms", "us", "ns"), ("UTC", None), ("1.0", "2.6")):
        yield (
            f"{unit}-{zone}-{version}",
            lambda path, u=unit, z=zone, v=version: pq.write_table(table(kind, rows, u, z), path, version=v),
        )
    yield "int96", lambda path: pq.write_table(table(kind, rows), path, flavor="spark")


def fastparquet(kind: str, rows: list[dict[str, Any]]) -> Writes:
    from fastparquet import write

    def append(path: Path) -> None:
        write(str(path), frame(kind, rows)[:HALF])
        write(str(path), frame(kind, rows)[HALF:], append=True)

    def write_changed(path: Path, change: Callable[[Any], Any], **options: Any) -> None:
        write(str(path), change(frame(kind, rows)), **options)

    for codec in ("UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4_RAW"):
        options = {"compression": codec, "row_group_offsets": [*range(0, max(len(rows), 1), 130)]}
        yield codec, lambda path, o=options: write(str(path), frame(kind, rows), **o)
    yield "int96", lambda path: write(str(path), frame(kind, rows), times="int96")
    yield (
        "index",
        lambda path: write_changed(path, lambda f: f.set_index(f.index.rename("id")), write_index=True),
    )
    yield "category", lambda path: write_changed(path, lambda f: f.astype({"country_code": "category"}))
    yield "string", lambda path: write_changed(path, lambda f: f.astype({"country_code": "string"}))
    yield (
        "naive",
        lambda path: write_changed(
            path,
            lambda f: (
                f if kind == "text" else f.assign(last_order_ts=f["last_order_ts"].dt.tz_localize(None))
            ),
        ),
    )
    if rows:
        yield "append", append
    if kind in {"clean", "typed"}:
        yield "infer", lambda path: write(str(path), frame(kind, rows), has_nulls="infer")
    if kind == "clean":
        yield (
            "hive",
            lambda path: write(
                str(path), frame(kind, rows), file_scheme="hive", partition_on=["country_code"]
            ),
        )


def duckdb(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import duckdb as db

    connection = db.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("arrow", table(kind, rows).drop(["blob", "pairs"]))
    connection.execute("create table uses as select *, 5::hugeint as huge, uuid() as id from arrow")
    countries = ", ".join(
        "'" + c.replace("'", "''") + "'" for c in ("Peru", "", *COUNTRIES, "Chile", "x", "y")
    )
    connection.execute(f"create type country as enum ({countries})")
    every = ["codec uncompressed", "codec snappy", "codec gzip", "codec zstd", "row_group_size 2048"]
    new = ["parquet_version v2", "dictionary_size_limit 1", "codec brotli", "codec lz4_raw"]
    for option in every + (new if int(db.__version__.split(".")[0]) else []):
        for country in ("varchar", "country"):
            query = f"select * replace (country_code::{country} as country_code) from uses"
            yield (
                f"{option}-{country}".replace(" ", "_"),
                lambda path, q=query, o=option: connection.execute(
                    f"copy ({q}) to '{path}' (format parquet, {o})"
                ),
            )
    if kind == "clean":
        yield (
            "hive",
            lambda path: connection.execute(
                f"copy uses to '{path}' (format parquet, partition_by (country_code))"
            ),
        )


def polars(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import polars as pl

    content: Any = pl.from_arrow(table(kind, rows).drop(["pairs"]))
    for codec in ("uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"):
        yield codec, lambda path, c=codec: content.write_parquet(path, compression=c)
    for group, page, statistics in product((None, 130), (None, 300), (True, False)):
        options = {"row_group_size": group, "data_page_size": page, "statistics": statistics}
        yield f"{group}-{page}-{statistics}", lambda path, o=options: content.write_parquet(path, **o)
    yield (
        "category",
        lambda path: content.with_columns(pl.col("country_code").cast(pl.Categorical)).write_parquet(path),
    )
    if kind in {"typed", "clean"}:
        for integer in (pl.Int8, pl.UInt16, pl.UInt32, pl.UInt64):
            yield (
                f"{integer}",
                lambda path, i=integer: content.with_columns(pl.col("total_orders").cast(i)).write_parquet(
                    path
                ),
            )


def deltalake(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import deltalake as dl

    def compact(path: Path) -> None:
        for part in (table(kind, rows)[:HALF], table(kind, rows)[HALF:]):
            dl.write_deltalake(str(path), part.drop(["pairs"]), mode="append")
        delta = dl.DeltaTable(str(path))
        delta.optimize.compact()
        delta.vacuum(0, dry_run=False, enforce_retention_duration=False)

    yield "plain", lambda path: dl.write_deltalake(str(path), table(kind, rows).drop(["pairs"]))
    if rows and hasattr(dl, "WriterProperties"):  # old versions append no times with a zone
        yield "compact", compact
    if kind == "clean":
        yield (
            "hive",
            lambda path: dl.write_deltalake(
                str(path), table(kind, rows).select(NAMES), partition_by=["country_code"]
            ),
        )


def datafusion(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import datafusion as df

    content = table(kind, rows).select([*NAMES, "items", "customer", "blob"])
    levels = {"uncompressed": None, "snappy": None, "lz4_raw": None, "gzip": 6, "zstd": 3}
    for codec, level in levels.items() if rows else ():
        yield (
            codec,
            lambda path, c=codec, n=level: (
                df.SessionContext().create_dataframe([content.to_batches()]).write_parquet(str(path), c, n)
            ),
        )


def pyiceberg(kind: str, rows: list[dict[str, Any]]) -> Writes:
    from pyiceberg.catalog.sql import SqlCatalog

    def append(path: Path, codec: str) -> None:
        path.mkdir()
        catalog = SqlCatalog("c", uri=f"sqlite:///{path}/catalog.db", warehouse=f"file://{path}")
        catalog.create_namespace("n")
        content = table(kind, rows).select([*NAMES, "items", "customer"])
        options = {"write.parquet.compression-codec": codec, "write.parquet.row-group-limit": "100"}
        catalog.create_table("n.uses", content.schema, properties=options).append(content)

    for codec in ("uncompressed", "snappy", "gzip", "zstd"):
        yield codec, lambda path, c=codec: append(path, c)


def awswrangler(kind: str, rows: list[dict[str, Any]]) -> Writes:
    import awswrangler as wr
    import boto3
    import moto

    def download(path: Path, **options: Any) -> None:
        with getattr(moto, "mock_aws" if hasattr(moto, "mock_aws") else "mock_s3")():
            session = boto3.Session("test", "test", region_name="us-east-1")
            s3 = session.client("s3")
            s3.create_bucket(Bucket="bucket")
            wr.s3.to_parquet(
                frame(kind, rows), "s3://bucket/d/", dataset=True, boto3_session=session, **options
            )
            for found in s3.list_objects_v2(Bucket="bucket")["Contents"]:
                target = path / found["Key"].removeprefix("d/")
                target.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file("bucket", found["Key"], str(target))

    for codec in ("snappy", "gzip", "zstd"):
        yield codec, lambda path, c=codec: download(path, compression=c)
    yield "index", lambda path: download(path, index=True)
    if kind == "clean":
        yield "hive", lambda path: download(path, partition_cols=["country_code"])


def pyspark(kind: str, rows: list[dict[str, Any]]) -> Writes:
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    source = Path(sys.argv[2]) / f"{kind}.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    moment, amount = "timestamp_micros(last_order_ts)", "voucher_amount"
    types = ("string", "bigint", "bigint", "double")
    if kind == "text":
        types, moment = ("string",) * 4, "last_order_ts"
    elif kind == "dates":
        types = ("string", "bigint", "double", "string")
        moment, amount = f"to_date({moment})", "cast(voucher_amount as decimal(12, 2))"
    schema = ", ".join(f"{name} {type_}" for name, type_ in zip(NAMES, types, strict=True))
    content = (
        spark.read.schema(schema)
        .json(str(source))
        .selectExpr(
            "array(1, null) items",
            "named_struct('id', 1) customer",
            "map('k', 1) pairs",
            "country_code",
            f"{moment} last_order_ts",
            "total_orders",
            f"{amount} voucher_amount",
        )
        .coalesce(1)
        .cache()
    )
    options: list[dict[str, str]] = [
        *({"compression": codec} for codec in ("uncompressed", "snappy", "zstd", "lz4")),
        {"parquet.writer.version": "v2"},
        {"parquet.writer.version": "v2", "parquet.enable.dictionary": "false"},
        {"parquet.block.size": "4096", "parquet.page.size": "300", "parquet.page.row.count.limit": "20"},
    ]
    for number, chosen in enumerate(options):
        yield f"{number}", lambda path, o=chosen: content.write.options(**o).parquet(f"file://{path}")

    def write_milliseconds(path: Path) -> None:
        spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MILLIS")
        content.write.parquet(f"file://{path}")
        spark.conf.unset("spark.sql.parquet.outputTimestampType")

    if kind == "typed":
        yield "milliseconds", write_milliseconds
    if kind == "clean":
        yield "hive", lambda path: content.write.partitionBy("country_code").parquet(f"file://{path}")


COUNTRIES = ("Latvia", " peru ", "C\N{LATIN SMALL LETTER O WITH CIRCUMFLEX}te d'Ivoire")

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    for kind, rows in json.load(sys.stdin).items():
        for name, write in globals()[sys.argv[1]](kind, rows):
            write(folder / f"{kind}-{name}.parquet")
    # Some libraries leave threads behind, which abort the process while Python ends.
    os._exit(0)
