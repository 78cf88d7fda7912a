"""Datasets that are Delta Lake or Iceberg tables, against moto, with their tasks in this process."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.manifest import DataFileContent
from pyiceberg.types import StringType

from tests.support.datasets import DATASET, count, count_here, order
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import CHINA, DIRTY, PERU, body, expected, file_of, sample_rows
from tests.support.tables import (
    FORMATS,
    KIND,
    SCHEMA,
    Delta,
    Iceberg,
    add_deletes,
    arrow_table,
    inline_vector,
    metadata,
    mirror,
    position_deletes,
    protocol,
    puffin,
    write_log,
    write_vector,
)
from voucher_selector.operations.findings import Problem
from voucher_selector.operations.verify import compare
from voucher_selector.spark_job import listing
from voucher_selector.spark_job.delta_lake import FEATURES
from voucher_selector.spark_job.run import RunError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.support.sample_files import Rows
    from tests.support.stack_harness import StackHarness
    from voucher_selector.spark_job.counting import PieceCounter
    from voucher_selector.spark_job.listing import Task
    from voucher_selector.spark_job.sums import Sums
    from voucher_selector.spark_job.table_version import TableFolder, TableVersion

pytestmark = pytest.mark.usefixtures("own_clients")

ODD = sample_rows(("Côte d'Ivoire/ a=b%20", "2020-01-01", "2020-03-01", "3", 2640.0))


def of_kind(kind: str, rows: Rows) -> Rows:
    return [{**row, KIND: kind} for row in rows]


CONTENTS = {
    "peru": of_kind("peru", PERU),
    "china": of_kind("china", CHINA),
    "dirty": of_kind("dirty", DIRTY),
    "odd": of_kind("odd", ODD),
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(["append", "overwrite"]), st.sampled_from([*CONTENTS.values()])),
    st.tuples(st.just("delete"), st.sampled_from([*CONTENTS])),
    st.tuples(st.sampled_from(["compact", "clean"])),
)


@pytest.mark.parametrize("partitions", [(), ("country_code",), ("country_code", "last_order_ts")])
@pytest.mark.parametrize("format_", FORMATS)
@given(steps=st.lists(STEPS, min_size=1, max_size=5), data=st.data())
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_current_rows_are_counted_after_any_history(
    harness: StackHarness,
    tmp_path_factory: pytest.TempPathFactory,
    format_: str,
    partitions: tuple[str, ...],
    steps: list[tuple[str, Any]],
    data: st.DataObject,
) -> None:
    table = FORMATS[format_](tmp_path_factory.mktemp("table"), partitions)
    table.append(CONTENTS["peru"] + CONTENTS["dirty"])
    looks = data.draw(st.sets(st.integers(0, len(steps) - 1)))
    for number, (step, *arguments) in enumerate(steps):
        getattr(table, step)(*arguments)
        if number in looks | {len(steps) - 1}:
            mirror(harness, table.folder, DATASET)
            count(harness, forced=data.draw(st.booleans()))
            assert harness.cells() == expected([table.rows])
            assert compare(deployed(harness, Lambda()), [], lambda _: None).is_clean


PHYSICAL = {
    "country_code": "col-1",
    "last_order_ts": "col-2",
    "timestamp": "timestamp",
    "total_orders": "orders",
}


@pytest.mark.parametrize("vector", ["inline", "in a file"])
@pytest.mark.parametrize("mode", ["name", "id"])
def test_deletion_vectors_and_renamed_columns_of_delta_lake(
    harness: StackHarness, tmp_path: Path, vector: str, mode: str
) -> None:
    rows = CHINA + DIRTY
    deleted = [0, 5, len(CHINA)]
    columns = pq.read_table(io.BytesIO(file_of(rows)))
    ids = {name: str(number) for number, name in enumerate([*PHYSICAL, "voucher_amount"], 1)}
    fields = [
        pa.field(PHYSICAL[f.name], f.type, metadata={"PARQUET:field_id": ids[f.name]})
        for f in columns.schema
        if f.name in PHYSICAL
    ]
    folder = tmp_path / "p=a b%2F"
    folder.mkdir()
    for name in ("one.parquet", "old.parquet"):
        stored = columns.select([*PHYSICAL]).cast(columns.select([*PHYSICAL]).schema)
        pq.write_table(
            stored.rename_columns([*PHYSICAL.values()]).cast(pa.schema(fields)),
            folder / name,
            row_group_size=7,
        )
    found = write_vector(tmp_path, deleted) if vector == "in a file" else inline_vector(deleted)
    file = folder / "one.parquet"
    write_log(
        tmp_path,
        protocol("deletionVectors", "columnMapping"),
        metadata(mode, {**PHYSICAL, "voucher_amount": "amount"}, ["voucher_amount"]),
        {
            "add": {
                "path": "p=a%20b%252F/one.parquet",
                "partitionValues": {"amount": "2640.0"},
                "size": file.stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
                "stats": json.dumps({"numRecords": len(rows)}),
                "deletionVector": found,
            }
        },
    )
    mirror(harness, tmp_path, DATASET)

    last = count(harness)

    assert last.error is None
    left = [{**row, "voucher_amount": 2640.0} for n, row in enumerate(rows) if n not in deleted]
    assert harness.cells() == expected([left])
    keys = [key for key in harness.result_keys() if key.startswith("rejected/")]
    assert [row["row"] for key in keys for row in harness.result_rows(key)] == [len(CHINA) + 1]


@pytest.mark.parametrize("vectors", [False, True])
def test_position_deletes_and_deletion_vectors_of_iceberg(
    harness: StackHarness, tmp_path: Path, vectors: bool
) -> None:
    table = Iceberg(tmp_path / "t")
    table.append(CONTENTS["china"])
    table.append(CONTENTS["dirty"])
    dirty, china = (task.file.file_path for task in table.table.scan().plan_files())
    write, ending = (puffin, "puffin") if vectors else (position_deletes, "parquet")
    for rows in ({china: [0, 19]}, {china: [0, 7, 19], dirty: [2]}):
        add_deletes(table.table, DataFileContent.POSITION_DELETES, write(rows), ending)
        mirror(harness, table.folder, DATASET)
        assert count(harness).error is None
    left = [row for n, row in enumerate(CHINA) if n not in {0, 7, 19}] + DIRTY[:2]
    assert harness.cells() == expected([left])
    assert compare(deployed(harness, Lambda()), [], lambda _: None).is_clean


def test_columns_of_iceberg_that_were_renamed_replaced_and_added(
    harness: StackHarness, tmp_path: Path
) -> None:
    table = Iceberg(tmp_path / "t")
    old = pa.schema([f for f in SCHEMA if f.name != "timestamp"])
    plain = table.table
    with plain.update_schema() as schema:
        schema.rename_column("country_code", "land").rename_column("total_orders", "n").delete_column(
            "timestamp"
        )
    names = {"country_code": "land", "total_orders": "n"}
    plain.append(
        pa.Table.from_pylist(CONTENTS["peru"], old).rename_columns([names.get(n, n) for n in old.names])
    )
    with plain.update_schema(allow_incompatible_changes=True) as schema:
        schema.rename_column("land", "country_code").delete_column("n")
    with plain.update_schema() as schema:
        schema.add_column("total_orders", StringType())
    mirror(harness, table.folder, DATASET)

    assert count(harness).error is None

    assert harness.cells() == expected([[{**row, "total_orders": None} for row in PERU]])


@pytest.mark.parametrize("transform", ["identity", "truncate[4]"])
def test_files_of_iceberg_without_the_column_of_their_partition(
    harness: StackHarness, tmp_path: Path, transform: str
) -> None:
    table = Iceberg(tmp_path / "t", ["country_code"])
    table.append(CONTENTS["china"] + CONTENTS["odd"] + CONTENTS["dirty"])
    for file in table.folder.rglob("*.parquet"):
        pq.write_table(pq.ParquetFile(file).read().drop_columns(["country_code"]), file)
    newest = max((table.folder / "metadata").glob("*.metadata.json"))
    newest.write_text(newest.read_text().replace('"transform":"identity"', f'"transform":"{transform}"'))
    mirror(harness, table.folder, DATASET)

    assert count(harness).error is None

    unknown = {} if transform == "identity" else {"country_code": None}
    assert harness.cells() == expected([[{**row, **unknown} for row in table.rows]])


@pytest.mark.parametrize("version", ["1", "3"])
def test_other_versions_of_iceberg_and_default_values(
    harness: StackHarness, tmp_path: Path, version: str
) -> None:
    table = Iceberg(tmp_path / "t", version="1" if version == "1" else "2")
    table.append(CONTENTS["china"])
    with table.table.update_schema(allow_incompatible_changes=True) as schema:
        schema.delete_column("country_code")
    with table.table.update_schema() as schema:
        schema.add_column("country_code", StringType())
    country = None
    if version == "3":
        country = "Peru"
        newest = max((table.folder / "metadata").glob("*.metadata.json"))
        content = json.loads(newest.read_text()) | {"format-version": 3, "next-row-id": 0}
        for field in content["schemas"][-1]["fields"]:
            if field["name"] == "country_code":
                field["initial-default"] = country
        newest.write_text(json.dumps(content))
    mirror(harness, table.folder, DATASET)

    assert count(harness).error is None

    assert harness.cells() == expected([[{**row, "country_code": country} for row in CHINA]])


def test_features_that_change_no_row_are_accepted(harness: StackHarness, tmp_path: Path) -> None:
    Delta(tmp_path).append(CONTENTS["china"])
    break_delta("protocol", protocol(*sorted(FEATURES - {"deletionVectors"}))["protocol"])(tmp_path)
    mirror(harness, tmp_path, DATASET)
    assert count(harness).error is None
    assert harness.cells() == expected([CHINA])


def test_a_column_that_delta_lake_got_later_is_null_before(harness: StackHarness, tmp_path: Path) -> None:
    table = Delta(tmp_path)
    few = pa.Table.from_pylist(CONTENTS["china"], SCHEMA).drop_columns(["total_orders"])
    write_deltalake(tmp_path, few)
    write_deltalake(tmp_path, arrow_table(CONTENTS["china"]), mode="append", schema_mode="merge")
    mirror(harness, tmp_path, DATASET)

    assert count(harness).error is None

    assert table.table.version() == 1
    assert harness.cells() == expected([CHINA, [{**row, "total_orders": None} for row in CHINA]])


@pytest.mark.parametrize("format_", FORMATS)
def test_compaction_changes_no_count_with_the_as_of_date_upload(
    harness: StackHarness, tmp_path: Path, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "t")
    table.append(CONTENTS["china"])
    table.append(CONTENTS["dirty"])
    mirror(harness, table.folder, DATASET)
    count(harness, as_of="upload")
    before, state = harness.cells(), harness.source(DATASET).state
    table.compact()
    table.clean()
    mirror(harness, table.folder, DATASET)
    count(harness, as_of="upload")
    after = harness.source(DATASET).state
    assert state
    assert after
    assert harness.cells() == before
    if format_ == "Delta Lake":
        assert (after.as_of, after.report["objects"]) == (state.as_of, 1)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_version_that_is_committed_meanwhile_is_not_counted_in_part(
    harness: StackHarness, tmp_path: Path, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "t")
    table.append(CONTENTS["peru"])
    mirror(harness, table.folder, DATASET)

    def committing(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
        table.append(CONTENTS["china"])
        mirror(harness, table.folder, DATASET)
        return count_here(tasks, counting)

    run(order(harness), committing)
    assert harness.cells() == expected([PERU])
    found = compare(deployed(harness, Lambda()), [], lambda _: None)
    assert [problem.problem for problem in found.problems] == [Problem.REPLACED]
    count(harness)
    assert harness.cells() == expected([PERU, CHINA])


@pytest.mark.parametrize("format_", FORMATS)
def test_a_table_whose_files_vanish_before_they_are_read_is_listed_again(
    harness: StackHarness, tmp_path: Path, format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = FORMATS[format_](tmp_path / "t")
    table.append(CONTENTS["peru"])
    mirror(harness, table.folder, DATASET)
    read, calls = listing.read_version, list[str]()

    def replacing(folder: TableFolder) -> TableVersion:
        if not calls:
            table.overwrite(CONTENTS["china"])
            mirror(harness, table.folder, DATASET)
        calls.append(folder.root)
        return read(folder)

    monkeypatch.setattr(listing, "read_version", replacing)
    count(harness)
    # The first look has either the old version or, if its files are gone, a second look has the new one.
    assert harness.cells() == expected([PERU if len(calls) == 1 else CHINA])


def test_a_run_fails_if_its_files_are_vacuumed_meanwhile(harness: StackHarness, tmp_path: Path) -> None:
    table = Delta(tmp_path)
    table.append(CONTENTS["peru"])
    mirror(harness, tmp_path, DATASET)

    def replacing(tasks: Sequence[Task], counting: PieceCounter) -> Sums:
        table.overwrite(CONTENTS["china"])
        table.clean()
        mirror(harness, tmp_path, DATASET)
        return count_here(tasks, counting)

    with pytest.raises(RunError, match=r"was replaced or deleted while it was read; start the run again"):
        run(order(harness), replacing)
    assert harness.cells() == {}
    count(harness)
    assert harness.cells() == expected([CHINA])


def test_tables_and_files_beside_them_are_one_dataset(harness: StackHarness, tmp_path: Path) -> None:
    for format_, name in (("Delta Lake", "peru"), ("Apache Iceberg", "china")):
        table = FORMATS[format_](tmp_path / name)
        table.append(CONTENTS["dirty"])
        table.overwrite(CONTENTS[name])
    (tmp_path / "more.parquet").write_bytes(body("peru"))
    mirror(harness, tmp_path, DATASET)
    count(harness)
    assert harness.cells() == expected([PERU, CHINA, PERU])


def test_a_table_that_becomes_empty_counts_for_nothing(harness: StackHarness, tmp_path: Path) -> None:
    table = Delta(tmp_path)
    table.append(CONTENTS["peru"])
    mirror(harness, tmp_path, DATASET)
    count(harness)
    table.delete("peru")
    mirror(harness, tmp_path, DATASET)
    assert count(harness).outcome == "deleted"
    assert harness.cells() == {}
    assert compare(deployed(harness, Lambda()), [], lambda _: None).is_clean


def break_delta(action: str, content: dict[str, Any]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        log = folder / "_delta_log" / f"{0:020d}.json"
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for content_of in (found[action] for found in actions if action in found):
            content_of.update(content)
        log.write_text("\n".join(map(json.dumps, actions)))

    return change


def equality_deletes(table: Iceberg) -> None:
    add_deletes(table.table, DataFileContent.EQUALITY_DELETES, position_deletes({"": [0]}), "parquet")


def two_newest(table: Iceberg) -> None:
    newest = max((table.folder / "metadata").glob("*.metadata.json"))
    newest.with_name(f"{newest.name[:5]}-other.metadata.json").write_bytes(newest.read_bytes())


def lose_files(table: Any) -> None:
    for file in table.folder.rglob("*.parquet"):
        file.unlink()


def foreign_manifests(table: Iceberg) -> None:
    newest = max((table.folder / "metadata").glob("*.metadata.json"))
    newest.write_text(
        newest.read_text().replace(f'"location":"{table.table.location()}"', '"location":"s3://b/t"')
    )


def cut_metadata(table: Iceberg) -> None:
    newest = max((table.folder / "metadata").glob("*.metadata.json"))
    newest.write_text(newest.read_text()[:-9])


REFUSED: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "feature": (
        "Delta Lake",
        lambda table: break_delta("protocol", protocol("catalogManaged")["protocol"])(table.folder),
        r"catalog-managed",
    ),
    "unknown feature": (
        "Delta Lake",
        lambda table: break_delta("protocol", protocol("rowsElsewhere")["protocol"])(table.folder),
        r"rowsElsewhere",
    ),
    "clone": (
        "Delta Lake",
        lambda table: break_delta("add", {"path": "s3://elsewhere/a.parquet"})(table.folder),
        r"its file 's3://elsewhere/a.parquet' is outside the table's folder",
    ),
    "cut off": (
        "Delta Lake",
        lambda table: (table.folder / "_delta_log" / f"{0:020d}.json").write_text('{"metaData'),
        r"cannot be read",
    ),
    "lost files": (
        "Delta Lake",
        lose_files,
        r"1 files of its Delta Lake table '.*' are missing: '.*'; upload the whole",
    ),
    "lost data": ("Apache Iceberg", lose_files, r"1 files of its Apache Iceberg table '.*' are missing"),
    "equality deletes": ("Apache Iceberg", equality_deletes, r"equality deletes"),
    "two newest": (
        "Apache Iceberg",
        two_newest,
        r"several metadata files of its newest version: metadata/00001-",
    ),
    "elsewhere": (
        "Apache Iceberg",
        foreign_manifests,
        r"its file '.*' is not below the table's location 'b/t/'",
    ),
    "broken": ("Apache Iceberg", cut_metadata, r"cannot be read"),
}


@pytest.mark.parametrize(("format_", "change", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_table_that_cannot_be_read_fails_in_a_sentence(
    harness: StackHarness, tmp_path: Path, format_: str, change: Callable[[Any], None], message: str
) -> None:
    table = FORMATS[format_](tmp_path / "t")
    table.append(CONTENTS["peru"])
    mirror(harness, table.folder, DATASET)
    count(harness)
    change(table)
    mirror(harness, table.folder, DATASET)

    last = count(harness)

    assert last.outcome == "failed"
    assert re.fullmatch(rf"'{DATASET}' was not counted: .*{message}.*", last.error or "")
    assert harness.cells() == {}
    assert list(compare(deployed(harness, Lambda()), [], lambda _: None).failed) == [DATASET]


def test_the_hint_of_a_hadoop_catalog_names_the_version(harness: StackHarness, tmp_path: Path) -> None:
    table = Iceberg(tmp_path / "t")
    table.append(CONTENTS["peru"])
    metadata = sorted((table.folder / "metadata").glob("*.metadata.json"))
    for number, file in enumerate(metadata, 1):
        file.rename(file.with_name(f"v{number}.metadata.json"))
    (table.folder / "metadata" / "v3.metadata.json").write_text("{}")
    (table.folder / "metadata" / "version-hint.text").write_text(str(len(metadata)))
    mirror(harness, table.folder, DATASET)
    count(harness)
    assert harness.cells() == expected([PERU])
