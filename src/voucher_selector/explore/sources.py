"""The file to explore: a local file, or an object of a stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingest.counting.as_of import UPLOAD, AsOf
from ingest.counting.metadata import AS_OF_METADATA
from ingest.errors import SupersededError
from ingest.storage.s3_objects import find_object, open_object
from voucher_selector.error_messages import sentence
from voucher_selector.errors import EXPECTED, CommandError, Exit
from voucher_selector.operations.upload import object_key, require_file
from voucher_selector.stack import find_stack
from vouchers.dynamodb.sources_table import Cursor, Status

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from io import RawIOBase

    from ingest.storage.s3_objects import ObjectVersion
    from voucher_selector.stack import Deployed

ROOT = Path(__file__).parents[3]
S3 = "s3://"


class ExploreError(CommandError):
    """There is no file to explore; a notebook shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True, slots=True)
class File:
    """A file to explore.

    Attributes:
        uri: a local path, or ``s3://…``.
        size: in bytes.
        uploaded: the time of the upload; now for a local file.
        as_of: the as-of rule by which the stack counts the file.
        stack: the stack of the object; None for a local file.
        version: the version of the object.
    """

    uri: str
    size: int
    uploaded: datetime
    as_of: AsOf
    stack: Deployed | None = None
    version: ObjectVersion | None = None

    def open_object(self) -> AbstractContextManager[IO[bytes] | RawIOBase]:
        """Open the file for reading bytes."""
        if self.stack and self.version:
            return open_object(self.stack.s3(), self.version)
        return Path(self.uri).open("rb")


def select_file() -> File:
    """Return the file that FILE or KEY names, or else the file that the stack counted last.

    AS_OF replaces the as-of date of the file.

    Raises:
        ExploreError: if there is none; the message says what to do.
    """
    name, key, as_of = (os.environ.get(variable) or None for variable in ("FILE", "KEY", "AS_OF"))
    try:
        if name:
            return find_file(name, as_of)
        stack = find_stack()
        if key is None:
            newest, _ = stack.sources_table().page((Status.COUNTED,), Cursor(), 1)
            if not newest:
                message = "The stack has counted no file yet. Upload one: make upload FILE=vouchers.parquet"
                raise ExploreError(message, Exit.NO)
            key = newest[0].key
        return _find_object(stack, stack.outputs["UploadsBucket"], object_key(key), _parse_as_of(as_of))
    except EXPECTED as error:
        raise ExploreError(sentence(error)) from None


def find_file(name: str, as_of: str | None = None) -> File:
    """Return a file by its name: ``s3://bucket/key``, or a path, relative to the checkout.

    Raises:
        CommandError: if there is none, or ``as_of`` is invalid.
        botocore.exceptions.BotoCoreError: if no stack answers, or credentials are missing.
    """
    if name.startswith(S3):
        bucket, _, key = name.removeprefix(S3).partition("/")
        if not bucket or not key:
            raise CommandError(f"{name} is not the URI of an object. Use s3://bucket/vouchers/name.parquet")
        return _find_object(find_stack(), bucket, key, _parse_as_of(as_of))
    path = require_file(str(ROOT / Path(name).expanduser()))
    return File(str(path), path.stat().st_size, datetime.now(UTC), _parse_as_of(as_of) or AsOf(UPLOAD))


def _parse_as_of(text: str | None) -> AsOf | None:
    try:
        return AsOf.parse(text, datetime.now(UTC)) if text else None
    except ValueError as error:
        raise CommandError(f"Invalid AS_OF {error}") from None


def _find_object(stack: Deployed, bucket: str, key: str, as_of: AsOf | None) -> File:
    uri = f"{S3}{bucket}/{key}"
    try:
        version = find_object(stack.s3(), bucket, key)
    except SupersededError:
        raise CommandError(f"There is no object {uri}") from None
    state = stack.sources_table().load(key).state if bucket == stack.outputs["UploadsBucket"] else None
    uploaded, rule = version.modified, version.metadata.get(AS_OF_METADATA, UPLOAD)
    if state and state.is_of(version.version_id, version.etag):
        if state.uploaded_at:
            uploaded = datetime.fromisoformat(state.uploaded_at)
        if state.as_of:
            rule = UPLOAD if state.as_of == state.uploaded_at else state.as_of
    try:
        return File(uri, version.size, uploaded, as_of or AsOf.parse(rule), stack, version)
    except ValueError as error:
        raise CommandError(f"Invalid as-of date of {uri}: {error}. Set another with AS_OF") from None
