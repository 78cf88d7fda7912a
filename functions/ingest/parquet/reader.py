"""Read the needed columns of a Parquet file, or of a part of it, in batches."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ingest import arrow
from ingest.errors import CORRECT, FileError
from ingest.parquet.footer import RowGroup
from ingest.parquet.guarded_file import GuardedFile
from ingest.parquet.page_limits import BATCH_ROWS
from ingest.parquet.read_ahead import ReadAhead, Span
from vouchers.text import listed, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import RawIOBase

    from ingest.parquet.footer import Chunk


COUNTRY, LAST_ORDER, TIMESTAMP = "country_code", "last_order_ts", "timestamp"
FIRST_ORDER, ORDERS, AMOUNT = "first_order_ts", "total_orders", "voucher_amount"

Kinds = tuple["Callable[[pa.DataType], bool]", ...]
_TEXT: Kinds = (arrow.is_text, pa.types.is_null)
_INSTANT: Kinds = (*_TEXT, pa.types.is_timestamp, pa.types.is_date)
_NUMBER: Kinds = (*_TEXT, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
ACCEPTED: dict[str, tuple[str, Kinds]] = {
    COUNTRY: ("a name", _TEXT),
    LAST_ORDER: ("a point in time", _INSTANT),
    FIRST_ORDER: ("a point in time", _INSTANT),
    TIMESTAMP: ("a point in time", _INSTANT),
    ORDERS: ("a number", _NUMBER),
    AMOUNT: ("a number", _NUMBER),
}
"""By column: its meaning in messages, and the accepted types."""

MAX_DICTIONARY_ENTRIES = 1 << 14
"""Values in a dictionary that Arrow builds from plain values."""

MAX_TEXT_BYTES = 48 << 20
"""Bytes of the distinct texts in a batch."""

BUFFER_BYTES = 1 << 20
"""Bytes of a column chunk in one read, which bound the memory for large chunks."""

SMALL_GROUP = 32 << 20
"""Stored bytes of a row group's needed columns; up to this size, they are read all at once."""

SAMPLE_ROWS = 1 << 12
SAMPLE_BYTES = 1 << 16
"""Bytes in one read of a sample."""

WITHOUT_ROW = "only the as-of date 'row' needs 'timestamp'; upload a file that has it, or name a date"
"""The advice if only the column ``timestamp`` is wrong."""


class Part(NamedTuple):
    """One of ``of`` parts of a file, counted from 0; every row group belongs to exactly one part."""

    number: int
    of: int

    def among(self, row_groups: int) -> range:
        """Return the row groups of the part, given their number in the file; may be empty."""
        return range(row_groups * self.number // self.of, row_groups * (self.number + 1) // self.of)


WHOLE = Part(0, 1)


def needed_columns(*, row_as_of: bool, tenure: bool = False) -> tuple[str, ...]:
    """Return the columns to read.

    ``row_as_of`` adds ``timestamp``, from which days are counted back. ``tenure`` adds ``first_order_ts``.
    """
    more = ((TIMESTAMP, row_as_of), (FIRST_ORDER, tenure))
    return (COUNTRY, LAST_ORDER, ORDERS, AMOUNT, *(name for name, needed in more if needed))


@dataclass(slots=True)
class OpenFile:
    """An open Parquet file.

    Attributes:
        guard: checks what Arrow reads.
        columns: to read.
        row_groups: all, with the chunks of these columns only.
        part: the range of the row groups to read.
        dictionaries: the text columns that are read as dictionaries.
        built: those of them whose dictionaries Arrow builds from plain values.
        parquet: reads them.
    """

    guard: GuardedFile
    columns: tuple[str, ...]
    row_groups: tuple[RowGroup, ...]
    part: range
    dictionaries: set[str]
    built: set[str]
    parquet: pq.ParquetFile

    @property
    def first_row(self) -> int:
        """The number of the part's first row in the file, from 0."""
        return sum(group.rows for group in self.row_groups[: self.part.start])

    def drop_outgrown(self, batch: pa.RecordBatch) -> bool:
        """Read columns with too many values in a batch as texts from now on; return whether there are any."""
        outgrown = {n for n in self.built if len(batch.column(n).dictionary) > MAX_DICTIONARY_ENTRIES}
        if outgrown:
            self.built -= outgrown
            self.dictionaries -= outgrown
            self.parquet = _reader(self.guard, self.parquet.metadata, self.row_groups, self.dictionaries)
        return bool(outgrown)


def open_parquet(
    source: IO[bytes] | RawIOBase,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    part: Part = WHOLE,
) -> OpenFile:
    """Open a Parquet file, or a part of it, and check that ``columns`` are there and of readable types.

    Columns in ``optional`` are read, too, if the file has them once and with a readable type.

    Raises:
        FileError: if the file is not Parquet, or a column is missing, repeated or of an unreadable type.
    """
    guard = GuardedFile(source)
    with file_errors("it cannot be read as Parquet"):
        file = pq.ParquetFile(guard)
        schema, metadata = file.schema_arrow, file.metadata
        _check_columns(schema, columns)
        unique = [name for name in optional if name not in columns and schema.names.count(name) == 1]
        columns = (*columns, *(name for name in unique if _is_accepted(name, schema.field(name).type)))
        groups = _select_columns(guard.row_groups or (), file.schema, columns)
        chosen = part.among(len(groups))
        if isinstance(source, ReadAhead):
            source.expect(
                [Span(chunk.start, chunk.start + chunk.size) for chunk in group.chunks]
                for group in groups[chosen.start : chosen.stop]
            )
        dictionaries, built = set[str](), set[str]()
        for place, name in enumerate(columns):
            chunks = [group.chunks[place] for group in groups]
            if not (chunks and arrow.is_text(schema.field(name).type)):
                continue
            plain = any(chunk.is_plain for chunk in chunks)
            encoded = all(chunk.is_dictionary or chunk.is_plain for chunk in chunks)
            if encoded and (not plain or _repeats(guard, metadata, name, chunks[0])):
                dictionaries.add(name)
                built |= {name} if plain else set()
        parquet = _reader(guard, metadata, groups, dictionaries)
    return OpenFile(guard, tuple(columns), groups, chosen, dictionaries, built, parquet)


def batches(file: OpenFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, or of its part, in batches, one row group after the other.

    Raises:
        FileError: if the data cannot be decoded, or contradicts the footer.
    """
    for number in file.part:
        group, rows = file.row_groups[number], 0
        for batch in _decode(file, number):
            _check_batch(batch, file, rows)
            rows += batch.num_rows
            yield batch
        if rows != group.rows:
            raise FileError(f"its row group {number} holds {rows:,} rows and says that it has {group.rows:,}")


@contextmanager
def file_errors(what: str) -> Iterator[None]:
    """Convert pyarrow's errors into a ``FileError`` that begins with ``what`` and gives the reason."""
    try:
        yield
    except MemoryError:
        raise FileError(f"{what}: that takes more memory than there is") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = truncate(str(error).split("\n", 1)[0].rstrip("."), 200) or type(error).__name__
        raise FileError(f"{what}: {reason}") from None


def _reader(
    guard: GuardedFile, metadata: pq.FileMetaData, groups: Sequence[RowGroup], dictionaries: set[str]
) -> pq.ParquetFile:
    return pq.ParquetFile(
        guard,
        metadata=metadata,
        read_dictionary=list(dictionaries),
        buffer_size=BUFFER_BYTES,
        pre_buffer=all(sum(chunk.size for chunk in group.chunks) <= SMALL_GROUP for group in groups),
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def _repeats(guard: GuardedFile, metadata: pq.FileMetaData, name: str, chunk: Chunk) -> bool:
    """Return whether values repeat in the first rows of a column."""
    guard.watch([chunk])
    reader = pq.ParquetFile(
        guard, metadata=metadata, read_dictionary=[name], buffer_size=SAMPLE_BYTES, pre_buffer=False
    )
    for batch in reader.iter_batches(SAMPLE_ROWS, row_groups=[0], columns=[name], use_threads=False):
        return bool(2 * len(batch.column(name).dictionary) <= batch.num_rows)
    return True


def _decode(file: OpenFile, group: int, done: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield a row group's batches from row ``done`` on; restart if a dictionary has too many values."""
    file.guard.watch(file.row_groups[group].chunks)
    row = 0
    with file_errors("its data cannot be decoded"):
        for batch in file.parquet.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=list(file.columns), use_threads=pa.cpu_count() > 1
        ):
            if file.drop_outgrown(batch):
                yield from _decode(file, group, done)
                return
            row += batch.num_rows
            if row > done:
                rest = batch.slice(batch.num_rows - (row - done))
                for place, field in enumerate(rest.schema):
                    # Arrow can neither take rows of views nor build dictionaries from them.
                    if pa.types.is_string_view(field.type) or pa.types.is_binary_view(field.type):
                        rest = rest.set_column(place, field.name, rest.column(place).cast(pa.binary()))
                yield rest
                done = row


def _check_batch(batch: pa.RecordBatch, file: OpenFile, row: int) -> None:
    """Check the size of a batch's texts, and that its dictionaries repeat no value.

    Arrow drops a repeated value and shifts the later ones, which then belong to other rows.
    """
    if batch.get_total_buffer_size() > MAX_TEXT_BYTES:
        texts = (getattr(column, "dictionary", column) for column in batch.columns)
        if sum(column.nbytes for column in texts if arrow.is_text(column.type)) > MAX_TEXT_BYTES:
            raise FileError(
                f"{BATCH_ROWS:,} of its rows hold more than {MAX_TEXT_BYTES >> 20} MB of different texts"
            )
    for name, pages in zip(file.columns, file.guard.pages, strict=True):
        if row >= pages.coded:
            continue
        column = batch.column(name)
        if isinstance(column, pa.DictionaryArray) and len(column.dictionary) < pages.entries:
            raise FileError(
                f"its column '{name}' has a dictionary that holds a value twice, or too few values"
            )


def _select_columns(
    groups: Sequence[RowGroup], schema: pq.ParquetSchema, columns: Sequence[str]
) -> tuple[RowGroup, ...]:
    paths = [schema.column(leaf).path for leaf in range(len(schema))]
    leaves = [paths.index(name) for name in columns]
    for number, group in enumerate(groups):
        if len(group.chunks) != len(paths):
            raise FileError(f"its row group {number} does not have as many columns as the file")
        if any(group.chunks[leaf].values != group.rows for leaf in leaves):
            raise FileError(f"its row group {number} does not have a value of each needed column in each row")
    return tuple(RowGroup(group.rows, tuple(group.chunks[leaf] for leaf in leaves)) for group in groups)


def _check_columns(schema: pa.Schema, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in schema.names]
    if missing:
        absent, present = (
            listed(names, 20, lambda name: f"'{truncate(name)}'") or "none"
            for names in (missing, schema.names)
        )
        advice = WITHOUT_ROW if missing == [TIMESTAMP] else CORRECT
        raise FileError(f"it has no column {absent}; it has {present}", advice)
    for name in columns:
        if schema.names.count(name) > 1:
            raise FileError(f"it has more than one column '{name}'")
        type_ = schema.field(name).type
        if not _is_accepted(name, type_):
            raise FileError(
                f"its column '{name}' is of type {truncate(str(type_))}, "
                f"which cannot be read as {ACCEPTED[name][0]}",
                WITHOUT_ROW if name == TIMESTAMP else CORRECT,
            )


def _is_accepted(name: str, type_: pa.DataType) -> bool:
    inner = type_.value_type if pa.types.is_dictionary(type_) else type_
    return any(accepts(inner) for accepts in ACCEPTED[name][1])
