"""The file to explore: a local file, or an object of a stack."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.counting.as_of import AS_OF_METADATA, COLUMNS_METADATA, UPLOAD, AsOf
from ingest.errors import FileError
from ingest.parquet.column_names import ColumnMapping, ColumnRule
from ingest.parquet.footer import read_end, read_footer
from ingest.storage.s3_objects import ObjectVersion, open_object
from ingest.storage.tables import refuse_table_file
from voucher_selector.error_messages import name_variables, sentence
from voucher_selector.errors import EXPECTED, CommandError, Exit
from voucher_selector.operations.upload import AS_PARQUET, find_current, refuse_tables, require_file
from voucher_selector.stack import Deployed, find_stack
from vouchers.dynamodb.sources_table import Cursor, Status

ROOT = Path(__file__).parents[3]
S3 = "s3://"


class ExploreError(CommandError):
    """There is no file to explore; a notebook shows the message without a traceback."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(name_variables(message), code)

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
        rule: where its columns are. For a local file, the folders of its path are those of a key.
        stack: the stack of the object; None for a local file.
        version: the version of the object.
    """

    uri: str
    size: int
    uploaded: datetime
    as_of: AsOf
    rule: ColumnRule = field(default_factory=ColumnRule)
    stack: Deployed | None = None
    version: ObjectVersion | None = None

    def open_object(self) -> AbstractContextManager[IO[bytes] | RawIOBase]:
        """Open the file for reading bytes."""
        if self.stack and self.version:
            return open_object(self.stack.s3(), self.version)
        return Path(self.uri).open("rb")


def select_file() -> File:
    """Return the file that FILE or KEY names, or else the file that the stack counted last.

    AS_OF replaces the as-of date of the file, and COLUMN_NAMES names its columns.

    Raises:
        ExploreError: if there is none; the message says what to do.
    """
    variables = ("FILE", "KEY", "AS_OF", "COLUMN_NAMES")
    name, key, as_of, columns = (os.environ.get(variable) or None for variable in variables)
    try:
        if name:
            return find_file(name, as_of, columns)
        stack = find_stack()
        if key is None:
            newest, _ = stack.sources_table().page((Status.COUNTED,), Cursor(), 1)
            if not newest:
                message = "The stack has counted no file yet. Upload one: make upload FILE=vouchers.parquet"
                raise ExploreError(message, Exit.NO)
            key = newest[0].key
        return _find_object(stack, stack.outputs["UploadsBucket"], stack.upload_key(key), as_of, columns)
    except EXPECTED as error:
        raise ExploreError(sentence(error)) from None


def find_file(name: str, as_of: str | None = None, columns: str | None = None) -> File:
    """Return a file by its name: ``s3://bucket/key``, or a path, relative to the checkout.

    Raises:
        CommandError: if there is none, or ``as_of`` or the mapping ``columns`` is invalid.
        botocore.exceptions.BotoCoreError: if no stack answers, or credentials are missing.
    """
    if name.startswith(S3):
        bucket, _, key = name.removeprefix(S3).partition("/")
        if not bucket or not key:
            raise CommandError(f"{name} is not the URI of an object. Use s3://bucket/vouchers/name.parquet")
        return _find_object(find_stack(), bucket, key, as_of, columns)
    path = require_file(str(ROOT / Path(name).expanduser()))
    refuse_tables(str(path), "explored", AS_PARQUET)
    rule = ColumnRule(_parse_columns(columns), path.as_posix())
    return File(str(path), path.stat().st_size, datetime.now(UTC), _parse_as_of(as_of) or AsOf(UPLOAD), rule)


def read_rows(file: File) -> pd.DataFrame:
    """Return all columns of a file.

    Columns that cannot be read have no values. The attribute ``types`` of the frame has their types by place.

    Raises:
        ExploreError: if the file is not Parquet.
    """
    try:
        if file.stack:
            wr.config.s3_endpoint_url = file.stack.endpoint
            return wr.s3.read_parquet([file.uri], boto3_session=file.stack.session)
        with file.open_object() as source:
            return pd.read_parquet(source)
    except (pa.ArrowException, ValueError, OSError, OverflowError, wr.exceptions.ServiceApiError):
        with file.open_object() as source:
            return _read_columns(file.uri, source)


def _read_columns(uri: str, source: IO[bytes] | RawIOBase) -> pd.DataFrame:
    """Read a file column by column: an unreadable one may be of any kind, or have values beyond any limit."""
    try:
        footer = read_footer(read_end(source))
        rows = sum(group.rows for group in footer.select({})[1])
    except FileError as error:
        raise ExploreError(f"{uri} cannot be read: {error}", Exit.NO) from None
    columns, types = [], {}
    for place, column in enumerate(footer.columns):
        try:
            if column.leaf is None:
                raise ValueError("nested")  # noqa: TRY301 - treated like what Arrow cannot read
            only = pa.BufferReader(footer.select({column.name: column})[0])
            values = pq.ParquetFile(source, metadata=pq.read_metadata(only)).read().column(0)
            columns.append(_values(values).rename(column.name))
        except (pa.ArrowException, ValueError, OSError, FileError) as error:
            types[place] = f"not read: {error}"
            columns.append(pd.Series([None] * rows, name=column.name, dtype=object))
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.attrs["types"] = types
    return frame


def _values(values: pa.ChunkedArray) -> pd.Series[Any]:
    """Return values for pandas; as text if it has no such values, such as dates of the year 2,941,775."""
    try:
        series: pd.Series[Any] = values.to_pandas()
    except (pa.ArrowException, ValueError, OverflowError):
        series = values.cast(pa.string()).to_pandas()
    return series


def _parse_columns(text: str | None, defaults: str = "") -> ColumnMapping:
    try:
        return ColumnMapping.parse(text or "").with_defaults(ColumnMapping.parse(defaults))
    except ValueError as error:
        raise CommandError(f"Invalid COLUMN_NAMES: {error}") from None


def _parse_as_of(text: str | None) -> AsOf | None:
    try:
        return AsOf.parse(text, datetime.now(UTC)) if text else None
    except ValueError as error:
        raise CommandError(f"Invalid AS_OF {error}") from None


def _find_object(stack: Deployed, bucket: str, key: str, as_of: str | None, columns: str | None) -> File:
    uri = f"{S3}{bucket}/{key}"
    version = find_current(stack.s3(), bucket, key)
    if version is None:
        raise CommandError(f"There is no object {uri}")
    try:
        refuse_table_file(stack.s3(), bucket, key, "")
    except FileError as error:
        raise CommandError(f"{uri} cannot be explored: {error}; {AS_PARQUET}") from None
    state = stack.sources_table().load(key).state if bucket == stack.outputs["UploadsBucket"] else None
    uploaded, as_of_rule = version.modified, version.metadata.get(AS_OF_METADATA, UPLOAD)
    names = version.metadata.get(COLUMNS_METADATA, "")
    if state and state.is_of(version.version_id, version.etag):
        if state.uploaded_at:
            uploaded = datetime.fromisoformat(state.uploaded_at)
        if state.as_of:
            as_of_rule = UPLOAD if state.as_of == state.uploaded_at else state.as_of
        names = state.columns or names
    rule, given = ColumnRule(_parse_columns(columns, names), key), _parse_as_of(as_of)
    try:
        return File(uri, version.size, uploaded, given or AsOf.parse(as_of_rule), rule, stack, version)
    except ValueError as error:
        raise CommandError(f"Invalid as-of date of {uri}: {error}. Set another with AS_OF") from None
