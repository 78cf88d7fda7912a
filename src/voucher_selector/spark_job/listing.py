"""The objects of a dataset, and the tasks that count them.

Of a Delta Lake or Apache Iceberg table, the objects are the data files of its current version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ingest.errors import FileError, SupersededError
from ingest.events import is_folder
from ingest.parquet.reader import Part
from ingest.storage.s3_objects import ObjectVersion
from ingest.storage.tables import DELTA, find_tables
from voucher_selector.spark_job.delta_lake import read_delta
from voucher_selector.spark_job.table_version import TableFile, TableFolder, TableVersion
from vouchers.keys import is_marker
from vouchers.text import list_names

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_ATTEMPTS = 3
"""Attempts to list a dataset whose tables change meanwhile."""

MAX_PIECE_BYTES = 256 << 20
"""Larger objects are counted in several pieces."""

TASK_BYTES = 128 << 20
"""Bytes of a task, which takes some seconds; little is lost with a worker."""

OPEN_BYTES = 4 << 20
"""Bytes that could be counted in the time it takes to open an object."""

MIN_TASKS, MAX_TASKS = 16, 20_000
"""A small dataset is divided among several workers; a large one has as many tasks as the driver can track."""


class Piece(NamedTuple):
    """A part of an object.

    ``number`` is its position among the pieces of the dataset, from 0. ``table_file`` describes the object if
    it belongs to a table.
    """

    number: int
    version: ObjectVersion
    part: Part
    table_file: TableFile | None = None

    @property
    def weight(self) -> int:
        """The work that counting it takes, in bytes."""
        return OPEN_BYTES + self.version.size // self.part.of


Task = list[Piece]
"""Pieces that one worker counts, one after the other."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The objects of a dataset.

    Attributes:
        objects: ordered by key.
        table_files: descriptions of the objects of tables, by key.
        changed: the times of the last changes of the tables.
        error: why a table cannot be counted. Then ``objects`` are all objects of the dataset.
    """

    objects: tuple[ObjectVersion, ...]
    table_files: Mapping[str, TableFile] = field(default_factory=dict)
    changed: tuple[datetime, ...] = ()
    error: FileError | None = None

    @property
    def etag(self) -> str:
        """32 hex digits that change if an object is added, replaced or deleted, or rows of it are deleted."""
        digest = hashlib.sha256()
        digest.update("\n".join(f"{found.etag} {found.size} {found.key}" for found in self.objects).encode())
        for key, (columns, deleted) in sorted(self.table_files.items()):
            digest.update(f"\n{key} {columns}".encode())
            digest.update(b"" if deleted is None else deleted.tobytes())
        return digest.hexdigest()[:32]

    @property
    def uploaded(self) -> datetime:
        """The time of the newest object or change of a table; the dataset must have objects."""
        others = (found.modified for found in self.objects if found.key not in self.table_files)
        return max((*self.changed, *others))

    def tasks(self) -> list[Task]:
        """Divide the objects into tasks of about the same size."""
        pieces: list[Piece] = []
        for version in self.objects:
            parts = max(1, -(-version.size // MAX_PIECE_BYTES))
            pieces += [
                Piece(len(pieces) + part, version, Part(part, parts), self.table_files.get(version.key))
                for part in range(parts)
            ]
        total = sum(piece.weight for piece in pieces)
        full = max(min(TASK_BYTES, total // MIN_TASKS), total // MAX_TASKS)
        tasks: list[Task] = []
        weight = full
        for piece in pieces:
            if weight >= full:
                tasks.append([])
                weight = 0
            tasks[-1].append(piece)
            weight += piece.weight
        return tasks


def list_objects(client: S3Client, bucket: str, prefix: str) -> dict[str, ObjectVersion]:
    """Return all objects under a prefix by key, without empty folders.

    Raises:
        botocore.exceptions.ClientError: if S3 refuses.
    """
    objects = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            key, size, modified = entry["Key"], entry["Size"], entry["LastModified"]
            if not is_folder(key, size):
                objects[key] = ObjectVersion(bucket, key, size, entry["ETag"], None, modified, {})
    return dict(sorted(objects.items()))


def list_dataset(client: S3Client, bucket: str, prefix: str) -> Dataset:
    """Return the dataset under a prefix.

    Markers and empty folders are left out. Of a table, only the data files of its current version are left.

    Raises:
        botocore.exceptions.ClientError: if S3 refuses.
        ModuleNotFoundError: if there is a table, and the library that reads it is not installed.
    """
    for attempt in range(MAX_ATTEMPTS):
        found = list_objects(client, bucket, prefix)
        try:
            return without_old_versions(client, bucket, prefix, found)
        except FileError as error:
            return Dataset(tuple(found.values()), error=error)
        except SupersededError as missing:
            # A commit or a vacuum may have come between the listing and the metadata.
            if attempt == MAX_ATTEMPTS - 1:
                whole = "upload the whole table, and count it again"
                return Dataset(tuple(found.values()), error=FileError(str(missing), whole))
    raise AssertionError


def without_old_versions(
    client: S3Client, bucket: str, prefix: str, found: Mapping[str, ObjectVersion]
) -> Dataset:
    """Return a dataset, given all objects under its prefix.

    Raises:
        FileError: if a table cannot be counted.
        SupersededError: if an object of a table is not there.
        botocore.exceptions.ClientError: if S3 refuses.
        ModuleNotFoundError: if the library that reads a table is not installed.
    """
    tables = find_tables(found)
    table_files: dict[str, TableFile] = {}
    changed = []
    for root, format_ in tables.items():
        names = frozenset(key.removeprefix(root) for key in found if key.startswith(root))
        version = read_version(TableFolder(client, bucket, root, format_, names))
        if missing := sorted(version.files.keys() - found.keys()):
            names_ = list_names(missing, form=lambda key: f"'{key}'")
            raise SupersededError(
                f"{len(missing):,} files of its {format_} table '{root}' are missing: {names_}"
            )
        table_files.update(version.files)
        if version.files:
            changed.append(version.changed or max(found[key].modified for key in version.files))
    roots = tuple(tables)
    objects = (
        version
        for key, version in found.items()
        if key in table_files or not (key.startswith(roots) or is_marker(key.removeprefix(prefix)))
    )
    return Dataset(tuple(objects), table_files, tuple(changed))


def read_version(folder: TableFolder) -> TableVersion:
    """Return the current version of a table; raises what its reader raises."""
    if folder.format == DELTA:
        return read_delta(folder)
    from voucher_selector.spark_job.iceberg import read_iceberg  # noqa: PLC0415 - only tables need PyIceberg

    return read_iceberg(folder)
