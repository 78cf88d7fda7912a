"""Read the description of a column chunk in a footer by a pattern, several times as fast as by Thrift.

The pattern matches the descriptions that most writers write. A file can have a hundred thousand of them.
"""

import re
from functools import lru_cache
from typing import Any

from ingest.parquet.page_headers import NUMBER, STATISTIC, TEXT, number
from ingest.parquet.thrift import BINARY, I32, I64, LIST, RAW, STRUCT, Struct

COLUMN = (3, STRUCT)
"""The metadata in the description of a chunk, with the following fields."""
ENCODINGS, VALUES, STORED, DATA_AT, DICTIONARY_AT = (2, LIST), (5, I64), (7, I64), (9, I64), (11, I64)
PAGES = (13, LIST)
PAGE_KIND, PAGE_ENCODING = (1, I32), (2, I32)

_LONG = rb"[\x80-\xff]{0,8}[\x00-\x7f]"
_SHORT = rb"[\x00-\x7f]"
_PAGES = rb"\x15(%b)\x15(%b)\x15%b\x00" % (_SHORT, _SHORT, NUMBER)


def _list(kind: int, element: bytes, longest: int) -> bytes:
    """Return the pattern of a list."""
    return b"|".join(
        re.escape(bytes([size << 4 | kind])) + b"(?:%b){%d}" % (element, size) for size in range(longest + 1)
    )


_CHUNK = re.compile(
    rb"""
    \x26LONG \x1c                        # offset of this description; the metadata:
      \x15NUMBER                         # type
      \x19(ENCODINGS)                    # encodings
      \x19(?:PATH)                       # names of the column and its parents
      \x15NUMBER                         # codec
      \x16(LONG)                         # number of values
      \x16LONG                           # size, decoded
      \x16(LONG)                         # size, stored
      \x26(LONG)                         # offset of the first data page
      (?P<dictionary>\x26LONG)?          # offset of the dictionary
      (?P<statistics>(?(dictionary)\x1c|\x3c)(?:STATISTIC)*\x00)?
      (?:(?(statistics)\x19|(?(dictionary)\x29|\x49))(?P<pages>PAGES)(?:\x3c(?:SIZES)*\x00)?)?
    \x00
    (?:\x16LONG\x15NUMBER)?(?:\x16LONG\x15NUMBER)?   # offsets and sizes of indices
    \x00
    """.replace(b"ENCODINGS", _list(I32, _SHORT, 8))
    .replace(b"PATH", _list(BINARY, TEXT, 4))
    .replace(b"PAGES", _list(STRUCT, _PAGES.replace(b"(", b"(?:"), 8))
    .replace(b"SIZES", rb"[\x16\x26\x36]LONG|[\x19\x29\x39](?:%b)" % _list(I64, b"LONG", 4))
    .replace(b"STATISTIC", STATISTIC)
    .replace(b"LONG", _LONG)
    .replace(b"NUMBER", NUMBER),
    re.DOTALL | re.VERBOSE,
)


def read_chunk(data: bytes | memoryview, start: int) -> tuple[Struct, int] | None:
    """Return the description at a position, with the fields above, and its end; None if it is another one."""
    found = _CHUNK.match(data, start)
    if not found:
        return None
    encodings, values, stored, first, dictionary, pages = found.group(1, 2, 3, 4, "dictionary", "pages")
    column: Struct = {VALUES: number(values), STORED: number(stored), DATA_AT: number(first)}
    column |= _encodings(encodings, pages)
    if dictionary:
        column[DICTIONARY_AT] = number(dictionary[1:])
    return {COLUMN: column, RAW: found.group()}, found.end()


@lru_cache(1024)
def _encodings(encodings: bytes, pages: bytes | None) -> Struct:
    """Return the fields of the encodings; few are different in a file."""
    fields: dict[Any, Any] = {ENCODINGS: [number(encodings[i : i + 1]) for i in range(1, len(encodings))]}
    if pages:
        found = re.findall(_PAGES, pages[1:], re.DOTALL)
        fields[PAGES] = [
            {PAGE_KIND: number(kind), PAGE_ENCODING: number(encoding)} for kind, encoding in found
        ]
    return fields
