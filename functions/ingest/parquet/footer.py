"""Read the footer of a Parquet file: the position of each column's data, and whether Arrow can read the file.

Arrow trusts the footer: columns that are nested too deeply, or encrypted, would crash the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from ingest.errors import FileError
from ingest.parquet.thrift import BINARY, I32, I64, LIST, STRUCT, Reader, ThriftError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.parquet.thrift import Shape, Struct

TAIL = 8
"""Bytes at the end of a file: the length of the footer, and the magic number."""

MAX_FOOTER_BYTES = 8 << 20
"""Bytes. Arrow needs up to 250 times as many in memory."""

MAX_SCHEMA_DEPTH = 256
"""Levels of nested columns: Arrow overflows its stack at some thousands."""

MAX_ROWS = 5_000_000_000
"""Rows that the function can count in its time; a few bytes can encode any number of rows."""

MAX_PATH_BYTES = 100_000_000
"""Bytes of the paths of all columns and of their parents together."""

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"
BROKEN = "it cannot be read as Parquet: its footer is broken"
ENCRYPTED = "it is encrypted; upload it unencrypted"

_META: Shape = {2: [I32], 3: [BINARY], 8: [{}], 13: [{}], 16: {2: [I64], 3: [I64]}, 17: {2: [I32]}}
_CHUNK: Shape = {3: _META, 8: {2: {1: [BINARY]}}}
_FOOTER: Shape = {2: [{}], 4: [{1: [_CHUNK], 4: [{}]}], 5: [{}], 7: [{}]}
_SCHEMA, _ROWS, _GROUPS, _ENCRYPTION = (2, LIST), (3, I64), (4, LIST), (8, STRUCT)
_NAME, _CHILDREN = (4, BINARY), (5, I32)
_CHUNKS, _GROUP_ROWS = (1, LIST), (3, I64)
_COLUMN, _KEYS, _SECRET = (3, STRUCT), (8, STRUCT), (9, BINARY)
_ENCODINGS, _VALUES, _STORED, _DATA, _DICTIONARY = (2, LIST), (5, I64), (7, I64), (9, I64), (11, I64)
_PAGES = (13, LIST)
_PAGE_KIND, _PAGE_ENCODING = (1, I32), (2, I32)
_DATA_PAGES = {0, 3}
_REFERRING = {2, 8}
"""Encodings of pages that refer to a dictionary."""
_PLAIN, _LEVELS = 0, {3, 4}
_AMBIGUOUS = {_PLAIN, *_LEVELS}
"""PLAIN, RLE and BIT_PACKED: encodings of dictionary pages and levels, but also of other pages."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The values of one column in one row group: their number, and their position in the file.

    ``is_dictionary`` says that all its pages refer to its dictionary, as far as the footer tells, and
    ``is_plain`` that it has none and all its values are written out.
    """

    values: int
    start: int
    size: int
    is_dictionary: bool
    is_plain: bool


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The number of rows, and a chunk for each column, nested columns included, in schema order."""

    rows: int
    chunks: tuple[Chunk, ...]


def footer_length(tail: bytes, file_size: int) -> int:
    """Return the length in bytes of the footer that ends with the 8 bytes of ``tail``.

    Raises:
        FileError: if there is none, it is encrypted, or longer than the file or than may be.
    """
    if tail[-4:] == ENCRYPTED_MAGIC:
        raise FileError(ENCRYPTED)
    if tail[-4:] != MAGIC or len(tail) < TAIL:
        raise FileError("it cannot be read as Parquet: it does not end as a Parquet file does")
    length = int.from_bytes(tail[-TAIL:-4], "little")
    if length > file_size - TAIL - len(MAGIC):
        raise FileError("it cannot be read as Parquet: its footer would be longer than the file")
    if length > MAX_FOOTER_BYTES:
        raise FileError(
            f"its footer is longer than {MAX_FOOTER_BYTES >> 20} MB; write it with fewer row groups"
        )
    return length


def read_footer(footer: bytes) -> tuple[RowGroup, ...]:
    """Return a file's row groups.

    Raises:
        FileError: if the footer is broken or contradicts itself, parts of the file are encrypted, or its
            columns are nested too deeply or are too many.
    """
    try:
        fields = Reader(footer).struct(_FOOTER)
        _check_schema(fields[_SCHEMA])
        if _ENCRYPTION in fields:
            raise FileError(ENCRYPTED)
        groups = tuple(
            RowGroup(group[_GROUP_ROWS], tuple(map(_chunk, group[_CHUNKS]))) for group in fields[_GROUPS]
        )
    except (ThriftError, IndexError, KeyError):
        raise FileError(BROKEN) from None
    if fields.get(_ROWS, 0) > MAX_ROWS:
        raise FileError(f"it has more than {MAX_ROWS:,} rows; split it")
    if fields.get(_ROWS) != sum(group.rows for group in groups):
        raise FileError("its row groups do not have as many rows as it says")
    return groups


def _chunk(fields: Struct) -> Chunk:
    """Return a chunk; its start is the position at which Arrow starts to read."""
    if _KEYS in fields or _SECRET in fields:
        raise FileError(ENCRYPTED)
    column = fields[_COLUMN]
    start, dictionary = column[_DATA], column.get(_DICTIONARY, 0)
    has_dictionary = 0 < dictionary < start
    return Chunk(
        column[_VALUES],
        dictionary if has_dictionary else start,
        column[_STORED],
        is_dictionary=has_dictionary and _encodings_of_pages(column, _AMBIGUOUS) <= _REFERRING,
        is_plain=not has_dictionary and _encodings_of_pages(column, _LEVELS) == {_PLAIN},
    )


def _encodings_of_pages(column: Struct, others: set[int]) -> set[int]:
    """Return the encodings of a chunk's data pages, or all its encodings except ``others``."""
    if _PAGES in column:
        return {page[_PAGE_ENCODING] for page in column[_PAGES] if page[_PAGE_KIND] in _DATA_PAGES}
    return set(column[_ENCODINGS]) - others


def _check_schema(elements: Iterable[Struct]) -> None:
    """Check the depth and the size of the schema tree, whose elements are in preorder."""
    left: list[int] = []
    names: list[int] = []
    total = 0
    for element in elements:
        while left and left[-1] <= 0:
            left.pop()
            names.pop()
        if left:
            left[-1] -= 1
        left.append(element.get(_CHILDREN, 0))
        names.append(len(element.get(_NAME, b"")) + 1)
        if len(left) > MAX_SCHEMA_DEPTH:
            raise FileError(f"its columns are nested more than {MAX_SCHEMA_DEPTH} levels deep")
        total += sum(accumulate(names)) if left[-1] <= 0 else 0
        if total > MAX_PATH_BYTES:
            raise FileError("it has too many columns, or names that are too long")
