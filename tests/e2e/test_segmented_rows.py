"""The segmented rows on the real stack: from the upload to a query, through the catalog alone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.e2e.place import Place
from tests.support.sample_files import body
from tests.support.stack_harness import listed
from voucher_selector.local_stack.deploy import ROOT, session
from voucher_selector.local_stack.ports import free_port
from voucher_selector.local_stack.stack import running
from voucher_selector.operations.upload import object_key
from voucher_selector.sample_data.file import write_sample
from voucher_selector.stack import Deployed
from vouchers.dynamodb.sources_table import Status
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vouchers.dynamodb.sources_table import State

pytestmark = pytest.mark.stack

COUNTS = """
    SELECT {segment} AS segment_range, voucher_amount, count(*) AS uses
    FROM rows WHERE country = '{country}' AND {segment} IS NOT NULL GROUP BY ALL
"""


@pytest.fixture(scope="module")
def keeping() -> Iterator[Place]:
    """The stack with segmented rows, and with the policies of the functions' roles enforced."""
    with running(free_port(), free_port(), parameters={"SegmentedRows": "true"}, enforce_iam=True) as up:
        yield Place(Deployed(session(), up.endpoint, up.outputs), up.url)


def urls(place: Place) -> dict[tuple[str, str], str]:
    return listed(
        place.deployed.session.client("glue", endpoint_url=place.deployed.endpoint),
        place.deployed.outputs["RowsDatabase"],
    )


def query(place: Place, sql: str, folder: Path) -> list[dict[str, Any]]:
    """Run SQL over what the catalog lists, as ``rows``: the files of each partition, and its values."""
    s3, parts = place.deployed.s3(), list[str]()
    for number, ((source, country), url) in enumerate(sorted(urls(place).items())):
        bucket, prefix = url.removeprefix("s3://").split("/", 1)
        for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
            file = folder / f"{number}-{len(parts)}.parquet"
            s3.download_file(bucket, entry["Key"], str(file))
            parts.append(f"SELECT *, '{source}' AS source, '{country}' AS country FROM '{file}'")  # noqa: S608 - partitions are percent-encoded
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rows AS {' UNION ALL BY NAME '.join(parts)}")
        found = connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def by_sql(place: Place, country: str, folder: Path) -> dict[tuple[str, str, float], int]:
    found = {}
    for segment in load_definitions().names:
        for row in query(place, COUNTS.format(segment=segment, country=country), folder):
            found[segment, row["segment_range"], row["voucher_amount"]] = row["uses"]
    return found


def by_api(place: Place, country: str) -> dict[tuple[str, str, float], int]:
    status, answered = place.ask(f"/v1/counts?country={country}")
    assert status == 200
    return {
        (row["segment_name"], f"{row['min_range']}-{row['max_range']}", row["voucher_amount"]): row["count"]
        for row in json.loads(answered)["rows"]
    }


def upload(place: Place, file: Path, name: str) -> State:
    """Upload a file; the catalog follows its commit."""
    state = place.upload(file, name)
    place.until(lambda: not place.sources.load(object_key(name)).is_unfinished)
    return state


def write(path: Path, name: str) -> Path:
    path.write_bytes(body(name))
    return path


def test_counts_by_sql_are_those_of_the_api(keeping: Place, tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.parquet")
    assert upload(keeping, tmp_path / "sample.parquet", "sample.parquet").status is Status.COUNTED
    assert upload(keeping, write(tmp_path / "dirty", "dirty"), "dirty.parquet").report["rejected"] == 2

    for country in ("peru", "china"):
        assert by_sql(keeping, country, tmp_path) == by_api(keeping, country)
    assert by_sql(keeping, "peru", tmp_path)["recency_segment", "180-99999999", 2640.0] == 49103


def test_what_is_overwritten_or_deleted_is_read_no_longer(keeping: Place, tmp_path: Path) -> None:
    upload(keeping, write(tmp_path / "dirty", "dirty"), "other.parquet")
    upload(keeping, write(tmp_path / "wide", "wide"), "b c.parquet")
    assert len(urls(keeping)) > 80
    upload(keeping, write(tmp_path / "peru", "peru"), "b c.parquet")
    assert [at for at in urls(keeping) if at[0] == "vouchers/b%20c.parquet"] == [
        ("vouchers/b%20c.parquet", "peru")
    ]
    assert by_sql(keeping, "peru", tmp_path) == by_api(keeping, "peru")

    keeping.delete("b c.parquet")
    keeping.until(lambda: "vouchers/b%20c.parquet" not in {source for source, _ in urls(keeping)})
    assert by_sql(keeping, "peru", tmp_path) == by_api(keeping, "peru")


def test_the_query_of_the_documentation_gives_the_counts_by_athena_too(
    keeping: Place, tmp_path: Path
) -> None:
    """The emulator's Athena reads all that is in the table's folder: once all is quiet, what is listed."""
    upload(keeping, write(tmp_path / "peru", "peru"), "peru.parquet")
    (sql,) = re.findall(
        r"```sql\n(.+?)```", (ROOT / "docs" / "how-to" / "query-segmented-rows.md").read_text(), re.DOTALL
    )
    rows = athena(keeping, sql)
    assert {("recency_segment", row[0], float(row[1])): int(row[2]) for row in rows} == {
        cell: count for cell, count in by_api(keeping, "peru").items() if cell[0] == "recency_segment"
    }


def athena(place: Place, sql: str) -> list[list[str]]:
    """Return what Athena answers to a query in the stack's database, without the columns' names."""
    client = place.deployed.session.client("athena", endpoint_url=place.deployed.endpoint)
    begun = client.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": place.deployed.outputs["RowsDatabase"]},
        ResultConfiguration={"OutputLocation": f"s3://{place.deployed.outputs['ResultsBucket']}/athena/"},
    )["QueryExecutionId"]

    def state() -> str:
        found = client.get_query_execution(QueryExecutionId=begun)
        return str(found["QueryExecution"]["Status"]["State"])

    place.until(lambda: state() not in {"QUEUED", "RUNNING"})
    assert state() == "SUCCEEDED"
    _, *rows = client.get_query_results(QueryExecutionId=begun)["ResultSet"]["Rows"]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]
