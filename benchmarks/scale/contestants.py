"""Contestants: each counts the dataset on two cores in its own process, and prints the seconds."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import TYPE_CHECKING

import duckdb

from benchmarks.contestants.duckdb_sql import QUERY
from benchmarks.contestants.ours import as_counts, as_of
from benchmarks.scale.dataset import BUCKET, PREFIX, ensure_dataset
from benchmarks.segments import AS_OF, DAY_RANGES, ORDER_RANGES, by_segment, sql_case
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.row_outputs.rejected_rows import RejectedRows
from ingest.storage.s3_objects import open_object
from voucher_selector.spark_job.clients import s3_client
from voucher_selector.spark_job.counting import TaskCounter, count_with_spark
from voucher_selector.spark_job.listing import list_dataset
from voucher_selector.spark_job.sums import build_contribution
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark import SparkContext

    from benchmarks.segments import Counts
    from ingest.storage.s3_objects import ObjectVersion
    from vouchers.counts import Contribution

CORES = 2

SPARK_SQL = """
select country_code, {days}, {orders}, amount, count(*) from (
  select country_code,
         unix_micros(timestamp '{as_of} 00:00:00 UTC') - unix_micros(cast(last_order_ts as timestamp)) as ago,
         coalesce(try_cast(total_orders as double), 0) as orders,
         coalesce(cast(voucher_amount as double), 0) as amount
  from parquet.`{folder}`)
group by all
"""
"""The segments in Spark SQL, without the rules for rejected and repaired rows."""


def ours_on_spark() -> tuple[Counts, float]:
    """Count on Spark with the tasks of the job, from S3."""
    with _spark() as spark:
        started = time.perf_counter()
        dataset = list_dataset(s3_client(), BUCKET, PREFIX)
        counter = TaskCounter(as_of(by_row=False), "results", "rejected/")
        sums = count_with_spark(spark, dataset.tasks(), counter)
        return as_counts(build_contribution(sums)), time.perf_counter() - started


def spark_sql() -> tuple[Counts, float]:
    """Count with Spark SQL and Spark's reader, from disk."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - the others do without

    query = SPARK_SQL.format(
        as_of=AS_OF,
        folder=ensure_dataset(),
        days=sql_case("floor(ago / 86400000000.0D)", DAY_RANGES),
        orders=sql_case("orders", ORDER_RANGES),
    )
    with _spark() as spark:
        started = time.perf_counter()
        rows = SparkSession(spark).sql(query).collect()
        counts = by_segment((row[0], row[1], row[2], row[3], row[4]) for row in rows)
        return counts, time.perf_counter() - started


def ours_fanned_out() -> tuple[Counts, float]:
    """Count each file with the ingest function's code, with one process per core, from S3."""
    started = time.perf_counter()
    total: Contribution = {}
    # Forked processes would share the open connections of this process.
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        for contribution in pool.map(_of_object, list_dataset(s3_client(), BUCKET, PREFIX).objects):
            for cell, counters in contribution.items():
                sums = total.setdefault(cell, {})
                for name, rows in counters.items():
                    sums[name] = sums.get(name, 0) + rows
    return as_counts(total), time.perf_counter() - started


def _of_object(version: ObjectVersion) -> Contribution:
    with open_object(s3_client(), version) as file, RejectedRows() as rejected:
        return count_file(
            file, as_of(by_row=False), load_definitions(), RowCallbacks(rejected.add)
        ).contribution


def duckdb_sql() -> tuple[Counts, float]:
    """Count with one DuckDB query, from disk."""
    query = QUERY.format(
        path=ensure_dataset() / "*.parquet",
        until=f"timestamp '{AS_OF}'",
        days=sql_case("floor(ago / 86400000000.0)", DAY_RANGES),
        orders=sql_case("orders", ORDER_RANGES),
    )
    started = time.perf_counter()
    with duckdb.connect(config={"threads": CORES}) as connection:
        return by_segment(connection.execute(query).fetchall()), time.perf_counter() - started


CONTESTANTS: dict[str, Callable[[], tuple[Counts, float]]] = {
    contestant.__name__: contestant for contestant in (ours_on_spark, ours_fanned_out, duckdb_sql, spark_sql)
}


def _spark() -> SparkContext:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - the others do without

    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "TZ": "UTC"}
    settings = {"spark.ui.enabled": "false", "spark.driver.memory": "4g", "spark.sql.session.timeZone": "UTC"}
    conf = SparkConf().setMaster(f"local[{CORES}]").setAll(list(settings.items()))
    spark = SparkContext(conf=conf)
    spark.setLogLevel("ERROR")
    return spark


if __name__ == "__main__":
    clock = datetime.now(UTC)
    counted, seconds = CONTESTANTS[sys.argv[1]]()
    whole = (datetime.now(UTC) - clock).total_seconds()
    content = sorted([*key, rows] for key, rows in counted.items() if rows)
    sys.stdout.write("\n" + json.dumps({"counts": content, "seconds": seconds, "whole": whole}))
