"""Files of Delta Lake and Apache Iceberg tables under the prefix of uploads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ingest.handler import IngestError
from tests.support.sample_files import FILES, PERU, expected, file_of
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from tests.support.stack_harness import StackHarness

UUID = "b6f2a1f0-9d3c-4a7e-8a52-0c1d2e3f4a5b"
PROTOCOL = json.dumps({"protocol": {"minReaderVersion": 1}}).encode()
TABLES = {
    "Delta Lake": ("_delta_log/00000000000000000000.json", f"part-00000-{UUID}-c000.snappy.parquet"),
    "Delta Lake, partitioned": (
        "_delta_log/00000000000000000000.json",
        f"country_code=Peru/month=1/part-00000-{UUID}.c000.snappy.parquet",
    ),
    "Apache Iceberg": (f"metadata/00000-{UUID}.metadata.json", f"data/00000-0-{UUID}.parquet"),
    "Apache Iceberg, partitioned": (
        "metadata/v1.metadata.json",
        f"data/day=2020-01-01/00000-0-{UUID}.parquet",
    ),
}


@pytest.mark.parametrize("root", ["vouchers/", "vouchers/history/", "vouchers/a/b/"])
@pytest.mark.parametrize("name", TABLES)
def test_a_file_of_a_table_is_not_counted(harness: StackHarness, name: str, root: str) -> None:
    metadata, data = TABLES[name]
    harness.put(root + metadata, PROTOCOL)
    record = harness.put(root + data, file_of(PERU))
    format_ = name.partition(",")[0]
    with pytest.raises(IngestError, match=f"it has rows of the {format_} table '{root}'"):
        harness.ingest(record)
    assert harness.cells() == {}


@pytest.mark.parametrize("name", TABLES)
def test_files_that_came_before_their_table_are_not_counted(harness: StackHarness, name: str) -> None:
    metadata, data = TABLES[name]
    other = harness.put("vouchers/other.parquet", file_of(FILES["china"]))
    record = harness.put(f"vouchers/t/{data}", file_of(PERU))
    assert harness.ingest(other, record) == ["counted", "counted"]
    begun = harness.put(f"vouchers/t/{metadata}", PROTOCOL)
    if "Iceberg" in name:
        with pytest.raises(IngestError, match="it has rows of the Apache Iceberg table"):
            harness.ingest(begun)
    else:
        assert harness.ingest(begun) == ["ignored"]
    assert harness.cells() == expected([FILES["china"]])
    state = harness.source(f"vouchers/t/{data}").state
    assert state is not None
    assert state.status is Status.FAILED


@pytest.mark.parametrize(
    ("beside", "key"),
    [
        ("vouchers/history/_delta_log/00000000000000000000.json", "vouchers/history2/a.parquet"),
        ("vouchers/history/_delta_log/00000000000000000000.json", "vouchers/a.parquet"),
        ("vouchers/history/metadata/v1.metadata.json", "vouchers/history/a.parquet"),
        ("vouchers/metadata/columns.json", "vouchers/data/a.parquet"),
        ("vouchers/_delta_log/", "vouchers/a.parquet"),
    ],
)
def test_a_file_beside_a_table_is_counted(harness: StackHarness, beside: str, key: str) -> None:
    harness.put(beside, b"" if beside.endswith("/") else PROTOCOL)
    assert harness.ingest(harness.put(key, file_of(PERU))) == ["counted"]
    assert harness.cells() == expected([PERU])
