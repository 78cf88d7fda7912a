"""Read a Parquet file's footer, and reject footers that would crash Arrow.

Arrow trusts the footer: columns that are encrypted or nested too deeply end the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from ingest.errors import FileError
from ingest.parquet.page_headers import DATA, DATA_V2, REFERRING
from ingest.parquet.thrift import BINARY, I32, I64, LIST, STRUCT, Reader, ThriftError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.parquet.thrift import Shape, Struct

TAIL = 8
"""Bytes after the footer: its length, and the magic."""

MAX_FOOTER_BYTES = 8 << 20
"""Bytes. Arrow needs up to 250 times as much memory."""

MAX_SCHEMA_DEPTH = 256
"""Levels of nested columns; Arrow recurses and overflows the stack at some thousands."""

MAX_ROWS = 5_000_000_000
"""Rows that the function has time to count; a few bytes can encode any number of rows."""

MAX_PATH_BYTES = 100_000_000
"""Total bytes of the paths of all columns and their parents."""

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
    """The number of rows, and one chunk for each leaf column, in the order of the schema."""

    rows: int
    chunks: tuple[Chunk, ...]


def footer_length(tail: bytes, file_size: int) -> int:
    """Return the length of the footer, in bytes, from the last 8 bytes of the file.

    Raises:
        FileError: if there is no footer, or it is encrypted or too long.
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
        FileError: if the footer is broken or inconsistent, parts of the file are encrypted, or there are too
            many rows, too many columns or too many levels of nested columns.
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
    """Return a chunk; like Arrow, start at the dictionary if the chunk has one."""
    if _KEYS in fields or _SECRET in fields:
        raise FileError(ENCRYPTED)
    column = fields[_COLUMN]
    start, dictionary = column[_DATA], column.get(_DICTIONARY, 0)
    has_dictionary = 0 < dictionary < start
    if _PAGES in column:
        encodings = {page[_PAGE_ENCODING] for page in column[_PAGES] if page[_PAGE_KIND] in {DATA, DATA_V2}}
    else:
        encodings = set(column[_ENCODINGS]) - (_AMBIGUOUS if has_dictionary else _LEVELS)
    return Chunk(
        column[_VALUES],
        dictionary if has_dictionary else start,
        column[_STORED],
        is_dictionary=has_dictionary and encodings <= REFERRING,
        is_plain=not has_dictionary and encodings == {_PLAIN},
    )


def _check_schema(elements: Iterable[Struct]) -> None:
    """Walk the tree, parents first, and count the remaining children at each level."""
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
