"""The results bucket: large contributions, rejected rows and segmented rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ingest.storage.partition_names import TABLE, decoded, source_partition
from vouchers.counts import Contribution
from vouchers.dynamodb.sources_table import Source, State, decode, encode

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_INLINE_BYTES = 10_000
"""Bytes of a contribution that is stored in the source's item.

DynamoDB charges for each change of an item by its whole size, and each transaction of a large commit changes
it.
"""

MAX_SOURCE_KEY_BYTES = 900
"""Bytes of a source's key that its result keys repeat: S3's limit for a key is 1,024."""

RESULT_KEY = re.compile(r"(?P<name>[^/]+/(?P<source>.+)/(?P<revision>\d{8,})-[^/]+(/|$)).*", re.DOTALL)


class ResultKeys(NamedTuple):
    """The keys of the results of one commit: only the next revision of a source may refer to them.

    Attributes:
        contribution: begins the key of a large contribution.
        rejected: begins the key of the rejected rows.
        rows: begins the name of the folder of segmented rows.
    """

    contribution: str
    rejected: str
    rows: str

    @classmethod
    def of(cls, source: Source) -> ResultKeys:
        """Return the keys for the next commit of a source."""
        key, revision = source.key.encode(), f"{source.revision + 1:08d}-"
        name = source.key if len(key) <= MAX_SOURCE_KEY_BYTES else hashlib.sha256(key).hexdigest()
        rows = f"{TABLE}/{source_partition(source.key)}/{revision}"
        return cls(f"contributions/{name}/{revision}", f"rejected/{name}/{revision}", rows)


class Result(NamedTuple):
    """A result of a commit, by the source and the revision in its name; a folder's name ends in a slash."""

    name: str
    source: str
    revision: int


def parse_result_key(key: str) -> Result | None:
    """Return the result that an object of the results bucket is, or belongs to; None if it is none."""
    match = RESULT_KEY.fullmatch(key)
    if not match:
        return None
    source = decoded(match["source"]) if key.startswith(f"{TABLE}/") else match["source"]
    return Result(match["name"], source, int(match["revision"]))


@dataclass(frozen=True, slots=True)
class ResultsBucket:
    """Reads and writes results. All methods raise botocore's errors if S3 refuses or cannot be reached."""

    client: S3Client
    bucket: str

    def store_contribution(self, keys: ResultKeys, contribution: Contribution) -> dict[str, str]:
        """Store a contribution, and return the fields of the state that refer to it.

        A small contribution is not stored here, but is returned as a field of the state.
        """
        text = encode(contribution)
        if len(text.encode()) <= MAX_INLINE_BYTES:
            return {"contribution": text}
        key = f"{keys.contribution}{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        self.write_text(key, text)
        return {"contribution_object": key}

    def load_contribution(self, state: State | None) -> Contribution:
        """Return what a state contributes to the counts; nothing if there is no state."""
        if state and state.contribution_object:
            body = self.client.get_object(Bucket=self.bucket, Key=state.contribution_object)["Body"]
            return decode(body.read().decode())
        return decode(state.contribution) if state and state.contribution else {}

    def write_text(self, key: str, text: str) -> None:
        """Store a JSON text as an object."""
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=text.encode(), ContentType="application/json"
        )

    def store_file(self, key: str, file: IO[bytes]) -> None:
        """Store an open file as an object."""
        file.seek(0)
        self.client.put_object(Bucket=self.bucket, Key=key, Body=file)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, and folders with their objects (names that end in a slash), if they exist."""
        for name in sorted(names):
            if not name.endswith("/"):
                self.client.delete_object(Bucket=self.bucket, Key=name)
                continue
            for keys in self.list_pages(name):
                objects: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
                self.client.delete_objects(Bucket=self.bucket, Delete=objects)

    def has(self, name: str) -> bool:
        """Return whether an object exists, or a folder has an object; a folder's name ends in a slash."""
        return any(name in keys or name.endswith("/") for keys in self.list_pages(name))

    def list_folders(self, folder: str) -> Iterator[str]:
        """Yield the names of the folders in a folder, without slashes; the folder's name ends in a slash."""
        paginator = self.client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=folder, Delimiter="/"):
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"].removeprefix(folder).removesuffix("/")

    def list_pages(self, prefix: str) -> Iterator[list[str]]:
        """Yield the keys under a prefix, page by page."""
        paginator = self.client.get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=prefix):
            if keys := [found["Key"] for found in page.get("Contents", [])]:
                yield keys
