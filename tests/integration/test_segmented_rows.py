"""Segmented rows: what is written for a file, what readers find, and how it is deleted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ingest.handler import IngestError
from ingest.parquet import reader
from ingest.row_outputs import glue_catalog, segmented_writer
from ingest.row_outputs.glue_catalog import GlueCatalog
from tests.support import oracle
from tests.support.crash_injection import Crash
from tests.support.sample_files import FILES, body, expected, file_of, sample_rows
from tests.support.stack_harness import UPLOADED, parquet
from vouchers.dynamodb.sources_table import SourcesTable
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.conftest import Switch
    from tests.support.stack_harness import Cells, StackHarness

KEY, OTHER = "vouchers/a.parquet", "vouchers/other.parquet"


@pytest.fixture(autouse=True)
def kept(keep_rows: Switch) -> None:
    keep_rows(on=True)


def found(harness: StackHarness) -> Cells:
    return harness.listed_cells(load_definitions())


def test_a_row_is_kept_as_counting_sees_it(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, body("peru")))

    first, repaired, unsegmented = sorted(harness.listed_rows(), key=lambda row: str(row["voucher_amount"]))[
        ::-1
    ]
    assert (unsegmented["voucher_amount"], unsegmented["total_orders"]) == (0.0, 0.0)
    assert (first["country_code"], first["country"], first["source"]) == ("PERU", "peru", KEY)
    assert (first["last_order_ts"], first["timestamp"], first["total_orders"]) == (None, None, 4.5)
    assert (first["recency_segment"], first["frequent_segment"]) == (None, None)
    assert (repaired["recency_segment"], repaired["frequent_segment"]) == ("180-99999999", "0-4")
    assert repaired["last_order_ts"] == date(2020, 1, 1)
    assert repaired["first_order_ts"] is None
    assert {row["as_of"] for row in harness.listed_rows()} == {UPLOADED.date()}


def test_a_row_has_dates_and_the_range_of_its_moment(harness: StackHarness) -> None:
    """UPLOADED is at noon, and 30 days are a limit between ranges."""
    moments = ["2026-10-23 12:00:00", "2026-10-23 12:00:00.000001", "1969-12-31 23:59:59.999999"]
    harness.ingest(harness.put(KEY, file_of(sample_rows(*(("Peru", m, None, "3", 2640.0) for m in moments)))))

    rows = {(str(row["last_order_ts"]), row["recency_segment"]) for row in harness.listed_rows()}
    assert rows == {("2026-10-23", "30-60"), ("2026-10-23", None), ("1969-12-31", "180-99999999")}
    assert found(harness) == harness.cells()


@pytest.mark.parametrize("name", ["peru", "china", "dirty", "wide"])
def test_a_reader_of_the_catalog_counts_what_was_counted(harness: StackHarness, name: str) -> None:
    harness.ingest(harness.put(KEY, body(name)), harness.put(OTHER, body("peru")))

    assert found(harness) == harness.cells()


def test_the_table_has_an_index_of_each_partition_that_queries_name(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[dict[str, Any]] = []
    send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - every call passes it

    def note(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        created.extend([parameters] * (name == "CreateTable"))
        return send(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    harness.ingest(harness.put(KEY, body("peru")))

    (table,) = created
    assert [index["Keys"] for index in table["PartitionIndexes"]] == [["source"], ["country"]]
    assert table["TableInput"]["Parameters"]["partition_filtering.enabled"] == "true"


def test_an_overwritten_file_is_read_once(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, body("wide")))
    harness.ingest(harness.put(KEY, body("china")))

    assert found(harness) == harness.cells()
    assert {country for _, country in harness.listed()} == {"china"}
    assert len({key.rsplit("/", 2)[0] for key in harness.result_keys()}) == 1


@pytest.mark.parametrize("name", ["none", "broken", None])
def test_nothing_is_listed_or_left_of_a_file_that_counts_for_nothing(
    harness: StackHarness, name: str | None
) -> None:
    harness.ingest(harness.put(KEY, body("peru")))
    try:
        harness.ingest(harness.delete(KEY) if name is None else harness.put(KEY, body(name)))
    except IngestError:
        assert name == "broken"

    assert (harness.listed(), harness.result_keys()) == ({}, [])


@pytest.mark.parametrize(
    "country",
    [
        "Côte d'Ivoire",
        "a/b",
        "#x",
        "100%",
        "a=b",
        "中国",
        "U+00e9 é",
        "..",
        "_hidden",
        "x" * 900,
        "tab\tin it",
    ],
)
def test_a_country_may_be_called_anything(harness: StackHarness, country: str) -> None:
    uses = [(name, "2020-01-01", None, "3", 2640.0) for name in (country, country.upper(), f" {country} ")]
    harness.ingest(harness.put(KEY, file_of(sample_rows(*uses))))

    assert found(harness) == harness.cells()
    assert len(harness.listed()) == 1
    assert Counter(row["country_code"] for row in harness.listed_rows()) == Counter(
        oracle.spelling(name) for name, *_ in uses
    )


@pytest.mark.parametrize(
    "key",
    [
        "vouchers/a b+ü'\"\\{}[*]?.parquet",
        "vouchers/2018//../100%25/./x=1.parquet",
        f"vouchers/{'é' * 450}.parquet",
        f"vouchers/{'x' * 1000}.parquet",
    ],
)
def test_a_source_may_be_called_anything(harness: StackHarness, key: str) -> None:
    harness.ingest(harness.put(key, body("peru")), harness.put(OTHER, body("china")))
    assert found(harness) == harness.cells()

    harness.ingest(harness.delete(key))
    assert found(harness) == harness.cells()
    assert {source for source, _ in harness.listed()} == {OTHER}


def test_a_new_segment_becomes_a_column_and_a_replay_fills_it(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    harness.ingest(harness.put(KEY, body("peru")), harness.put(OTHER, body("china")))
    redefine('[orders]\nattribute = "total_orders"\nranges = [[0, 9]]\n')
    harness.ingest(harness.replay(KEY))

    of_key = [row for row in harness.listed_rows() if row["source"] == KEY]
    assert sorted(str(row["orders"]) for row in of_key) == ["0-9", "0-9", "0-9"]
    columns = harness.glue.get_table(DatabaseName=harness.database, Name="voucher_selector")["Table"]
    names = [column["Name"] for column in columns["StorageDescriptor"]["Columns"]]
    assert names[-3:] == ["recency_segment", "frequent_segment", "orders"]


def test_many_rows_are_written_some_at_a_time(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmented_writer, "ROWS_AT_A_TIME", 7)
    monkeypatch.setattr(reader, "BATCH_ROWS", 3)
    rows = FILES["wide"][:15] * 3
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    harness.ingest(harness.put(KEY, parquet(table)))

    assert found(harness) == harness.cells()
    assert len([key for key in harness.result_keys() if key.endswith(".parquet")]) > len(harness.listed())


def test_a_file_that_fails_half_way_leaves_no_rows(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmented_writer, "ROWS_AT_A_TIME", 1)
    table = pa.table({n: [row[n] for row in FILES["china"] * 50] for n in FILES["wide"][0]})
    whole = bytearray(parquet(table, row_group_size=100, write_page_checksum=True, use_dictionary=False))
    at = len(whole) * 3 // 5
    whole[at : at + 40] = bytes(40)
    with pytest.raises(IngestError, match="was not counted"):
        harness.ingest(harness.put(KEY, bytes(whole)))

    assert (harness.listed(), harness.result_keys()) == ({}, [])


def test_an_optional_column_that_cannot_be_read_is_empty(harness: StackHarness) -> None:
    table = pa.table(
        {
            "country_code": ["Peru"],
            "last_order_ts": ["2020-01-01"],
            "total_orders": [1],
            "voucher_amount": [5.0],
        }
        | {"first_order_ts": ["no date"], "timestamp": [[1, 2]]}
    )
    assert harness.ingest(harness.put(KEY, parquet(table))) == ["counted"]
    (row,) = harness.listed_rows()
    assert (row["first_order_ts"], row["timestamp"], row["voucher_amount"]) == (None, None, 5.0)


def test_a_replay_keeps_the_rows_of_what_was_counted_before_they_were_kept(
    harness: StackHarness, keep_rows: Switch
) -> None:
    keep_rows(on=False)
    harness.ingest(harness.put(KEY, body("peru")), harness.put(OTHER, body("none")))
    assert harness.result_keys() == []

    keep_rows(on=True)
    assert harness.ingest(harness.replay(KEY), harness.replay(OTHER)) == ["counted", "duplicate"]
    assert found(harness) == harness.cells()
    assert harness.ingest(harness.replay(KEY)) == ["duplicate"]


def test_a_replay_lists_again_what_the_catalog_has_lost(harness: StackHarness, keep_rows: Switch) -> None:
    harness.ingest(harness.put(KEY, body("wide")))
    keep_rows(on=False)
    keep_rows(on=True)
    assert harness.listed() == {}

    assert harness.ingest(harness.replay(KEY)) == ["duplicate"]
    assert found(harness) == harness.cells()
    assert harness.source(KEY).catalog_writers == frozenset()


def test_switched_off_rows_are_not_written_and_old_ones_left_to_a_replay(
    harness: StackHarness, keep_rows: Switch
) -> None:
    harness.ingest(harness.put(KEY, body("peru")))
    folder = harness.source(KEY).objects
    keep_rows(on=False)

    assert harness.ingest(harness.replay(KEY)) == ["counted"]
    source = harness.source(KEY)
    assert (source.objects, source.orphans, source.catalog_writers) == (set(), frozenset(), frozenset())
    assert {key.rsplit("country=")[0] for key in harness.result_keys()} == folder


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ConcurrentModificationException", "OperationTimeoutException"]
)
@pytest.mark.parametrize("call", ["GetPartitions", "CreateTable", "BatchCreatePartition", "GetTable"])
def test_glue_may_be_busy(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch, code: str, call: str
) -> None:
    refuse(monkeypatch, call, ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, call))
    assert harness.ingest(harness.put(KEY, body("peru"))) == ["counted"]
    assert found(harness) == harness.cells()


def test_partitions_made_meanwhile_by_another_process_are_updated(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = {"PartitionValues": [KEY, "peru"], "ErrorDetail": {"ErrorCode": "AlreadyExistsException"}}
    refuse(monkeypatch, "BatchCreatePartition", {"Errors": [detail]})
    assert harness.ingest(harness.put(KEY, body("peru"))) == ["counted"]
    assert found(harness) == harness.cells()


def test_a_refusal_of_glue_is_reported_and_corrected_by_the_next_event(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refusing:
        denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetPartitions")
        refuse(refusing, "GetPartitions", denied)
        with pytest.raises(IngestError, match=r"'vouchers/a\.parquet' is not counted yet: .*AccessDenied"):
            harness.ingest(harness.put(KEY, body("peru")))
    assert harness.source(KEY).catalog_writers
    harness.ingest(harness.replay(KEY))
    assert found(harness) == harness.cells()


def test_counts_do_not_wait_for_glue(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as refusing:
        for name in ("peru", "china"):
            denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetPartitions")
            refuse(refusing, "GetPartitions", denied)
            with pytest.raises(IngestError):
                harness.ingest(harness.put(KEY, body(name)))
            assert harness.cells() == expected([FILES[name]])
    assert harness.ingest(harness.replay(KEY)) == ["duplicate"]
    assert found(harness) == harness.cells()
    assert harness.source(KEY).orphans == frozenset()
    assert len({key.rsplit("/", 2)[0] for key in harness.result_keys()}) == 1


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, answer: Exception | dict[str, Any]) -> None:
    """Give the first call of this operation an answer or an error."""
    real, answers = BaseClient._make_api_call, [answer]  # type: ignore[attr-defined] # noqa: SLF001 - botocore's one entry point

    def calling(self: Any, name: str, arguments: Any) -> Any:
        if name == call and answers:
            message = answers.pop()
            if isinstance(message, Exception):
                raise message
            return message
        return real(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", calling)


def overtaken(harness: StackHarness, monkeypatch: pytest.MonkeyPatch, *, dies: bool) -> None:
    """Count two files of one key concurrently: the first process lists its rows after the second."""
    first = harness.put(KEY, body("peru"))
    point, begun = GlueCatalog.point, list[str]()

    def slow(self: GlueCatalog, source: str, folder: str | None) -> None:
        begun.append(source)
        is_first = len(begun) == 1
        if is_first:
            harness.ingest(harness.put(KEY, body("china")))
        point(self, source, folder)
        if is_first and dies:
            raise Crash

    with monkeypatch.context() as slowly:
        slowly.setattr(GlueCatalog, "point", slow)
        harness.ingest(first)


def test_a_process_that_was_overtaken_puts_the_catalog_right(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtaken(harness, monkeypatch, dies=False)

    assert harness.source(KEY).catalog_writers == frozenset()
    assert found(harness) == harness.cells()
    assert {country for _, country in harness.listed()} == {"china"}


def test_where_it_dies_over_it_whoever_comes_next_does(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Crash):
        overtaken(harness, monkeypatch, dies=True)
    assert found(harness) != harness.cells()
    assert len(harness.source(KEY).catalog_writers) == 1

    harness.ingest(harness.replay(KEY))
    assert found(harness) == harness.cells()


def test_only_writers_that_may_be_alive_are_waited_for(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Crash):
        overtaken(harness, monkeypatch, dies=True)
    harness.ingest(harness.replay(KEY))
    assert harness.source(KEY).catalog_writers != frozenset()

    monkeypatch.setattr(glue_catalog, "MAX_PROCESS_LIFETIME", timedelta(0))
    harness.ingest(harness.replay(KEY))
    assert harness.source(KEY).catalog_writers == frozenset()


def test_off_nothing_is_loaded_or_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "file.parquet"
    file.write_bytes(body("peru"))
    code = (
        "import os, sys\n"
        "from moto import mock_aws\n"
        "from tests.support.crash_injection import calls\n"
        "from tests.support.stack_harness import StackHarness\n"
        "with mock_aws(), calls() as made:\n"
        "    harness = StackHarness().create()\n"
        "    os.environ.update(harness.environment)\n"
        f"    record = harness.put({KEY!r}, open({str(file)!r}, 'rb').read())\n"
        "    made.made.clear()\n"
        "    assert harness.ingest(record) == ['counted']\n"
        "print(made.made, sorted({'awswrangler', 'pandas'} & set(sys.modules)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": "functions:src:."}
    ran = subprocess.run(  # noqa: S603 - this interpreter, and the code above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    calls_made = ["GetItem", "HeadObject", "ListObjectsV2", "GetObject", "TransactWriteItems"]
    assert ran.stdout.splitlines()[-1] == f"{calls_made} []"


def test_table_of_sources_reads_items_written_before_there_were_rows(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, body("peru")))
    item = harness.dynamodb.get_item(TableName=harness.sources, Key={"source": {"S": KEY}})["Item"]
    del item["rows_folder"]
    harness.dynamodb.put_item(TableName=harness.sources, Item=item)
    state = SourcesTable(harness.dynamodb, harness.sources).load(KEY).state
    assert state is not None
    assert state.rows_folder is None
