"""Which file is explored: one on this machine, or an object in the uploads bucket of a stack."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingest.counting.as_of import UPLOAD, AsOf
from ingest.errors import SupersededError
from ingest.storage.s3_objects import AS_OF_METADATA, find_object, open_object
from voucher_selector.cli.upload import checked_as_of, readable
from voucher_selector.error_messages import sentence
from voucher_selector.errors import EXPECTED, CommandError, Exit
from voucher_selector.operations.upload import object_key
from voucher_selector.stack import deployed
from vouchers.dynamodb.sources_listing import Cursor, page
from vouchers.dynamodb.sources_table import SourcesTable, State, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import RawIOBase

    from ingest.storage.s3_objects import ObjectVersion
    from voucher_selector.stack import Deployed

ROOT = Path(__file__).parents[3]
S3 = "s3://"


class ExploreError(CommandError):
    """There is nothing to explore; a notebook shows its sentence and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True, slots=True)
class File:
    """A file that is explored.

    Attributes:
        uri: its path on this machine, or ``s3://…``.
        size: in bytes.
        uploaded: when it was uploaded; a file on this machine as if that were now.
        as_of: the rule by which the stack measures recency in it.
        stack: where the object is; None for a file on this machine.
        version: of the object.
    """

    uri: str
    size: int
    uploaded: datetime
    as_of: AsOf
    stack: Deployed | None = None
    version: ObjectVersion | None = None

    @contextmanager
    def open_object(self) -> Iterator[IO[bytes] | RawIOBase]:
        """Open it for reading bytes."""
        if self.stack and self.version:
            with open_object(self.stack.s3(), self.version) as file:
                yield file
        else:
            with Path(self.uri).open("rb") as local:
                yield local


def chosen() -> File:
    """Return the file that FILE or KEY names, or else the last that the stack counted.

    AS_OF, where it is given, takes the place of the file's own as-of date.

    Raises:
        ExploreError: if there is none; its sentence says what to do.
    """
    given = {name: os.environ.get(name) or None for name in ("FILE", "KEY", "AS_OF")}
    try:
        if given["FILE"]:
            return find(given["FILE"], given["AS_OF"])
        return _of_stack(given["KEY"], given["AS_OF"])
    except EXPECTED as error:
        raise ExploreError(sentence(error)) from None


def find(name: str, as_of: str | None = None) -> File:
    """Return the file of a name: a path, from the checkout on if it is relative, or ``s3://bucket/key``.

    Raises:
        CommandError: if there is none, or ``as_of`` is no as-of date.
        botocore.exceptions.BotoCoreError: if no stack answers, or credentials are missing.
    """
    if name.startswith(S3):
        bucket, _, key = name.removeprefix(S3).partition("/")
        if not bucket or not key:
            raise CommandError(f"{name} names no object; one is named as s3://bucket/vouchers/name.parquet")
        return _object(deployed(), bucket, key, checked_as_of(as_of))
    path = readable(str(ROOT / Path(name).expanduser()))
    rule = AsOf.parse(checked_as_of(as_of) or UPLOAD)
    return File(str(path), path.stat().st_size, datetime.now(UTC), rule)


def _of_stack(name: str | None, as_of: str | None) -> File:
    stack = deployed()
    key = object_key(name) if name else _last_counted(stack)
    return _object(stack, stack.outputs["UploadsBucket"], key, checked_as_of(as_of))


def _last_counted(stack: Deployed) -> str:
    newest, _ = page(_sources(stack), (Status.COUNTED,), Cursor(), 1)
    if not newest:
        said = "The stack has counted no file yet; upload one, as in: make upload FILE=vouchers.parquet"
        raise CommandError(said, Exit.NO)
    return newest[0].key


def _object(stack: Deployed, bucket: str, key: str, as_of: str | None) -> File:
    uri = f"{S3}{bucket}/{key}"
    try:
        version = find_object(stack.s3(), bucket, key)
    except SupersededError:
        raise CommandError(f"There is no object {uri}") from None
    state = _sources(stack).load(key).state if bucket == stack.outputs["UploadsBucket"] else None
    if state and (state.version_id, state.etag) != (version.version_id, version.etag):
        state = None
    uploaded = datetime.fromisoformat(state.uploaded_at) if state and state.uploaded_at else version.modified
    rule = as_of or _own_rule(version, state)
    try:
        return File(uri, version.size, uploaded, AsOf.parse(rule), stack, version)
    except ValueError as error:
        raise CommandError(f"The as-of date of {uri} is {error}; give another by AS_OF") from None


def _own_rule(version: ObjectVersion, state: State | None) -> str:
    if state and state.as_of:
        return UPLOAD if state.as_of == state.uploaded_at else state.as_of
    return version.metadata.get(AS_OF_METADATA, UPLOAD)


def _sources(stack: Deployed) -> SourcesTable:
    return SourcesTable(stack.dynamodb(), stack.outputs["SourcesTable"])
