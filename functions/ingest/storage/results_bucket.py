"""The results bucket: contributions, rejected rows and segmented rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingest.storage.s3_objects import GONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class ResultsBucket:
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

    def store_file(self, key: str, file: Path) -> None:
        """Store a file as an object."""
        with file.open("rb") as body:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, and folders with all in them (names that end in a slash); none need be there."""
        for name in sorted(names):
            if not name.endswith("/"):
                self.client.delete_object(Bucket=self.bucket, Key=name)
                continue
            for keys in self._pages(name):
                doomed: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
                self.client.delete_objects(Bucket=self.bucket, Delete=doomed)

    def has(self, name: str) -> bool:
        """Say whether an object is there, or anything in a folder, whose name ends in a slash."""
        if name.endswith("/"):
            return any(self._pages(name))
        try:
            self.client.head_object(Bucket=self.bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        return True

    def folders(self, folder: str) -> Iterator[str]:
        """Yield the names of the folders in a folder, whose name ends in a slash; theirs are without."""
        paginator = self.client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=folder, Delimiter="/"):
            for each in page.get("CommonPrefixes", []):
                yield each["Prefix"].removeprefix(folder).removesuffix("/")

    def _pages(self, prefix: str) -> Iterator[list[str]]:
        paginator = self.client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=prefix):
            if found := [each["Key"] for each in page.get("Contents", [])]:
                yield found
