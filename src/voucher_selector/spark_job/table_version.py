"""The current version of a Delta Lake or Apache Iceberg table in a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from numpy.typing import NDArray

from ingest.errors import FileError
from ingest.parquet.column_names import TableColumns
from ingest.storage.s3_objects import translate_errors
from vouchers.text import truncate

if TYPE_CHECKING:
    import numpy as np
    from mypy_boto3_s3 import S3Client

MAX_REQUESTS = 16
"""Objects that are read at the same time."""


class TableFile(NamedTuple):
    """A data file of a table: its columns, and the numbers of its deleted rows, ascending; None for none."""

    columns: TableColumns
    deleted: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class TableVersion:
    """The current version of a table.

    Attributes:
        files: by key.
        changed: the time of the last commit that changed rows, unlike a compaction; None if it is unknown.
    """

    files: Mapping[str, TableFile]
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class TableFolder:
    """The folder of a table in a bucket.

    Attributes:
        client: of S3.
        bucket: of the table.
        root: the prefix of its objects, ending in a slash.
        format: of the table.
        names: of its objects, without the prefix.
    """

    client: S3Client
    bucket: str
    root: str
    format: str
    names: frozenset[str]

    def read(self, name: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            SupersededError: if it does not exist.
            FileError: if it cannot be read.
            botocore.exceptions.ClientError: if S3 refuses otherwise.
        """
        with translate_errors(self.root + name):
            return self.client.get_object(Bucket=self.bucket, Key=self.root + name)["Body"].read()

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the bytes of objects by name; raises what ``read`` raises."""
        ordered = sorted(names)
        with ThreadPoolExecutor(MAX_REQUESTS) as requests:
            return dict(zip(ordered, requests.map(self.read, ordered), strict=True))

    def error(self, reason: object) -> FileError:
        """Return the error of a table that cannot be read."""
        short = truncate(str(reason).split("\n", 1)[0].rstrip("."), 300)
        message = f"its {self.format} table '{truncate(self.root)}' cannot be read: {short}"
        return FileError(message, "write its rows to a new table or to Parquet files, and count these")
