"""Spark and Lambda count by the same rules: the same dirty files through both, on one emulator."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.storage.results_bucket import ResultsBucket
from tests.support.datasets import DATASET, order
from tests.support.emulator import emulated, new_harness
from tests.support.stack_harness import parquet
from tests.support.strategies import AS_OF, LAYOUTS, TABLES
from voucher_selector.spark_job import clients
from voucher_selector.spark_job.counting import count_with_spark
from voucher_selector.spark_job.run import run
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import SparkContext

    from tests.support.stack_harness import StackHarness
    from vouchers.dynamodb.sources_table import State

pytestmark = [pytest.mark.stack, pytest.mark.spark]

ROOT = Path(__file__).parents[2]
FILES = st.lists(
    st.builds(lambda table, layout: parquet(table, **layout), TABLES, LAYOUTS), min_size=1, max_size=3
)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkContext]:
    """Spark with two workers in a process, which find the emulator and our packages by the environment."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - other tests do without Spark

    paths = f"{ROOT / 'functions'}{os.pathsep}{ROOT}"
    workers = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": paths, "SPARK_LOCAL_IP": "127.0.0.1"}
    conf = SparkConf().setMaster("local[2]").set("spark.ui.enabled", "false")
    with emulated(), patch.dict(os.environ, workers), SparkContext(conf=conf) as context:
        yield context


@given(files=FILES, as_of=st.sampled_from(["row", AS_OF.isoformat()]))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spark_counts_reports_and_rejects_cell_by_cell_what_lambda_does(
    spark: SparkContext, files: list[bytes], as_of: str
) -> None:
    clients.s3_client.cache_clear()
    clients.dynamodb_client.cache_clear()
    with new_harness() as harness:
        by_lambda = [
            of_lambda(harness, f"{number}.parquet", file, as_of) for number, file in enumerate(files)
        ]
        for number, file in enumerate(files):
            harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}{number}.parquet", Body=file)

        assert (
            run(order(harness, as_of=as_of), lambda *work: count_with_spark(spark, *work)).outcome
            == "counted"
        )

        by_spark = state(harness, DATASET)
        assert counts(harness, [by_spark]) == counts(harness, by_lambda)
        assert report([by_spark]) == report(by_lambda)
        assert rejects(harness, [by_spark]) == rejects(harness, by_lambda)
        assert doubled(harness, counts(harness, by_lambda))


def of_lambda(harness: StackHarness, name: str, file: bytes, as_of: str) -> State:
    """Count a file with the ingest function."""
    assert harness.ingest(harness.put(f"vouchers/{name}", file, as_of=as_of)) == ["counted"]
    return state(harness, f"vouchers/{name}")


def state(harness: StackHarness, key: str) -> State:
    found = harness.source(key).state
    assert found
    assert found.status is Status.COUNTED
    return found


def counts(harness: StackHarness, states: list[State]) -> Counter[tuple[str, ...]]:
    results, total = ResultsBucket(harness.s3, harness.results), Counter[tuple[str, ...]]()
    for state in states:
        for cell, counters in results.load_contribution(state).items():
            total.update({(*cell, name): rows for name, rows in counters.items()})
    return total


def report(states: list[State]) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for state in states:
        reported = state.report
        total.update({name: reported[name] for name in ("rows", "counted", "rejected")})
        total.update({("rejected", name): rows for name, rows in reported["rejected_by_reason"].items()})
        total.update({("repaired", name): rows for name, rows in reported["repaired"].items()})
        for segment, content in reported["segments"].items():
            total.update({(segment, name): rows for name, rows in content.items()})
    return +total


def rejects(harness: StackHarness, states: list[State]) -> list[Any]:
    """Return the rejected rows, each with the name of its file."""
    found = []
    for state in states:
        for key in harness.result_keys():
            if state.rejected_object and key.startswith(state.rejected_object) and key.endswith(".parquet"):
                name = key.split("/")[2]
                found += [
                    (row.pop("object", name).split("/")[-1], *row.items()) for row in harness.result_rows(key)
                ]
    return sorted(found, key=repr)


def doubled(harness: StackHarness, counted: Counter[tuple[str, ...]]) -> bool:
    """Say whether the table holds everything twice: once from the uploads, once from the dataset."""
    content = {
        (country, cell, name.removeprefix("as:")): rows
        for (country, cell), counters in harness.cells().items()
        for name, rows in counters.items()
    }
    return content == {path: 2 * rows for path, rows in counted.items()}
