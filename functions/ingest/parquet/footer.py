"""Read a Parquet file's footer, and write one that names only the needed columns.

Arrow gets only the written footer. It converts the whole schema of a footer, and refuses a file for a type
that nobody needs. It also trusts the footer: columns that are encrypted or nested too deeply end the process.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from typing import IO

from ingest.errors import FileError
from ingest.parquet.chunk_pattern import (
    COLUMN,
    DATA_AT,
    DICTIONARY_AT,
    ENCODINGS,
    PAGE_ENCODING,
    PAGE_KIND,
    PAGES,
    STORED,
    VALUES,
    read_chunk,
)
from ingest.parquet.other_formats import HEAD_BYTES, recognize
from ingest.parquet.page_headers import DATA, DATA_V2, REFERRING
from ingest.parquet.thrift import (
    BINARY,
    FALSE,
    I32,
    I64,
    LIST,
    QUICK,
    RAW,
    STRUCT,
    TRUE,
    WITH_RAW,
    Reader,
    Shape,
    Struct,
    ThriftError,
    write_binary,
    write_integer,
    write_structs,
)

TAIL = 8
"""Bytes after the footer: its length, and the magic."""

END_BYTES = 1 << 16
"""Bytes of the first read, which contain most footers."""

MAX_FOOTER_BYTES = 8 << 20
"""Bytes. Reading takes up to 50 times as much memory."""

MAX_ROWS = 5_000_000_000
"""Rows that the function has time to count; a few bytes can encode any number of rows."""

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"
BROKEN = "it cannot be read as Parquet: its footer is broken"
ENCRYPTED = "it is encrypted", "write it without encryption"

_META: Shape = {2: [I32], 3: [BINARY], 8: [{}], 13: [{}], 16: {2: [I64], 3: [I64]}, 17: {2: [I32]}}
CHUNK: Shape = {3: _META, 8: {2: {1: [BINARY]}}, **WITH_RAW, QUICK: read_chunk}
_FOOTER: Shape = {2: [WITH_RAW], 4: [{1: [CHUNK], 4: [{}]}], 5: [{}], 7: [{}]}
_SCHEMA, _GROUPS, _CREATED_BY = (2, LIST), (4, LIST), (6, BINARY)
_TYPE, _REPETITION, _NAME, _CHILDREN, _FIELD_ID = (1, I32), (3, I32), (4, BINARY), (5, I32), (9, I32)
_REPEATED = 2
CHUNKS, _GROUP_ROWS = (1, LIST), (3, I64)
_FILE, _KEYS, _SECRET = (1, BINARY), (8, STRUCT), (9, BINARY)
_PLAIN, _LEVELS = 0, {3, 4}
_AMBIGUOUS = {_PLAIN, *_LEVELS}
"""PLAIN, RLE and BIT_PACKED: also used for dictionary pages and levels."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The number of values of one column in one row group, and their position and size in the file, in bytes.

    If ``is_dictionary``, all pages refer to the dictionary, according to the footer. If ``is_plain``, there
    is no dictionary and all values are plain.
    """

    values: int
    start: int
    size: int
    is_dictionary: bool
    is_plain: bool


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The number of rows, and one chunk for each needed column."""

    rows: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the schema's first level.

    Attributes:
        name: as the file writes it.
        leaf: its number among all leaves; None if it is nested or repeated.
        element: the bytes of its schema element.
        field_id: the number that a table's metadata give it, if any.
    """

    name: str
    leaf: int | None
    element: bytes
    field_id: int | None = None


@dataclass(frozen=True, slots=True)
class Footer:
    """The footer of a file.

    Attributes:
        columns: of the schema's first level.
        leaves: how many leaves the schema has.
        groups: the row groups.
        created_by: the writer. Arrow works around faults of some.
    """

    columns: tuple[Column, ...]
    leaves: int
    groups: Sequence[Struct]
    created_by: bytes

    def select(self, columns: Mapping[str, Column]) -> tuple[bytes, tuple[RowGroup, ...]]:
        """Return a file of nothing but a footer with some columns under other names, and its row groups.

        Args:
            columns: with leaves, by their new names, in the order in which they are to be.

        Raises:
            FileError: if the row groups lack them, or they are encrypted.
        """
        leaves = [column.leaf or 0 for column in columns.values()]
        try:
            groups = [(group[_GROUP_ROWS], self._chunks(i, leaves)) for i, group in enumerate(self.groups)]
            selected = tuple(RowGroup(rows, tuple(map(_chunk, chunks))) for rows, chunks in groups)
        except KeyError:
            raise FileError(BROKEN) from None
        # Where a field is repeated, the last one counts.
        renamed = [
            column.element[:-1] + b"\x08" + write_integer(4) + write_binary(name.encode()) + b"\0"
            for name, column in columns.items()
        ]
        root = b"\x48" + write_binary(b"schema") + b"\x15" + write_integer(len(columns)) + b"\0"
        written_groups = [
            b"\x19" + write_structs([chunk[RAW] for chunk in chunks])
            + b"\x16\0\x16" + write_integer(rows) + b"\0"
            for rows, chunks in groups
        ]  # fmt: skip
        footer = b"".join(
            (
                b"\x15\x04\x19",
                write_structs([root, *renamed]),
                b"\x16",
                write_integer(sum(rows for rows, _ in groups)),
                b"\x19",
                write_structs(written_groups),
                b"\x28" + write_binary(self.created_by) + b"\0",
            )
        )
        file = MAGIC + footer + len(footer).to_bytes(4, "little") + MAGIC
        return file, selected

    def _chunks(self, number: int, leaves: Sequence[int]) -> list[Struct]:
        """Return the chunks of some leaves in a row group."""
        chunks, rows = self.groups[number][CHUNKS], self.groups[number][_GROUP_ROWS]
        if len(chunks) != self.leaves:
            raise FileError(f"its row group {number} does not have as many columns as the file")
        found = [chunks[leaf] for leaf in leaves]
        if any(_KEYS in chunk or _SECRET in chunk for chunk in found):
            raise FileError(*ENCRYPTED)
        if any(chunk.get(_FILE) for chunk in found):
            raise FileError("its rows are in other files", "use these files")
        if any(chunk[COLUMN][VALUES] != rows for chunk in found):
            raise FileError(f"its row group {number} does not have a value of each needed column in each row")
        return found


def read_end(source: IO[bytes] | RawIOBase) -> bytes:
    """Return the footer of a file without the bytes after it.

    Raises:
        FileError: if there is no footer, or it is encrypted or too long.
    """
    size = source.seek(0, io.SEEK_END)
    source.seek(max(size - END_BYTES, 0))
    end = bytes(source.read(END_BYTES) or b"")
    if len(end) < TAIL:
        raise FileError("it cannot be read as Parquet: it is empty or almost so")
    if end[-len(MAGIC) :] not in {MAGIC, ENCRYPTED_MAGIC}:
        source.seek(0)
        found = recognize(bytes(source.read(HEAD_BYTES) or b""))
        if found:
            raise FileError(f"it cannot be read as Parquet: it looks like {found.name}", found.advice)
        raise FileError("it cannot be read as Parquet: it does not end as a Parquet file does")
    length = footer_length(end[-TAIL:], size)
    if length > len(end) - TAIL:
        source.seek(size - TAIL - length)
        end = bytes(source.read(TAIL + length) or b"")
    return end[-TAIL - length : -TAIL]


def footer_length(tail: bytes, file_size: int) -> int:
    """Return the length of the footer, in bytes, from the last 8 bytes of the file.

    Raises:
        FileError: if there is no footer, or it is encrypted or too long.
    """
    if tail[-4:] == ENCRYPTED_MAGIC:
        raise FileError(*ENCRYPTED)
    length = int.from_bytes(tail[-TAIL:-4], "little")
    if length > file_size - TAIL - len(MAGIC):
        raise FileError("it cannot be read as Parquet: its footer would be longer than the file")
    if length > MAX_FOOTER_BYTES:
        raise FileError(
            f"its footer is longer than {MAX_FOOTER_BYTES >> 20} MB; write it with fewer row groups"
        )
    return length


def read_footer(data: bytes) -> Footer:
    """Return a file's footer.

    Raises:
        FileError: if it is broken or inconsistent, or there are too many rows.
    """
    try:
        fields = Reader(data).struct(_FOOTER)
        root, *elements = fields[_SCHEMA]
        columns = tuple(_columns(elements))
        leaves, groups = sum(_TYPE in element for element in elements), fields[_GROUPS]
        total = sum(group[_GROUP_ROWS] for group in groups)
        if len(columns) != root.get(_CHILDREN, 0) or any(group[_GROUP_ROWS] < 0 for group in groups):
            raise FileError(BROKEN)
        if not all(group.keys() >= {CHUNKS} for group in groups):
            raise FileError(BROKEN)
    except (ThriftError, IndexError, KeyError, ValueError):
        raise FileError(BROKEN) from None
    # The footer's own number of rows is ignored, as Arrow, DuckDB and Spark do: some writers leave 0, and
    # fastparquet 0.8 leaves an old number when it appends.
    if total > MAX_ROWS:
        raise FileError(f"it has more than {MAX_ROWS:,} rows", "split it")
    return Footer(columns, leaves, groups, fields.get(_CREATED_BY, b""))


def _chunk(fields: Struct) -> Chunk:
    """Return a chunk; like Arrow, start at the dictionary if the chunk has one."""
    column = fields[COLUMN]
    start, dictionary = column[DATA_AT], column.get(DICTIONARY_AT, 0)
    has_dictionary = 0 < dictionary < start
    if PAGES in column:
        encodings = {page[PAGE_ENCODING] for page in column[PAGES] if page[PAGE_KIND] in {DATA, DATA_V2}}
    else:
        encodings = set(column[ENCODINGS]) - (_AMBIGUOUS if has_dictionary else _LEVELS)
    return Chunk(
        column[VALUES],
        dictionary if has_dictionary else start,
        column[STORED],
        is_dictionary=has_dictionary and encodings <= REFERRING,
        is_plain=not has_dictionary and encodings == {_PLAIN},
    )


def _columns(elements: Sequence[Struct]) -> Iterator[Column]:
    """Yield the columns of the first level; the elements are the whole tree, parents first."""
    at = leaf = 0
    while at < len(elements):
        first, first_leaf, left = elements[at], leaf, 1
        while left:
            element = elements[at]
            left += max(element.get(_CHILDREN, 0), 0) - 1
            leaf += _TYPE in element
            at += 1
        raw = first[RAW]
        for kind in (TRUE, FALSE):
            # fastparquet writes a boolean if it infers which columns have nulls. Arrow reads it as required.
            if (_REPETITION[0], kind) in first:
                raw = raw[:-1] + b"\x05" + write_integer(_REPETITION[0]) + write_integer(kind == TRUE) + b"\0"
        is_flat = _TYPE in first and not first.get(_CHILDREN) and first.get(_REPETITION) != _REPEATED
        name = bytes(first[_NAME]).decode("utf-8", "replace")
        yield Column(name, first_leaf if is_flat else None, raw, first.get(_FIELD_ID))
