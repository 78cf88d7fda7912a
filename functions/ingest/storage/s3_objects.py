"""Objects in S3: reading one by ranges, storing and discarding results."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from ingest.errors import SupersededError
from ingest.parquet.read_ahead import BLOCK, ReadAhead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

GONE = {"404", "NoSuchKey", "NoSuchVersion", "412", "PreconditionFailed", "MethodNotAllowed", "405"}
"""S3's codes for: that object, or that version of it, is not there (any longer)."""

INCOMPLETE = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
"""What botocore raises where an answer breaks off, which it does not ask for again by itself."""

ATTEMPTS = 3
"""How often a range is asked for whose answers break off."""

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


@contextmanager
def open_object(client: S3Client, version: ObjectVersion) -> Iterator[io.BytesIO | ReadAhead]:
    """Open a version of an object for reading: at once if it is small, by ranges ahead of the reader if not.

    Opening and reading raise ``SupersededError`` if the version has gone, and botocore's errors if S3 cannot
    be reached.
    """
    if version.size <= BLOCK:
        yield io.BytesIO(_fetched(client, version, 0, version.size))
        return
    with ReadAhead(partial(_fetched, client, version), version.size) as file:
        yield file


def _fetched(
    client: S3Client, version: ObjectVersion, start: int, end: int, attempts: int = ATTEMPTS
) -> bytes:
    if start == end:
        return b""
    # By ETag, not by version id: a version that is no longer current need not be counted, and not every
    # emulator serves a range of a version.
    held = f"bytes={start}-{end - 1}"
    try:
        with _or_superseded(version.key):
            got = client.get_object(Bucket=version.bucket, Key=version.key, Range=held, IfMatch=version.etag)
            return got["Body"].read()
    except INCOMPLETE:
        if attempts == 1:
            raise
        return _fetched(client, version, start, end, attempts - 1)
