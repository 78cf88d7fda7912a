"""Objects in S3: reading one by ranges, storing and discarding results."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingest.errors import SupersededError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

GONE = {"404", "NoSuchKey", "NoSuchVersion", "412", "PreconditionFailed", "MethodNotAllowed", "405"}
"""S3's codes for: that object, or that version of it, is not there (any longer)."""

AS_OF_METADATA = "as-of"


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, as S3 describes it."""

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str | None
    modified: datetime
    metadata: Mapping[str, str]


def find_object(
    client: S3Client, bucket: str, key: str, version_id: str | None = None, etag: str | None = None
) -> ObjectVersion:
    """Return the version of an object with that id or ETag, or the current one.

    Raises:
        SupersededError: if it is not there, or no longer has that ETag.
    """
    wanted: dict[str, Any] = (
        {"VersionId": version_id} if version_id else {"IfMatch": f'"{etag}"'} if etag else {}
    )
    with _or_superseded(key):
        head = client.head_object(Bucket=bucket, Key=key, **wanted)
    return ObjectVersion(
        bucket,
        key,
        head["ContentLength"],
        head["ETag"],
        head.get("VersionId") or version_id,
        head["LastModified"],
        head.get("Metadata", {}),
    )


@contextmanager
def _or_superseded(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise SupersededError(f"'{key}' has been replaced or deleted since the event") from None
        raise


class ObjectReader(io.RawIOBase):
    """A version of an object as a seekable file; each read is one range request.

    Reads raise ``SupersededError`` if the version has gone, and botocore's errors if S3 cannot be reached.
    """

    def __init__(self, client: S3Client, version: ObjectVersion) -> None:
        super().__init__()
        self._client = client
        self._version = version
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._version.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or all that are left."""
        end = self._version.size if size < 0 else min(self._position + size, self._version.size)
        if end <= self._position:
            return b""
        data = self._range(self._position, end)
        self._position += len(data)
        return data

    def _range(self, start: int, end: int) -> bytes:
        # By ETag, not by version id: a version that is no longer current need not be counted, and not every
        # emulator serves a range of a version.
        wanted = self._version
        held = f"bytes={start}-{end - 1}"
        with _or_superseded(wanted.key):
            got = self._client.get_object(
                Bucket=wanted.bucket, Key=wanted.key, Range=held, IfMatch=wanted.etag
            )
        return got["Body"].read()


@dataclass(frozen=True, slots=True)
class Results:
    """The results bucket. Every method raises botocore's errors if S3 refuses or cannot be reached."""

    client: S3Client
    bucket: str

    def read_text(self, key: str) -> str:
        """Return an object as text."""
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def write_text(self, key: str, text: str) -> None:
        """Store a text as an object."""
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=text.encode(), ContentType="application/json"
        )

    def discard(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are gone already are no error."""
        for key in sorted(keys):
            self.client.delete_object(Bucket=self.bucket, Key=key)
