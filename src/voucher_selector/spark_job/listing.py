"""The objects of a dataset, and the tasks that count them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ingest.events import is_folder, is_marker
from ingest.parquet.reader import Part
from ingest.storage.s3_objects import ObjectVersion
from ingest.storage.tables import table_format

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

MAX_PIECE_BYTES = 256 << 20
"""Larger objects are counted in several pieces."""

TASK_BYTES = 128 << 20
"""Bytes of a task, which takes some seconds; little is lost with a worker."""

OPEN_BYTES = 4 << 20
"""Bytes that could be counted in the time it takes to open an object."""

MIN_TASKS, MAX_TASKS = 16, 20_000
"""A small dataset is divided among several workers; a large one has as many tasks as the driver can track."""


class Piece(NamedTuple):
    """A part of an object; ``number`` is its position among the pieces of the dataset, from 0."""

    number: int
    version: ObjectVersion
    part: Part

    @property
    def weight(self) -> int:
        """The work that counting it takes, in bytes."""
        return OPEN_BYTES + self.version.size // self.part.of


Task = list[Piece]
"""Pieces that one worker counts, one after the other."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The objects of a dataset, ordered by key, and the format of the table that they are, if any."""

    objects: tuple[ObjectVersion, ...]
    table: str | None = None

    @property
    def etag(self) -> str:
        """32 hex digits that change if an object is added, replaced or deleted."""
        lines = "\n".join(f"{version.etag} {version.size} {version.key}" for version in self.objects)
        return hashlib.sha256(lines.encode()).hexdigest()[:32]

    @property
    def uploaded(self) -> datetime:
        """The time at which the newest object was written; the dataset must have objects."""
        return max(version.modified for version in self.objects)

    def tasks(self) -> list[Task]:
        """Divide the objects into tasks of about the same size."""
        pieces: list[Piece] = []
        for version in self.objects:
            parts = max(1, -(-version.size // MAX_PIECE_BYTES))
            pieces += [Piece(len(pieces) + part, version, Part(part, parts)) for part in range(parts)]
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


def list_dataset(client: S3Client, bucket: str, prefix: str) -> Dataset:
    """Return the dataset under a prefix.

    Markers and empty folders are left out.

    Raises:
        botocore.exceptions.ClientError: if S3 refuses.
    """
    objects, table = [], None
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            key, size, modified = entry["Key"], entry["Size"], entry["LastModified"]
            table = table or table_format(key)
            if not is_marker(key.removeprefix(prefix)) and not is_folder(key, size):
                objects.append(ObjectVersion(bucket, key, size, entry["ETag"], None, modified, {}))
    return Dataset(tuple(sorted(objects, key=lambda version: version.key)), table)
