"""Read the needed columns of a Parquet file, or of a part of it, in batches."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from io import RawIOBase
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest import arrow
from ingest.errors import CORRECT, OUT_OF_MEMORY, FileError
from ingest.parquet.column_names import (
    AMOUNT,
    COUNTRY,
    FIRST_ORDER,
    LAST_ORDER,
    ORDERS,
    TIMES,
    TIMESTAMP,
    WITHOUT_ROW,
    ColumnMapping,
    ColumnRule,
    MappedName,
    TableColumns,
)
from ingest.parquet.footer import Chunk, Column, Footer, RowGroup, read_end, read_footer
from ingest.parquet.guarded_file import GuardedFile
from ingest.parquet.page_limits import BATCH_ROWS
from ingest.parquet.read_ahead import ReadAhead, Span
from ingest.parquet.threads import make_ahead, usable_cores
from vouchers.text import truncate

Kinds = tuple["Callable[[pa.DataType], bool]", ...]
_TEXT: Kinds = (arrow.is_text, pa.types.is_null)
_INSTANT: Kinds = (*_TEXT, pa.types.is_timestamp, pa.types.is_date)
_NUMBER: Kinds = (*_TEXT, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_COUNT: Kinds = (pa.types.is_integer, pa.types.is_floating)
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

MAX_JOINED_BYTES = 16 << 20
"""Bytes of the batches that are joined."""

BUFFER_BYTES = 1 << 20
"""Bytes of a column chunk in one read, which bound the memory for large chunks."""

SMALL_GROUP = 32 << 20
"""Stored bytes of a row group's needed columns; up to this size, they are read all at once."""

MIN_GROUP_ROWS = 1 << 14
"""Rows of an average row group from which threads save time; with smaller ones, counting takes longer."""

SAMPLE_ROWS = 1 << 12
SAMPLE_BYTES = 1 << 16
"""Bytes in one read of a sample."""


class Part(NamedTuple):
    """One of ``of`` parts of a file, counted from 0; every row group belongs to exactly one part."""

    number: int
    of: int

    def among(self, row_groups: int) -> range:
        """Return the row groups of the part, given their number in the file; may be empty."""
        return range(row_groups * self.number // self.of, row_groups * (self.number + 1) // self.of)


WHOLE = Part(0, 1)

REWRITE = "write the table's rows to a new table, and count that"


class Selection(NamedTuple):
    """What to read of a file: where its columns are, and a part of its rows without the deleted ones.

    ``deleted`` are numbers of rows in the file, from 0, ascending; int64.
    """

    rule: ColumnRule = ColumnRule()
    part: Part = WHOLE
    deleted: NDArray[np.int64] | None = None


EVERYTHING = Selection()


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
        columns: the columns of its batches, in this order.
        constants: the columns whose value all rows share, ``BATCH_ROWS`` long.
        units: the unit of each column of integers that count from 1970.
        row_groups: all, with the chunks of the other columns only.
        part: the range of the row groups to read.
        dictionaries: the text columns that are read as dictionaries.
        built: those of them whose dictionaries Arrow builds from plain values.
        parquet: reads all columns but the constant ones.
        threads: whether to decode the columns side by side, and while earlier batches are used.
    """

    guard: GuardedFile
    columns: tuple[str, ...]
    constants: dict[str, pa.Array]
    units: dict[str, str]
    row_groups: tuple[RowGroup, ...]
    part: range
    dictionaries: set[str]
    built: set[str]
    parquet: pq.ParquetFile
    threads: bool

    @property
    def first_row(self) -> int:
        """The number of the part's first row in the file, from 0."""
        return sum(group.rows for group in self.row_groups[: self.part.start])

    def drop_dictionaries(self, batch: pa.RecordBatch, row: int) -> bool:
        """Read columns as text from now on if their dictionaries are unusable; return whether there are any.

        A dictionary is unusable if it has too many values in a batch, or a value twice. Arrow drops the
        repeated value and assigns the later ones to wrong rows. ``row`` is the first row of the batch in the
        row group.
        """
        dropped = set()
        for name, pages in zip(batch.schema.names, self.guard.pages, strict=True):
            if name in self.dictionaries:
                size = len(batch.column(name).dictionary)
                outgrown = name in self.built and size > MAX_DICTIONARY_ENTRIES
                dropped |= {name} if outgrown or (row < pages.coded and size < pages.entries) else set()
        if dropped:
            self.built -= dropped
            self.dictionaries -= dropped
            self.parquet = _reader(self.guard, self.parquet.metadata, self.row_groups, self.dictionaries)
        return bool(dropped)


def open_parquet(
    source: IO[bytes] | RawIOBase,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    selection: Selection = EVERYTHING,
) -> OpenFile:
    """Open a Parquet file, or a part of it, and check that ``columns`` are there and of readable types.

    Columns in ``optional`` are read, too, if the file has them once and with a readable type.

    Raises:
        FileError: if the file is not Parquet, or a column is missing, repeated or of an unreadable type.
    """
    guard, rule, part = GuardedFile(source), selection.rule, selection.part
    with file_errors("it cannot be read as Parquet"):
        footer = read_footer(read_end(guard))
        named = named_columns(footer, rule.table)
        places, values = rule.find([name for name, _ in named], columns, optional)
        found = {name: named[place][1] for name, place in places.items()}
        units = {name: unit for name, (_, unit) in rule.mapping.names.items() if unit}
        stored, metadata, groups = _select(footer, found, columns, units)
        chosen = part.among(len(groups))
        if isinstance(source, ReadAhead):
            source.expect(
                [Span(chunk.start, chunk.start + chunk.size) for chunk in group.chunks]
                for group in groups[chosen.start : chosen.stop]
            )
        schema = metadata.schema.to_arrow_schema()
        dictionaries, built = set[str](), set[str]()
        for place, name in enumerate(stored):
            chunks = [group.chunks[place] for group in groups]
            if not (chunks and arrow.is_text(schema.field(name).type)):
                continue
            plain = any(chunk.is_plain for chunk in chunks)
            encoded = all(chunk.is_dictionary or chunk.is_plain for chunk in chunks)
            if encoded and (not plain or _repeats(guard, metadata, name, chunks[0])):
                dictionaries.add(name)
                built |= {name} if plain else set()
        parquet = _reader(guard, metadata, groups, dictionaries)
        constants = {name: _constant(value, units.get(name)) for name, value in values.items()}
    every = tuple(name for name in (*columns, *optional) if name in stored or name in constants)
    used = {name: unit for name, unit in units.items() if name in stored}
    rows = sum(groups[number].rows for number in chosen)
    threads = rows > max(BATCH_ROWS, MIN_GROUP_ROWS * len(chosen)) and usable_cores() > 1
    return OpenFile(guard, every, constants, used, groups, chosen, dictionaries, built, parquet, threads)


def named_columns(footer: Footer, table: TableColumns | None) -> list[tuple[str, Column]]:
    """Return the columns of a file with their names, which are those in its table if it belongs to one.

    Raises:
        FileError: if nothing says which columns of the table they are.
    """
    if table is None:
        return [(column.name, column) for column in footer.columns]
    if not table.by_name and all(column.field_id is None for column in footer.columns):
        raise FileError("its columns have no field ids, and its table has no name mapping", REWRITE)
    named = ((table.name(column.name, column.field_id), column) for column in footer.columns)
    return [(name, column) for name, column in named if name is not None]


def batches(file: OpenFile) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
    """Return the rows of a file, or of its part, in batches of one or more row groups, in their order.

    Use it as a context manager, which ends the thread that decodes ahead. Iterating raises ``FileError`` if
    the data cannot be decoded, or contradicts the footer.
    """
    decoded = _joined(_batches(file))
    return closing(make_ahead(decoded) if file.threads else decoded)


def _batches(file: OpenFile) -> Generator[pa.RecordBatch, None, None]:
    for number in file.part:
        group, rows = file.row_groups[number], 0
        for batch in _decode(file, number):
            _check_size(batch)
            rows += batch.num_rows
            yield _completed(batch, file)
        if rows != group.rows:
            raise FileError(f"its row group {number} holds {rows:,} rows and says that it has {group.rows:,}")


def _joined(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch, None, None]:
    """Join small batches: a part of the time to count a batch does not depend on its rows."""
    joined: list[pa.RecordBatch] = []
    rows = size = 0
    try:
        for batch in batches:
            rows, size = rows + batch.num_rows, size + batch.nbytes
            fits = rows <= BATCH_ROWS and size <= MAX_JOINED_BYTES
            if joined and not (fits and batch.schema.equals(joined[0].schema)):
                yield _join(joined)
                joined, rows, size = [], batch.num_rows, batch.nbytes
            if len(joined) == 1:
                _check_indices(joined[0])
            if joined:
                _check_indices(batch)
            joined.append(batch)
    except FileError:
        # The rows before the error come before it.
        if joined:
            yield _join(joined)
        raise
    if joined:
        yield _join(joined)


def _check_indices(batch: pa.RecordBatch) -> None:
    """Check that values are in their dictionaries; Arrow joins dictionaries without looking."""
    with file_errors("its values cannot be read"):
        for column in batch.columns:
            if isinstance(column, pa.DictionaryArray):
                arrow.indices(column)


def _join(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


@contextmanager
def file_errors(what: str) -> Iterator[None]:
    """Convert pyarrow's errors into a ``FileError`` that begins with ``what`` and gives the reason."""
    try:
        yield
    except MemoryError:
        raise FileError(f"{what}: that {OUT_OF_MEMORY}") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = truncate(str(error).split("\n", 1)[0].rstrip("."), 200) or type(error).__name__
        raise FileError(f"{what}: {reason}") from None


def _reader(
    guard: GuardedFile, metadata: pq.FileMetaData, groups: Sequence[RowGroup], dictionaries: set[str]
) -> pq.ParquetFile:
    largest = max((sum(chunk.size for chunk in group.chunks) for group in groups), default=0)
    return pq.ParquetFile(
        guard,
        metadata=metadata,
        read_dictionary=list(dictionaries),
        # Without a buffer, and without reading ahead in another thread, a column chunk is read at once.
        buffer_size=BUFFER_BYTES if largest > BUFFER_BYTES else 0,
        pre_buffer=BUFFER_BYTES < largest <= SMALL_GROUP,
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
    """Yield a row group's batches from row ``done`` on; restart if a dictionary is unusable."""
    file.guard.watch(file.row_groups[group].chunks)
    row = 0
    with file_errors("its data cannot be decoded"):
        for batch in file.parquet.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=file.threads):
            if file.drop_dictionaries(batch, row):
                yield from _decode(file, group, done)
                return
            row += batch.num_rows
            if row > done:
                yield batch.slice(batch.num_rows - (row - done))
                done = row


def _check_size(batch: pa.RecordBatch) -> None:
    """Check the size of a batch's texts."""
    if batch.get_total_buffer_size() > MAX_TEXT_BYTES:
        texts = (getattr(column, "dictionary", column) for column in batch.columns)
        if sum(column.nbytes for column in texts if arrow.is_text(column.type)) > MAX_TEXT_BYTES:
            raise FileError(
                f"{BATCH_ROWS:,} of its rows hold more than {MAX_TEXT_BYTES >> 20} MB of different texts"
            )


def _completed(batch: pa.RecordBatch, file: OpenFile) -> pa.RecordBatch:
    """Return a batch with the constant columns, and with moments for integers that count from 1970."""
    if not file.constants and not file.units:
        return batch
    arrays = [
        constant[: batch.num_rows] if (constant := file.constants.get(name)) else batch.column(name)
        for name in file.columns
    ]
    for place, name in enumerate(file.columns):
        if name in file.units:
            with file_errors(f"the times in its column '{name}' cannot be read"):
                arrays[place] = _moments(arrays[place], file.units[name])
    return pa.RecordBatch.from_arrays(arrays, names=list(file.columns))


def _constant(value: str | None, unit: str | None) -> pa.Array:
    """Return a column of one value; integers in text are moments if there is a unit."""
    texts = pa.array([value], pa.string())
    if unit and value and value.strip().isascii() and value.strip().isdecimal():
        texts = _moments(pa.array([int(value)], pa.int64()), unit)
    return texts.dictionary_encode().take(arrow.from_numpy(np.zeros(BATCH_ROWS, np.int32)))


def _moments(array: pa.Array, unit: str) -> pa.Array:
    """Return the moments that numbers since 1970 name; NaN is null."""
    if pa.types.is_floating(array.type):
        floats = array.cast(pa.float64())
        array = pc.floor(pc.if_else(pc.is_nan(floats), pa.nulls(1, pa.float64())[0], floats))
    return array.cast(pa.int64()).cast(pa.timestamp(unit))


def _select(
    footer: Footer, found: dict[str, Column], needed: Sequence[str], units: Mapping[str, str]
) -> tuple[list[str], pq.FileMetaData, tuple[RowGroup, ...]]:
    """Return the columns to read of those that were found, and Arrow's footer and row groups for them.

    Raises:
        FileError: if a needed column is of an unreadable type.
    """
    readable: dict[str, Column] = {}
    types = _types(replace(footer, groups=()), found)
    for name, column in found.items():
        error = _type_error(name, column.name, types[name], units.get(name))
        if error is None:
            readable[name] = column
        elif name in needed:
            raise error
    file, groups = footer.select(readable)
    return list(readable), pq.read_metadata(pa.BufferReader(file)), groups


def _types(footer: Footer, columns: Mapping[str, Column]) -> dict[str, pa.DataType | str]:
    """Return the type of each column, or a text if Arrow reads none; the footer has no row groups."""
    flat = {name: column for name, column in columns.items() if column.leaf is not None}
    types: dict[str, pa.DataType | str] = dict.fromkeys(columns, "nested")
    try:
        metadata = pq.read_metadata(pa.BufferReader(footer.select(flat)[0]))
        types |= {field.name: field.type for field in metadata.schema.to_arrow_schema()}
    except pa.ArrowException as error:
        if len(flat) == 1:
            return types | dict.fromkeys(flat, truncate(str(error).rstrip("."), 100))
        for name, column in flat.items():
            types |= _types(footer, {name: column})
    return types


def _type_error(name: str, in_file: str, type_: pa.DataType | str, unit: str | None) -> FileError | None:
    """Return the error of a column whose type cannot be read."""
    meaning, kinds = (f"a number of {unit} since 1970", _COUNT) if unit else ACCEPTED[name]
    is_type = isinstance(type_, pa.DataType)
    if is_type and any(accepts(type_) for accepts in kinds):
        return None
    found = f"its column '{truncate(in_file)}' is {f'of type {truncate(str(type_))}' if is_type else type_}"
    if is_type and pa.types.is_integer(type_) and name in TIMES:
        mapping = ColumnMapping({name: MappedName(in_file, "ms")})
        advice = f'if it counts milliseconds since 1970, use --columns "{mapping}"'
        return FileError(f"{found}, and no point in time", advice)
    advice = WITHOUT_ROW if name == TIMESTAMP else CORRECT
    return FileError(f"{found}, which cannot be read as {meaning}", advice)
