"""Read the needed columns of a Parquet file in batches."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ingest import arrow
from ingest.errors import CORRECT, FileError
from ingest.parquet.footer import Chunk, RowGroup
from ingest.parquet.guarded_file import GuardedFile
from ingest.parquet.page_limits import BATCH_ROWS
from ingest.parquet.read_ahead import ReadAhead, Span
from vouchers.text import listed, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from io import RawIOBase

    from ingest.parquet.footer import Chunk


class Part(NamedTuple):
    """One of several parts of a file, numbered from 0, which share its row groups among them."""

    number: int
    of: int

    def among(self, row_groups: int) -> range:
        """Return the row groups of the part, out of all row groups of the file; there may be none."""
        return range(row_groups * self.number // self.of, row_groups * (self.number + 1) // self.of)


WHOLE = Part(0, 1)


MAX_DICTIONARY_ENTRIES = 1 << 14
"""Entries of a dictionary that Arrow makes while it decodes."""


class Dictionaries:
    """The text columns that are read as dictionaries.

    A column that is a dictionary in the file stays one. Arrow makes a dictionary of a plain column while it
    decodes, which is faster than doing it afterwards, but grows with the row group. Such a column is read as
    a dictionary if a sample shows that its values repeat, until a batch shows that they do not.
    """

    def __init__(self, chunks: Mapping[str, Sequence[Chunk]], repeats: Callable[[str], bool]) -> None:
        """Choose among text columns by their chunks, and for plain chunks by a sample (``repeats``)."""
        read = [name for name, c in chunks.items() if all(x.is_dictionary or x.is_plain for x in c)]
        made = [name for name in read if any(chunk.is_plain for chunk in chunks[name])]
        self._made = [name for name in made if repeats(name)]
        self.names = [name for name in read if name in self._made or name not in made]

    def outgrown(self, batch: pa.RecordBatch) -> bool:
        """Drop the columns in which a batch has too many values; return whether there are any."""
        too_many = [
            name for name in self._made if len(batch.column(name).dictionary) > MAX_DICTIONARY_ENTRIES
        ]
        self._made = [name for name in self._made if name not in too_many]
        self.names = [name for name in self.names if name not in too_many]
        return bool(too_many)


COUNTRY, LAST_ORDER, TIMESTAMP = "country_code", "last_order_ts", "timestamp"
FIRST_ORDER, ORDERS, AMOUNT = "first_order_ts", "total_orders", "voucher_amount"

BUFFER_BYTES = 1 << 20
"""Bytes of a column chunk that are read at a time, so that memory does not grow with its size."""

SMALL_GROUP = 32 << 20
"""Stored bytes of the needed columns of a row group, up to which they are read all at once."""

SAMPLE_ROWS = 1 << 12
SAMPLE_BYTES = 1 << 16
"""Bytes that are read at a time for a sample."""

WITHOUT_ROW = "only the as-of date 'row' needs 'timestamp'; upload a file that has it, or set an as-of date"
"""The advice if only that column is wrong."""

MAX_TEXT_BYTES = 48 << 20
"""Bytes of the distinct texts of a batch."""


def needed_columns(*, row_as_of: bool, tenure: bool = False) -> tuple[str, ...]:
    """Return the columns to read: ``timestamp`` for the as-of date ``row``, ``first_order_ts`` for tenure."""
    more = ((TIMESTAMP, row_as_of), (FIRST_ORDER, tenure))
    return (COUNTRY, LAST_ORDER, ORDERS, AMOUNT, *(name for name, needed in more if needed))


@dataclass(slots=True)
class OpenFile:
    """A Parquet file that is open for reading some columns.

    Attributes:
        guard: the file, as Arrow reads it.
        columns: the columns to read.
        row_groups: all row groups, with the chunks of these columns.
        part: the row groups to read.
        dictionaries: the columns that are read as dictionaries.
        parquet: Arrow's reader.
    """

    guard: GuardedFile
    columns: tuple[str, ...]
    row_groups: tuple[RowGroup, ...]
    part: range
    dictionaries: Dictionaries
    parquet: pq.ParquetFile

    @property
    def first_row(self) -> int:
        """The number of the part's first row in the file, from 0."""
        return sum(group.rows for group in self.row_groups[: self.part.start])

    def drop_outgrown(self, batch: pa.RecordBatch) -> bool:
        """Stop reading columns with too many values as dictionaries; return whether there are any."""
        outgrown = self.dictionaries.outgrown(batch)
        if outgrown:
            self.parquet = _reader(
                self.guard, self.parquet.metadata, self.row_groups, self.dictionaries.names
            )
        return outgrown


def open_parquet(
    source: IO[bytes] | RawIOBase,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    part: Part = WHOLE,
) -> OpenFile:
    """Open a Parquet file, or a part of it, and check that it has ``columns`` of readable types.

    Columns that are ``optional`` are read if the file has them once, with a readable type.

    Raises:
        FileError: if it is not Parquet, or a column is missing, occurs twice or has no readable type.
    """
    guard = GuardedFile(source)
    with file_errors("it cannot be read as Parquet"):
        plain = pq.ParquetFile(guard)
        schema, metadata = plain.schema_arrow, plain.metadata
        _check(schema, columns)
        columns = (
            *columns,
            *(
                name
                for name in optional
                if name not in columns
                and schema.names.count(name) == 1
                and _is_accepted(name, schema.field(name).type)
            ),
        )
        groups = _of_columns(guard.row_groups or (), plain.schema, columns)
        chosen = part.among(len(groups))
        if isinstance(source, ReadAhead):
            expected = groups[chosen.start : chosen.stop]
            source.expect([Span(c.start, c.start + c.size) for c in group.chunks] for group in expected)
        chunks = {name: [group.chunks[place] for group in groups] for place, name in enumerate(columns)}
        texts = {
            name: found for name, found in chunks.items() if found and arrow.is_text(schema.field(name).type)
        }
        dictionaries = Dictionaries(texts, lambda name: _repeats(guard, metadata, name, chunks[name][0]))
        parquet = _reader(guard, metadata, groups, dictionaries.names)
    return OpenFile(guard, tuple(columns), groups, chosen, dictionaries, parquet)


def batches(file: OpenFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, or of its part, in batches, one row group after the other.

    Raises:
        FileError: if the data cannot be decoded, or contradicts the footer.
    """
    for number in file.part:
        group, rows = file.row_groups[number], 0
        for batch in _decoded(file, number):
            _check_texts(batch)
            _check_dictionaries(batch, file, rows)
            rows += batch.num_rows
            yield batch
        if rows != group.rows:
            raise FileError(f"its row group {number} holds {rows:,} rows and says that it has {group.rows:,}")


@contextmanager
def file_errors(what: str) -> Iterator[None]:
    """Raise FileError for what pyarrow raises for the contents of a file: ``what`` failed, and the reason."""
    try:
        yield
    except MemoryError:
        raise FileError(f"{what}: that takes more memory than there is") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = truncate(str(error).split("\n", 1)[0].rstrip("."), 200) or type(error).__name__
        raise FileError(f"{what}: {reason}") from None


def _reader(
    guard: GuardedFile, metadata: pq.FileMetaData, groups: Sequence[RowGroup], dictionaries: Sequence[str]
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
    """Return whether the values of a column repeat, by a sample of its first rows."""
    guard.watch([chunk])
    reader = pq.ParquetFile(
        guard, metadata=metadata, read_dictionary=[name], buffer_size=SAMPLE_BYTES, pre_buffer=False
    )
    for batch in reader.iter_batches(SAMPLE_ROWS, row_groups=[0], columns=[name], use_threads=False):
        return bool(2 * len(batch.column(name).dictionary) <= batch.num_rows)
    return True


def _decoded(file: OpenFile, group: int, done: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a row group from row ``done`` on; start again if a dictionary is too large."""
    file.guard.watch(file.row_groups[group].chunks)
    row = 0
    with file_errors("its data cannot be decoded"):
        for batch in file.parquet.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=list(file.columns), use_threads=pa.cpu_count() > 1
        ):
            if file.drop_outgrown(batch):
                yield from _decoded(file, group, done)
                return
            row += batch.num_rows
            if row > done:
                yield _without_views(batch.slice(batch.num_rows - (row - done)))
                done = row


def _without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch without string views, which Arrow cannot take rows of or encode as dictionaries."""
    for place, field in enumerate(batch.schema):
        if pa.types.is_string_view(field.type) or pa.types.is_binary_view(field.type):
            batch = batch.set_column(place, field.name, batch.column(place).cast(pa.binary()))
    return batch


def _check_texts(batch: pa.RecordBatch) -> None:
    if batch.get_total_buffer_size() <= MAX_TEXT_BYTES:
        return
    texts = (getattr(column, "dictionary", column) for column in batch.columns)
    if sum(column.nbytes for column in texts if arrow.is_text(column.type)) > MAX_TEXT_BYTES:
        raise FileError(
            f"{BATCH_ROWS:,} of its rows hold more than {MAX_TEXT_BYTES >> 20} MB of different texts"
        )


def _check_dictionaries(batch: pa.RecordBatch, file: OpenFile, row: int) -> None:
    """Check that dictionaries repeat no value, which Arrow does not check.

    Arrow drops the repetition, so that later indices refer to other values.
    """
    for name, pages in zip(file.columns, file.guard.pages, strict=True):
        if row >= pages.coded:
            continue
        column = batch.column(name)
        if isinstance(column, pa.DictionaryArray) and len(column.dictionary) < pages.entries:
            raise FileError(
                f"its column '{name}' has a dictionary that holds a value twice, or too few values"
            )


def _of_columns(
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


def _check(schema: pa.Schema, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in schema.names]
    if missing:
        advice = WITHOUT_ROW if missing == [TIMESTAMP] else CORRECT
        raise FileError(f"it has no column {_quoted(missing)}; it has {_quoted(schema.names)}", advice)
    for name in columns:
        if schema.names.count(name) > 1:
            raise FileError(f"it has more than one column '{name}'")
        type_ = schema.field(name).type
        if not _is_accepted(name, type_):
            raise FileError(
                f"its column '{name}' is of type {truncate(str(type_))}, which cannot be read as "
                f"{ACCEPTED[name][0]}",
                WITHOUT_ROW if name == TIMESTAMP else CORRECT,
            )


def _is_accepted(name: str, type_: pa.DataType) -> bool:
    inner = type_.value_type if pa.types.is_dictionary(type_) else type_
    return any(accepts(inner) for accepts in ACCEPTED[name][1])


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
"""The meaning of each column in messages, and the types that are accepted."""


def _quoted(names: Sequence[str]) -> str:
    return listed(names, 20, lambda name: f"'{truncate(name)}'") or "none"
