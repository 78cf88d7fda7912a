"""A dataset's prefix → its objects, and the tasks that they are counted in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ingest.parquet.reader import Part
from ingest.storage.s3_objects import ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

PIECE = 256 << 20
"""Bytes of an object that are counted in one piece; a larger one is counted in several."""

TASK = 128 << 20
"""Bytes that make a task: some seconds of work, so that little is lost with a worker."""

OBJECT = 4 << 20
"""Bytes that could be counted in the time that it takes to open an object."""

MIN_TASKS, MAX_TASKS = 16, 20_000
"""Tasks that a small dataset is cut into, where it has as many pieces, so that several workers share it; and
those that the driver keeps track of without effort, which get more bytes each where there are more."""


class Piece(NamedTuple):
    """A part of an object; ``number`` is its place among the dataset's pieces, from 0."""

    number: int
    version: ObjectVersion
    part: Part


Task = list[Piece]
"""Pieces that are counted one after the other."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The objects of a dataset, in the order of their keys."""

    objects: tuple[ObjectVersion, ...]

    @property
    def etag(self) -> str:
        """What is the same as long as no object is added, replaced or deleted: 32 hex digits."""
        named = "\n".join(f"{each.etag} {each.size} {each.key}" for each in self.objects)
        return hashlib.sha256(named.encode()).hexdigest()[:32]

    @property
    def uploaded(self) -> datetime:
        """When the newest of its objects was written; there must be one."""
        return max(each.modified for each in self.objects)

    def tasks(self) -> list[Task]:
        """Return the objects as tasks of about the same size, which together have all of them once."""
        pieces = [*_pieces(self.objects)]
        weights = sum(map(_weight, pieces))
        full = max(min(TASK, weights // MIN_TASKS), weights // MAX_TASKS)
        tasks: list[Task] = []
        weight = full
        for piece in pieces:
            if weight >= full:
                tasks.append([])
                weight = 0
            tasks[-1].append(piece)
            weight += _weight(piece)
        return tasks


def list_dataset(client: S3Client, bucket: str, prefix: str) -> Dataset:
    """Return the dataset under a prefix.

    What Spark and Athena pass over is none of its objects: names that begin with ``_`` or ``.``, as
    ``_SUCCESS``, folders with such names, and the folders of S3's console.

    Raises:
        botocore.exceptions.ClientError: if S3 refuses.
    """
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (
        ObjectVersion(bucket, each["Key"], each["Size"], each["ETag"], None, each["LastModified"], {})
        for page in pages
        for each in page.get("Contents", [])
        if _is_data(each["Key"].removeprefix(prefix))
    )
    return Dataset(tuple(sorted(found, key=lambda each: each.key)))


def _is_data(name: str) -> bool:
    return not name.endswith("/") and not any(part.startswith(("_", ".")) for part in name.split("/"))


def _pieces(objects: Iterable[ObjectVersion]) -> Iterator[Piece]:
    number = 0
    for version in objects:
        of = max(1, -(-version.size // PIECE))
        for part in range(of):
            yield Piece(number, version, Part(part, of))
            number += 1


def _weight(piece: Piece) -> int:
    return OBJECT + piece.version.size // piece.part.of
