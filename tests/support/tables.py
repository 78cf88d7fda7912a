"""Delta Lake and Iceberg tables on disk, written by deltalake and PyIceberg, beside a list of their rows."""

from __future__ import annotations

import io
import json
import string
import uuid
import zlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate
from pyiceberg.typedef import Record
from pyroaring import BitMap

from ingest.storage.tables import is_left_out
from tests.support.sample_files import NAMES, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyiceberg.table import Table

    from tests.support.stack_harness import StackHarness

KIND = "kind"
"""A column by which rows are deleted."""

SCHEMA = pa.schema(
    [(name, pa.float64() if name == "voucher_amount" else pa.string()) for name in (*NAMES, KIND)]
)


def arrow_table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


class Delta:
    """A Delta Lake table, of which ``rows`` are the current rows."""

    def __init__(self, folder: Path, partitions: Sequence[str] = ()) -> None:
        self.folder, self.partitions, self.rows = folder, list(partitions), Rows()

    @property
    def table(self) -> DeltaTable:
        return DeltaTable(self.folder)

    def append(self, rows: Rows) -> None:
        self.rows += rows
        write_deltalake(self.folder, arrow_table(rows), mode="append", partition_by=self.partitions or None)

    def overwrite(self, rows: Rows) -> None:
        self.rows = list(rows)
        write_deltalake(
            self.folder, arrow_table(rows), mode="overwrite", partition_by=self.partitions or None
        )

    def delete(self, kind: str) -> None:
        self.rows = [row for row in self.rows if row[KIND] != kind]
        self.table.delete(f"{KIND} = '{kind}'")

    def compact(self) -> None:
        self.table.optimize.compact()

    def clean(self) -> None:
        self.table.create_checkpoint()
        self.table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


class Iceberg:
    """An Iceberg table, of which ``rows`` are the current rows."""

    def __init__(self, folder: Path, partitions: Sequence[str] = (), version: str = "2") -> None:
        self.folder, self.rows = folder, Rows()
        catalog = InMemoryCatalog("tests", warehouse=f"file://{folder.parent}")
        catalog.create_namespace("uses")
        location, properties = f"file://{folder}", {"format-version": version}
        self.table = catalog.create_table("uses.table", SCHEMA, location=location, properties=properties)
        with self.table.update_spec() as spec:
            for name in partitions:
                spec.add_identity(name)

    def append(self, rows: Rows) -> None:
        self.rows += rows
        self.table.append(arrow_table(rows))

    def overwrite(self, rows: Rows) -> None:
        self.rows = list(rows)
        self.table.overwrite(arrow_table(rows))

    def delete(self, kind: str) -> None:
        self.rows = [row for row in self.rows if row[KIND] != kind]
        self.table.delete(f"{KIND} == '{kind}'")

    def compact(self) -> None:
        self.table.overwrite(self.table.scan().to_arrow())

    def clean(self) -> None:
        snapshots = [snapshot.snapshot_id for snapshot in self.table.snapshots()[:-1]]
        if snapshots:
            self.table.maintenance.expire_snapshots().by_ids(snapshots).commit()


FORMATS: dict[str, Any] = {"Delta Lake": Delta, "Apache Iceberg": Iceberg}


def mirror(harness: StackHarness, folder: Path, prefix: str) -> None:
    """Make the objects under a prefix the files of a folder."""
    files = {
        prefix + path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    files = {key: path for key, path in files.items() if not is_left_out(key.removeprefix(prefix))}
    there = harness.s3.list_objects_v2(Bucket=harness.uploads, Prefix=prefix).get("Contents", [])
    for key in {entry["Key"] for entry in there} - files.keys():
        harness.s3.delete_object(Bucket=harness.uploads, Key=key)
    for key, path in files.items():
        harness.s3.put_object(Bucket=harness.uploads, Key=key, Body=path.read_bytes())


def bitmap(rows: Sequence[int], magic: bytes) -> bytes:
    """Return rows as a bitmap of one 64-bit Roaring bitmap, after its magic."""
    serialized: bytes = BitMap(rows).serialize()
    return magic + (1).to_bytes(8, "little") + (0).to_bytes(4, "little") + serialized


def write_log(folder: Path, *actions: dict[str, Any], version: int = 0) -> None:
    """Write a commit of a Delta log."""
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text("\n".join(map(json.dumps, actions)))


def protocol(*features: str) -> dict[str, Any]:
    """Return the action of a Delta log that asks for features of readers."""
    both = {"readerFeatures": features, "writerFeatures": features}
    return {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **both}}


def metadata(mode: str, physical: dict[str, str], partitions: Sequence[str] = ()) -> dict[str, Any]:
    """Return the metadata action of a Delta log, given the names in the files by names in the table."""
    fields = [
        {
            "name": name,
            "type": "double" if name == "voucher_amount" else "string",
            "nullable": True,
            "metadata": {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": in_file},
        }
        for number, (name, in_file) in enumerate(physical.items(), 1)
    ]
    content = {
        "id": "0",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [*partitions],
        "configuration": {"delta.columnMapping.mode": mode},
    }
    return {"metaData": content}


def write_vector(folder: Path, rows: Sequence[int]) -> dict[str, Any]:
    """Write a file with a deletion vector of Delta Lake, and return what an action says of it."""
    payload, name = bitmap(rows, (1681511377).to_bytes(4, "little")), uuid.uuid4()
    file = b"\1" + len(payload).to_bytes(4, "big") + payload + zlib.crc32(payload).to_bytes(4, "big")
    (folder / f"deletion_vector_{name}.bin").write_bytes(file)
    size = {"offset": 1, "sizeInBytes": len(payload), "cardinality": len(rows)}
    return {"storageType": "u", "pathOrInlineDv": base85(name.bytes), **size}


def inline_vector(rows: Sequence[int]) -> dict[str, Any]:
    """Return an inline deletion vector of Delta Lake."""
    payload = bitmap(rows, (1681511377).to_bytes(4, "little"))
    text = base85(payload + bytes(-len(payload) % 4))
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(payload), "cardinality": len(rows)}


def base85(data: bytes) -> str:
    """Return bytes in ZeroMQ's base 85."""
    digits = string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#"
    words = [int.from_bytes(data[start : start + 4], "big") for start in range(0, len(data), 4)]
    return "".join(digits[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))


class DeleteManifest(ManifestWriterV2):
    """Writes the manifest of files of deletes, which PyIceberg only reads."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def position_deletes(rows: Mapping[str, Sequence[int]]) -> bytes:
    """Return a file of position deletes, given rows by location."""
    pairs = sorted((path, row) for path, of_path in rows.items() for row in of_path)
    table = pa.table({"file_path": [path for path, _ in pairs], "pos": [row for _, row in pairs]})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def puffin(rows: Mapping[str, Sequence[int]]) -> bytes:
    """Return a file of deletion vectors of Iceberg, given rows by location."""
    file, blobs = b"PFA1", []
    for path, of_path in rows.items():
        payload = bitmap(of_path, b"\xd1\xd3\x39\x64")
        blob = len(payload).to_bytes(4, "big") + payload + zlib.crc32(payload).to_bytes(4, "big")
        place = {"offset": len(file), "length": len(blob), "snapshot-id": -1, "sequence-number": -1}
        named = {"referenced-data-file": path, "cardinality": str(len(of_path))}
        blobs.append({"type": "deletion-vector-v1", "fields": [], **place, "properties": named})
        file += blob
    footer = json.dumps({"blobs": blobs, "properties": {}}).encode()
    return file + b"PFA1" + footer + len(footer).to_bytes(4, "little") + bytes(4) + b"PFA1"


def add_deletes(table: Table, content: DataFileContent, body: bytes, ending: str) -> None:
    """Commit a file of deletes to an Iceberg table without partitions, as Spark or Flink do."""
    parent = table.current_snapshot()
    assert parent
    number, sequence, location = (
        parent.snapshot_id + 1,
        (parent.sequence_number or 0) + 1,
        table.location(),
    )
    path = f"{location}/data/{uuid.uuid4()}.{ending}"
    with table.io.new_output(path).create() as out:
        out.write(body)
    file = DataFile.from_args(
        content=content,
        file_path=path,
        file_format=FileFormat[ending.upper()],
        partition=Record(),
        record_count=1,
        file_size_in_bytes=len(body),
        equality_ids=[1] if content is DataFileContent.EQUALITY_DELETES else None,
    )
    manifest = table.io.new_output(f"{location}/metadata/{uuid.uuid4()}-m0.avro")
    with DeleteManifest(table.spec(), table.schema(), manifest, number, "null") as deletes:
        deletes.add(
            ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=file)
        )
    of_list = f"{location}/metadata/snap-{number}.avro"
    with write_manifest_list(
        2, table.io.new_output(of_list), number, parent.snapshot_id, sequence, "null"
    ) as out:
        out.add_manifests([*parent.manifests(table.io), deletes.to_manifest_file()])
    snapshot = {
        "snapshot-id": number,
        "parent-snapshot-id": parent.snapshot_id,
        "sequence-number": sequence,
        "timestamp-ms": table.metadata.last_updated_ms + 1,
        "manifest-list": of_list,
        "summary": {"operation": "delete"},
        "schema-id": table.schema().schema_id,
    }
    main = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": number}
    updates = (
        AddSnapshotUpdate.model_validate({"action": "add-snapshot", "snapshot": snapshot}),
        SetSnapshotRefUpdate.model_validate(main),
    )
    table._do_commit(updates, ())  # noqa: SLF001 - PyIceberg has no way to commit deletes
