"""Uploading a file to a stack, and waiting until its event has been worked off."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ingest.storage.s3_objects import AS_OF_METADATA
from voucher_selector.cli.screen import bar, step
from voucher_selector.errors import CommandError, Exit
from voucher_selector.stack import logs
from vouchers.dynamodb.sources_table import SourcesTable, Status

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State

PREFIX = "vouchers/"
"""Under it, and nowhere else, objects are counted by themselves."""

DATASETS = "datasets/"
"""Under it are datasets, each in a folder of its own, which are counted as a whole when it is asked for."""

IN_ONE_PIECE = TransferConfig(multipart_threshold=64 * 1024 * 1024, multipart_chunksize=16 * 1024 * 1024)

SECONDS = 900.0
"""So long does a function run at most."""

SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An object as it was uploaded; ``version_id`` is None where the bucket has no versions."""

    key: str
    version_id: str | None
    etag: str


class NotCountedError(CommandError):
    """An object was not counted; ``state`` is what its event made of its source."""

    def __init__(self, key: str, state: State) -> None:
        super().__init__(state.error or f"{key} was {state.status} before it was counted", Exit.NO)
        self.state = state


def object_key(name: str) -> str:
    """Return the key of an object that is to be counted, given its name with or without the prefix."""
    return PREFIX + name.lstrip("/").removeprefix(PREFIX)


def load(stack: Deployed, path: Path, key: str, as_of: str | None) -> State:
    """Upload a file as ``key``, wait until it is counted, and return what became of it.

    Args:
        stack: where to.
        path: the file.
        key: as ``object_key`` gives it.
        as_of: a date (ISO), ``row``, or None for the stack's own rule.

    Raises:
        NotCountedError: if the file could not be counted.
        CommandError: if it was replaced or deleted meanwhile, or nothing was heard of it in time.
        boto3.exceptions.S3UploadFailedError: if S3 refuses it.
    """
    uploaded = send(stack, path, key, as_of)
    with step(f"Counting {uploaded.key}"):
        state = wait(stack, uploaded)
        if state.status != Status.COUNTED:
            raise NotCountedError(uploaded.key, state)
    return state


def send(stack: Deployed, path: Path, key: str, as_of: str | None) -> Uploaded:
    """Upload a file, with its as-of date as metadata."""
    bucket = stack.outputs["UploadsBucket"]
    s3 = stack.s3()
    metadata = {"Metadata": {AS_OF_METADATA: as_of}} if as_of else {}
    with bar(f"Uploading {path.name}", path.stat().st_size) as moved:
        s3.upload_file(str(path), bucket, key, ExtraArgs=metadata, Callback=moved, Config=IN_ONE_PIECE)
    return _current(s3, bucket, key)


def wait(stack: Deployed, uploaded: Uploaded, seconds: float = SECONDS) -> State:
    """Return the state that the upload's event made of its source.

    Raises:
        CommandError: if there is none within ``seconds``, or the object is another one by now.
    """
    s3, bucket = stack.s3(), stack.outputs["UploadsBucket"]
    table = SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"])
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        state = table.load(uploaded.key).state
        if state and _is_of(state, uploaded):
            return state
        if _current(s3, bucket, uploaded.key) != uploaded:
            raise CommandError(f"{uploaded.key} was replaced before it was counted; upload it again", Exit.NO)
        sleep(SECONDS_BETWEEN_LOOKS)
    said = f"{uploaded.key} was uploaded but not counted within {seconds:.0f} s"
    raise CommandError(f"{said}; what the ingest function did is in {logs()}", Exit.STACK)


def _current(s3: S3Client, bucket: str, key: str) -> Uploaded:
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"].get("Code") != "404":
            raise
        raise CommandError(f"{key} was deleted before it was counted; upload it again", Exit.NO) from None
    return Uploaded(key, head.get("VersionId"), head["ETag"].strip('"'))


def _is_of(state: State, uploaded: Uploaded) -> bool:
    if state.version_id and uploaded.version_id:
        return state.version_id == uploaded.version_id
    return state.etag is not None and state.etag.strip('"') == uploaded.etag
