"""Read the current version of an Apache Iceberg table with PyIceberg, without a catalog."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import FileScanTask, Table
from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
from pyiceberg.table.puffin import PuffinFile
from pyiceberg.table.snapshots import Operation
from pyiceberg.transforms import IdentityTransform

from ingest.parquet.column_names import TableColumns
from ingest.storage.tables import METADATA
from voucher_selector.spark_job.table_version import TableFile, TableFolder, TableVersion
from vouchers.text import list_names

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

HINT = f"{METADATA}version-hint.text"
VERSION = re.compile(rf"{METADATA}v?(\d+)[-.].*metadata\.json")
SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:/*|^/+")

UNREADABLE = (
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    ValidationError,
    pa.ArrowException,
    struct.error,
    zlib.error,
)
"""Exceptions that PyIceberg raises for broken or unsupported metadata."""

Deletes = dict[str, "NDArray[np.int64]"]
"""Numbers of deleted rows by the location of the data file."""


class Objects(FileIO):
    """Reads the objects of a table, given their locations.

    The metadata of a copied table contain the locations of the original. Locations are therefore resolved
    relative to ``location``, that of the table.
    """

    def __init__(self, folder: TableFolder, location: str) -> None:
        super().__init__()
        self.folder, self.base = folder, f"{SCHEME.sub('', location).rstrip('/')}/"

    def name(self, location: str) -> str:
        """Return the name of an object in the folder.

        Raises:
            FileError: if it is elsewhere.
        """
        path = SCHEME.sub("", location)
        if not path.startswith(self.base):
            raise self.folder.error(f"its file '{location}' is not below the table's location '{self.base}'")
        return path.removeprefix(self.base)

    def new_input(self, location: str) -> InputFile:
        """Return an object to read."""
        return Object(location, self.folder, self.name(location))

    def new_output(self, location: str) -> OutputFile:
        """Write nothing."""
        raise NotImplementedError(location)

    def delete(self, location: str | InputFile | OutputFile) -> NoReturn:
        """Delete nothing."""
        raise NotImplementedError(str(location))


class Object(InputFile):
    """One object of a table."""

    def __init__(self, location: str, folder: TableFolder, name: str) -> None:
        super().__init__(location)
        self.folder, self.name = folder, name

    def __len__(self) -> int:
        """Return its size in bytes."""
        return len(self.folder.read(self.name))

    def exists(self) -> bool:
        """Return whether it is there."""
        return self.name in self.folder.names

    def open(self, seekable: bool = True) -> io.BytesIO:  # noqa: ARG002, FBT001, FBT002 - PyIceberg passes it
        """Read it."""
        return io.BytesIO(self.folder.read(self.name))


def read_iceberg(folder: TableFolder) -> TableVersion:
    """Return the current version of a table.

    Raises:
        FileError: if it cannot be read.
        SupersededError: if an object of the metadata was deleted meanwhile.
        botocore.exceptions.ClientError: if S3 refuses.
    """
    name = newest_metadata(folder)
    try:
        metadata = FromInputFile.table_metadata(Object(folder.root + name, folder, name))
        objects = Objects(folder, metadata.location)
        table = Table(("table",), metadata, folder.root + name, objects, NoopCatalog("none"))
        deletes_of = cache(partial(read_deletes, objects))
        files = dict(data_files(metadata, objects, table.scan().plan_files(), deletes_of))
        return TableVersion(files, last_change(metadata))
    except UNREADABLE as error:
        raise folder.error(error) from None


def newest_metadata(folder: TableFolder) -> str:
    """Return the name of the metadata of the current version: the hinted, or else the highest one.

    Raises:
        FileError: if several have the highest version.
    """
    versions = {name: int(match[1]) for name in folder.names if (match := VERSION.fullmatch(name))}
    others = {name for name in folder.names if name.startswith(METADATA) and name.endswith("metadata.json")}
    if not versions and len(others) == 1:
        return others.pop()
    newest = sorted(name for name, version in versions.items() if version == max(versions.values()))
    if HINT in folder.names:
        hint = folder.read(HINT).decode(errors="replace").strip()
        hinted = [
            f"{METADATA}{hint}",
            *(f"{METADATA}v{hint}{end}" for end in (".metadata.json", ".gz.metadata.json")),
        ]
        newest = [name for name in hinted if name in folder.names] or newest
    if len(newest) != 1:
        names = list_names(newest or sorted(others), form=str)
        raise folder.error(
            f"it has several metadata files of its newest version: {names}; keep only the one in its catalog"
        )
    return newest[0]


def data_files(
    metadata: TableMetadata,
    objects: Objects,
    tasks: Iterable[FileScanTask],
    deletes_of: Callable[[DataFile], Deletes],
) -> Iterator[tuple[str, TableFile]]:
    """Yield the data files of a version by key.

    Args:
        metadata: of the table.
        objects: of the table.
        tasks: the data files, each with the files of its deletes.
        deletes_of: reads a file of deletes.

    Raises:
        FileError: if they cannot be counted.
    """
    schema, specs, identity = metadata.schema(), metadata.specs(), IdentityTransform[object]()
    by_id = {field.field_id: field.name for field in schema.fields}
    types = {field.field_id: field.field_type for field in schema.fields}
    mapping = metadata.name_mapping()
    mapped = mapping.root if mapping else []
    by_name = {
        name: by_id[field.field_id] for field in mapped if field.field_id in by_id for name in field.names
    }

    def text(field_id: int, value: object) -> str | None:
        return None if value is None else identity.to_human_string(types[field_id], value)

    shared = {field.name: text(field.field_id, field.initial_default) for field in schema.fields}
    for task in tasks:
        file = task.file
        if file.file_format != FileFormat.PARQUET:
            raise objects.folder.error(f"its files are {file.file_format.value}, and only Parquet is counted")
        own = {
            by_id[field.source_id]: text(field.source_id, file.partition[place])
            for place, field in enumerate(specs[file.spec_id].fields)
            if isinstance(field.transform, IdentityTransform) and field.source_id in by_id
        }
        deletes = [deletes_of(delete).get(file.file_path) for delete in task.delete_files]
        rows = [found for found in deletes if found is not None]
        columns = TableColumns(by_id, by_name, {**shared, **own} if own else shared)
        deleted = np.unique(np.concatenate(rows)) if rows else None
        yield objects.folder.root + objects.name(file.file_path), TableFile(columns, deleted)


def read_deletes(objects: Objects, file: DataFile) -> Deletes:
    """Return the rows that a file of position deletes or of deletion vectors deletes."""
    body = objects.folder.read(objects.name(file.file_path))
    if file.file_format == FileFormat.PUFFIN:
        vectors = deletion_vectors_from_puffin_file(PuffinFile(body))
        return {vector.referenced_data_file: vector.to_vector().to_numpy() for vector in vectors}
    if file.file_format != FileFormat.PARQUET:
        raise objects.folder.error(f"its deletes are in {file.file_format.value}, and only Parquet is read")
    table = pq.read_table(pa.BufferReader(body), columns=["file_path", "pos"])
    paths = table.column("file_path").combine_chunks().dictionary_encode()
    codes, rows = paths.indices.to_numpy(), table.column("pos").to_numpy()
    return {path: rows[codes == code] for code, path in enumerate(paths.dictionary.to_pylist())}


def last_change(metadata: TableMetadata) -> datetime | None:
    """Return the time of the newest snapshot of the current version that changed rows; None if none did."""
    snapshot = metadata.current_snapshot()
    while snapshot and snapshot.summary and snapshot.summary.operation == Operation.REPLACE:
        parent = snapshot.parent_snapshot_id
        snapshot = metadata.snapshot_by_id(parent) if parent else None
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None
