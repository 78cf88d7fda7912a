"""Recognize files of Delta Lake and Apache Iceberg tables, by the metadata beside them.

Such a file does not stand alone: its rows may be deleted, or written again to another file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from shlex import quote
from typing import TYPE_CHECKING

from ingest.errors import FileError
from vouchers.keys import PREFIX, is_marker
from vouchers.text import truncate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELTA, ICEBERG = "Delta Lake", "Apache Iceberg"
LOG, METADATA, METADATA_FILE = "_delta_log/", "metadata/", ".metadata.json"
ICEBERG_FOLDERS = {"data", "metadata"}
METADATA_KEYS = {
    DELTA: re.compile(rf"(.*/)?{LOG}[^/]+\.json"),
    ICEBERG: re.compile(rf"(.*/)?{METADATA}[^/]+{re.escape(METADATA_FILE)}"),
}
FIRST_LOG = re.compile(r".*/0+\.json")

VECTOR = re.compile(r"(?:[\w-]+/)?deletion_vector_[0-9a-f-]+\.bin")
"""A file of deletion vectors of Delta Lake, below the folder of the table."""


ITS_FOLDER = "with the folder of the table"


def refuse_table_file(client: S3Client, bucket: str, key: str, prefix: str) -> None:
    """Check that an object is no file of a table under the prefix of uploads.

    Raises:
        FileError: if it is.
        botocore.exceptions.ClientError: if S3 refuses to list the bucket.
    """
    folders = key.removeprefix(prefix).split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        root = prefix + "".join(f"{folder}/" for folder in folders[:depth])
        is_below = depth < len(folders) and folders[depth] in ICEBERG_FOLDERS
        format_ = DELTA if _has(client, bucket, f"{root}{LOG}", ".json") else None
        if format_ is None and is_below and _has(client, bucket, f"{root}{METADATA}", METADATA_FILE):
            format_ = ICEBERG
        if format_:
            raise table_error(format_, root, f"{advice(root)} {ITS_FOLDER}")


def table_error(format_: str, root: str, advice: str) -> FileError:
    """Return the error of a file or folder that has rows of a table, given the table's prefix or folder."""
    return FileError(f"it has rows of the {format_} table '{truncate(root, 200)}'", advice)


def advice(root: str, folder: str = "folder") -> str:
    """Return how to count a table, given its prefix or folder, and the folder to name."""
    name = "history" if root in {"", PREFIX} else root.rstrip("/").rpartition("/")[2]
    return f"count the whole table: make dataset NAME={quote(name)} FROM={quote(folder)}"


def find_tables(keys: Iterable[str]) -> dict[str, str]:
    """Return the formats of tables by their folders, which end in a slash, from the keys of all objects."""
    tables: dict[str, str] = {}
    for key in keys:
        for format_, pattern in METADATA_KEYS.items():
            found = pattern.fullmatch(key)
            # A table of both formats, such as one with UniForm, is read as Delta Lake.
            if found and tables.get(root := found[1] or "") != DELTA:
                tables[root] = format_
    return tables


def is_table_metadata(key: str) -> bool:
    """Return whether an object determines the current version of a table."""
    return table_format(key) is not None or f"/{LOG}" in key


def is_left_out(name: str) -> bool:
    """Return whether a file of a folder is a marker or a temporary file, unless it is part of a Delta log."""
    folder, _, in_log = f"/{name}".rpartition(f"/{LOG}")
    return is_marker(folder.lstrip("/") + in_log.lstrip("_") if in_log and LOG in name else name)


def table_format(key: str) -> str | None:
    """Return the format of the table whose metadata an object is; None if it is none."""
    return next((format_ for format_, pattern in METADATA_KEYS.items() if pattern.fullmatch(key)), None)


def table_begun_by(key: str) -> str | None:
    """Return the folder of the table that an object may begin; None if it begins none."""
    format_ = table_format(key)
    if format_ is None or (format_ == DELTA and not FIRST_LOG.fullmatch(key)):
        return None
    found = METADATA_KEYS[format_].fullmatch(key)
    return found[1] if found else None


def _has(client: S3Client, bucket: str, prefix: str, suffix: str) -> bool:
    """Return whether one of the first objects under a prefix has a suffix."""
    found = client.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return any(entry["Key"].endswith(suffix) for entry in found.get("Contents", []))
