"""Find an object version in S3, and read it in ranges."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from ingest.errors import FileError, SupersededError
from ingest.parquet.read_ahead import BLOCK, ReadAhead

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GONE = {"404", "NoSuchKey", "NoSuchVersion", "412", "PreconditionFailed", "MethodNotAllowed", "405"}
"""S3's codes if an object, or a version of it, does not exist or exists no longer."""

AGAIN = "then run make replay, or make dataset for a dataset"
ARCHIVED = FileError("it is archived", f"restore it in S3, {AGAIN}")
CUSTOMER_KEY = FileError(
    "S3 does not return it without a key, as if it was uploaded with a key of its own (SSE-C)",
    "upload it again without that key",
)
DENIED = FileError(
    "S3 denies access to it",
    f"allow the role of the function or the Spark job to read it and to use its KMS key, {AGAIN}",
)
KMS_FAILED = FileError("its KMS key cannot be used", "enable the key, or upload it again with another key")

UNREADABLE = {
    "400": CUSTOMER_KEY,
    "403": DENIED,
    "AccessDenied": DENIED,
    "InvalidObjectState": ARCHIVED,
    "InvalidRequest": CUSTOMER_KEY,
    "KMS.DisabledException": KMS_FAILED,
    "KMS.KMSInvalidStateException": KMS_FAILED,
    "KMS.NotFoundException": KMS_FAILED,
}
"""Errors by S3's codes if an object exists, and cannot be read. S3 answers HEAD without a code."""

INCOMPLETE = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
"""What botocore raises if a response breaks off; it does not repeat these requests itself."""

ATTEMPTS = 3
"""Requests for a range whose responses break off."""


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
    """Return the version of an object with a version id or an ETag, or else the current version.

    Raises:
        FileError: if it cannot be read.
        SupersededError: if it does not exist, or has another ETag by now.
    """
    which: dict[str, Any] = (
        {"VersionId": version_id} if version_id else {"IfMatch": f'"{etag}"'} if etag else {}
    )
    try:
        with translate_errors(key):
            head = client.head_object(Bucket=bucket, Key=key, **which)
    except FileError as error:
        # S3 denies access to an absent object, too, if the role may only list a prefix of the bucket.
        if str(error) == str(DENIED):
            with suppress(ClientError):
                listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
                if all(entry["Key"] != key for entry in listed.get("Contents", [])):
                    raise SupersededError(f"'{key}' has been replaced or deleted since the event") from None
        raise
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
def translate_errors(key: str) -> Iterator[None]:
    """Raise SupersededError if S3 answers that the object does not exist, FileError if it cannot be read."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in GONE:
            raise SupersededError(f"'{key}' has been replaced or deleted since the event") from None
        if unreadable := UNREADABLE.get(code):
            raise FileError(str(unreadable), unreadable.advice) from None
        raise


@contextmanager
def open_object(client: S3Client, version: ObjectVersion) -> Iterator[io.BytesIO | ReadAhead]:
    """Open a version of an object: a small one is fetched at once, a large one ahead of the reader in ranges.

    Opening and reading raise ``SupersededError`` if the version is gone, ``FileError`` if it cannot be read,
    and botocore's errors if S3 cannot be reached.
    """

    def fetch(start: int, end: int) -> bytes:
        # By ETag, not by version id: a version that is not current need not be counted, and not every
        # emulator serves a range of a version.
        for attempt in range(ATTEMPTS if start < end else 0):
            try:
                with translate_errors(version.key):
                    response = client.get_object(
                        Bucket=version.bucket,
                        Key=version.key,
                        Range=f"bytes={start}-{end - 1}",
                        IfMatch=version.etag,
                    )
                    return response["Body"].read()
            except INCOMPLETE:
                if attempt == ATTEMPTS - 1:
                    raise
        return b""

    if version.size <= BLOCK:
        yield io.BytesIO(fetch(0, version.size))
        return
    with ReadAhead(fetch, version.size) as file:
        yield file
