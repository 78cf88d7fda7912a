"""Upload files and folders, and wait until they are counted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from boto3.s3.transfer import TransferConfig

from ingest.errors import CORRECT, FileError, SupersededError
from ingest.storage.s3_objects import ObjectVersion, find_object
from ingest.storage.tables import ICEBERG_FOLDERS, advice, find_tables, is_left_out, table_error
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.invoke import for_each
from voucher_selector.stack import Deployed, log_place
from vouchers.dynamodb.sources_table import State, Status
from vouchers.keys import PREFIX, is_marker, is_upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATASETS = "datasets/"
"""Every folder under it is one dataset, which is counted on request."""

NO_METADATA: Mapping[str, str] = MappingProxyType({})

TRANSFER = TransferConfig(multipart_threshold=64 * 1024 * 1024, multipart_chunksize=16 * 1024 * 1024)

ORIGIN_METADATA = "uploaded-from"
"""The metadata of an object with a digest of the path of its file."""

MAX_SECONDS = 900.0
"""Seconds to wait for a count: the timeout of the ingest function."""

SECONDS_BETWEEN_LOOKS = 0.2

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Uploads:
    """Files to upload: path by key, and the prefixes of the folders among the given names."""

    files: dict[str, Path] = field(default_factory=dict)
    prefixes: list[str] = field(default_factory=list)

    @classmethod
    def find(cls, names: Iterable[str], key: str | None = None) -> Uploads:
        """Return the files that names of files and folders lead to.

        The key of a file in a folder begins with the folder's name. ``key`` replaces the name of every given
        file or folder; if it ends in a slash, it replaces the name of a folder, and precedes that of a file.

        Raises:
            CommandError: if there is no such file or folder, a key would not be counted, or two files have
                the same key.
        """
        found = cls()
        for name in names:
            path = Path(name).expanduser()
            if path.is_dir():
                folder = key or (path if path.name not in {"", ".."} else path.resolve()).name
                if not folder:
                    raise CommandError(f"{name} contains all files of this machine. Name another folder.")
                found.prefixes.append(object_key(f"{folder.strip('/')}/"))
                refuse_tables(name)
                for file in list_files(path, is_left_out):
                    found.add(found.prefixes[-1] + file.relative_to(path).as_posix(), file)
            else:
                path = require_file(name)
                refuse_tables(name)
                found.add(
                    object_key(f"{key}{path.name}" if key and key.endswith("/") else key or path.name), path
                )
        return found

    def under(self, stack: Deployed) -> Uploads:
        """Return the same files with keys under the prefix of a stack's uploads."""
        moved = {stack.upload_key(key.removeprefix(PREFIX)): path for key, path in self.files.items()}
        return Uploads(moved, [stack.upload_key(prefix.removeprefix(PREFIX)) for prefix in self.prefixes])

    def add(self, key: str, path: Path) -> None:
        """Add a file.

        Raises:
            CommandError: if its key would not be counted, or another file has it.
        """
        if not is_upload(key):
            raise CommandError(f"{key} would not be counted, because a name in it begins with '_' or '.'")
        if key in self.files:
            message = (
                f"{self.files[key]} and {path} would both be {key}. Upload the folder that contains both."
            )
            raise CommandError(message)
        self.files[key] = path


class Outcome(NamedTuple):
    """The outcome of an upload.

    Attributes:
        key: of the object.
        state: of its source; None if it was replaced, deleted or not counted in time.
        error: why it is not counted.
    """

    key: str
    state: State | None = None
    error: CommandError | None = None


def object_key(name: str) -> str:
    """Return the key of an object to count, given its name with or without the prefix."""
    return PREFIX + name.lstrip("/").removeprefix(PREFIX)


def require_file(name: str) -> Path:
    """Return the path of a readable file.

    Raises:
        CommandError: if there is no such file, or it cannot be read.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise CommandError(f"{name} is not a file" if path.exists() else f"There is no file {name}")
    if not os.access(path, os.R_OK):
        raise CommandError(f"{name} cannot be read: permission denied")
    return path


PROFILE = ".profile.html"
"""The end of the names of the pages that the command `profile` writes beside files."""


AS_PARQUET = "write its rows to a Parquet file, such as with DuckDB's delta_scan or iceberg_scan"
"""What to do with a table that is not to be counted."""


def metadata_above(path: Path) -> Iterator[Path]:
    """Yield the metadata of tables to which a file may belong, by its path."""
    for folder in path.parents:
        yield from folder.glob("_delta_log/*.json")
        if path.relative_to(folder).parts[0] in ICEBERG_FOLDERS:
            yield from folder.glob("metadata/*.metadata.json")


def refuse_tables(name: str, doing: str = "uploaded", way_out: str | None = None) -> None:
    """Check that a file or folder has no rows of a table, whose files must not be counted alone.

    ``doing`` is what cannot be done with it; ``way_out`` is what to do instead, or None: count the table.

    Raises:
        CommandError: if it has.
    """
    path = Path(name).expanduser()
    below = (file for file in path.rglob("*.json") if not is_left_out(file.relative_to(path).as_posix()))
    metadata = (*below, *metadata_above(path.resolve()))
    for root, format_ in find_tables(file.as_posix() for file in metadata).items():
        error = table_error(format_, root, way_out or advice(root, root))
        raise CommandError(describe_failure(name, doing, error))


def describe_failure(name: str, doing: str, error: FileError) -> str:
    """Return why a file of this machine cannot be ``doing``, without the advice to upload another one."""
    way_out = error.advice.removeprefix(CORRECT).removeprefix(", or ")
    return "; ".join(filter(None, (f"{name} cannot be {doing}: {error}", way_out)))


def list_files(folder: Path, leave_out: Callable[[str], bool] = is_marker) -> list[Path]:
    """Return the files of a folder and its subfolders, without markers, temporary files and profiles.

    ``leave_out`` says which files are left out, by their paths in the folder.

    Raises:
        CommandError: if there is no such folder, or it has no files.
    """
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder" if folder.exists() else f"There is no folder {folder}")
    inside = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(PROFILE)
    )
    found = [path for path in inside if not leave_out(path.relative_to(folder).as_posix())]
    if not found:
        raise CommandError(f"There are no files in {folder}")
    return found


def send(
    stack: Deployed,
    files: Mapping[str, Path],
    metadata: Mapping[str, str] = NO_METADATA,
    advance: Callable[[int], object] | None = None,
) -> None:
    """Upload files, given by key, several at a time.

    ``metadata`` is that of the objects. ``advance`` is called with the number of bytes after each part.

    Raises:
        boto3.exceptions.S3UploadFailedError: if S3 refuses a file.
    """
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]

    def upload(key: str) -> None:
        settings = {"Metadata": {**metadata, ORIGIN_METADATA: hash_path(files[key])}}
        s3.upload_file(str(files[key]), bucket, key, ExtraArgs=settings, Callback=advance, Config=TRANSFER)

    for_each(files, upload, lambda *_: None)


def find_other_files(stack: Deployed, files: Mapping[str, Path]) -> dict[str, str]:
    """Return the ETags by key of the objects that were uploaded from other files than ``files``."""
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    found: dict[str, str] = {}

    def note(key: str, current: ObjectVersion | None) -> None:
        origin = current and current.metadata.get(ORIGIN_METADATA)
        if current and origin and origin != hash_path(files[key]):
            found[key] = current.etag

    for_each(files, lambda key: find_current(s3, bucket, key), note)
    return found


def wait_until_counted(stack: Deployed, keys: Iterable[str]) -> Iterator[Outcome]:
    """Yield the outcome of each object that was just uploaded, as soon as it is known."""
    s3, bucket, table = stack.s3(), stack.outputs["UploadsBucket"], stack.sources_table()
    uploaded = {key: find_current(s3, bucket, key) for key in keys}

    def look(key: str) -> Outcome | None:
        version = uploaded[key]
        state = table.load(key).state if version else None
        if version and state and state.is_of(version.version_id, version.etag):
            return Outcome(key, state, find_failure(key, state))
        current = find_current(s3, bucket, key)
        if version is None or current is None:
            return Outcome(key, error=refusal(f"{key} was deleted before it was counted. Upload it again."))
        if (current.version_id, current.etag) != (version.version_id, version.etag):
            return Outcome(key, error=refusal(f"{key} was replaced before it was counted. Upload it again."))
        return None

    for key, outcome in look_until_known(uploaded, look):
        problem = f"{key} was uploaded but not counted within {MAX_SECONDS:.0f} s. See the log: {log_place()}"
        yield outcome or Outcome(key, error=CommandError(problem, Exit.STACK))


def look_until_known(
    keys: Iterable[str], look: Callable[[str], Seen | None]
) -> Iterator[tuple[str, Seen | None]]:
    """Yield each key with what ``look`` returns for it, as soon as that is not None.

    If nothing becomes known for ``MAX_SECONDS``, the remaining keys are yielded with None.
    """
    pending, deadline = list(keys), monotonic() + MAX_SECONDS
    while pending and monotonic() < deadline:
        for key in pending.copy():
            if (seen := look(key)) is not None:
                pending.remove(key)
                deadline = monotonic() + MAX_SECONDS
                yield key, seen
        if pending:
            sleep(SECONDS_BETWEEN_LOOKS)
    yield from ((key, None) for key in pending)


def find_current(s3: S3Client, bucket: str, key: str) -> ObjectVersion | None:
    """Return the current version of an object; None if there is none.

    Raises:
        CommandError: if S3 does not let it be read.
    """
    try:
        return find_object(s3, bucket, key)
    except SupersededError:
        return None
    except FileError as error:
        raise CommandError(f"{key} cannot be read: {error}; {error.advice}", Exit.STACK) from None


def find_failure(key: str, state: State) -> CommandError | None:
    """Return why nothing of a source is counted; None if rows are, or it has none."""
    if state.status is not Status.COUNTED:
        return refusal(state.error or f"{key} was {state.status} before it was counted")
    rows, rejected = state.report["rows"], state.report["rejected"]
    if rejected < rows or not rows:
        return None
    return refusal(f"Nothing of {key} is counted, because all its {rows:,} rows are rejected")


def hash_path(path: Path) -> str:
    """Return a digest of a file's place."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]


def refusal(problem: str) -> CommandError:
    """Return an error that ends a command with "no"."""
    return CommandError(problem, Exit.NO)
