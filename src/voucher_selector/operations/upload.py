"""Upload a file, and wait until it is counted."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from boto3.s3.transfer import TransferConfig

from ingest.errors import SupersededError
from ingest.events import PREFIX
from ingest.storage.s3_objects import AS_OF_METADATA, find_object
from voucher_selector.errors import CommandError, Exit
from voucher_selector.stack import log_place
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.storage.s3_objects import ObjectVersion
    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import State

DATASETS = "datasets/"
"""Every folder under it is one dataset, which is counted on request."""

TRANSFER = TransferConfig(multipart_threshold=64 * 1024 * 1024, multipart_chunksize=16 * 1024 * 1024)

MAX_SECONDS = 900.0
"""Seconds to wait for a count: the timeout of the ingest function."""

SECONDS_BETWEEN_LOOKS = 0.2


class NotCountedError(CommandError):
    """An object was not counted; ``state`` is the state of its source."""

    def __init__(self, key: str, state: State) -> None:
        super().__init__(state.error or f"{key} was {state.status} before it was counted", Exit.NO)
        self.state = state


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


def send(
    stack: Deployed, path: Path, key: str, as_of: str | None, advance: Callable[[int], object] | None = None
) -> ObjectVersion:
    """Upload a file under a key from ``object_key``, and return the version of the object.

    The as-of date is an ISO date or moment, ``row`` or ``upload``, or None for the stack's rule. ``advance``
    is called with the number of bytes after each part.

    Raises:
        boto3.exceptions.S3UploadFailedError: if S3 refuses the file.
    """
    metadata = {"Metadata": {AS_OF_METADATA: as_of}} if as_of else {}
    bucket = stack.outputs["UploadsBucket"]
    stack.s3().upload_file(str(path), bucket, key, ExtraArgs=metadata, Callback=advance, Config=TRANSFER)
    return _find_object(stack, key)


def wait_until_counted(stack: Deployed, uploaded: ObjectVersion) -> State:
    """Wait for the event of an upload, and return the state of its source.

    Raises:
        NotCountedError: if the file could not be counted.
        CommandError: if the object was replaced or deleted meanwhile, or not counted in time.
    """
    table, key = stack.sources_table(), uploaded.key
    deadline = monotonic() + MAX_SECONDS
    while monotonic() < deadline:
        state = table.load(key).state
        if state and state.is_of(uploaded.version_id, uploaded.etag):
            if state.status != Status.COUNTED:
                raise NotCountedError(key, state)
            return state
        current = _find_object(stack, key)
        if (current.version_id, current.etag) != (uploaded.version_id, uploaded.etag):
            raise CommandError(f"{key} was replaced before it was counted. Upload it again.", Exit.NO)
        sleep(SECONDS_BETWEEN_LOOKS)
    problem = f"{key} was uploaded but not counted within {MAX_SECONDS:.0f} s"
    raise CommandError(f"{problem}. See the log: {log_place()}", Exit.STACK)


def _find_object(stack: Deployed, key: str) -> ObjectVersion:
    try:
        return find_object(stack.s3(), stack.outputs["UploadsBucket"], key)
    except SupersededError:
        raise CommandError(f"{key} was deleted before it was counted. Upload it again.", Exit.NO) from None
