"""Our counting of an object by a range request for each read, none of them ahead."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from benchmarks.contestants.ours import count_source
from benchmarks.s3 import client

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from benchmarks.segments import Counts


class Ranged(io.RawIOBase):
    """An object as a seekable file."""

    def __init__(self, s3: S3Client, bucket: str, key: str) -> None:
        super().__init__()
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self._size = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        self._at = 0

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Ask for the next bytes."""
        end = self._size if size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        held = f"bytes={self._at}-{end - 1}"
        data = self._s3.get_object(Bucket=self._place["Bucket"], Key=self._place["Key"], Range=held)[
            "Body"
        ].read()
        self._at += len(data)
        return data


def count(path: Path, *, by_row: bool, cores: int) -> Counts:  # noqa: ARG001  (it uses what cores there are)
    """Count an object."""
    return count_source(Ranged(client(), path.parent.name, path.name), by_row=by_row)
