"""Parquet files built page by page, any part of which can be wrong."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from tests.support import thrift
from tests.support.thrift import BINARY, I32, I64, LIST, STRUCT

DOUBLE, BYTE_ARRAY = 5, 6
PLAIN, RLE, DELTA_BYTE_ARRAY, RLE_DICTIONARY = 0, 3, 7, 8
UNCOMPRESSED, GZIP, BROTLI, ZSTD = 0, 2, 4, 6
UTF8, LIST_OF, MAP_OF = 0, 3, 1
REQUIRED, OPTIONAL, REPEATED = range(3)
MAGIC = b"PAR1"


@dataclass(frozen=True)
class Column:
    """A required column of one chunk, with its pages (headers and bodies) as in the file."""

    name: str
    physical: int
    pages: tuple[bytes, ...]
    values: int
    codec: int = UNCOMPRESSED
    dictionary: bool = False
    encodings: tuple[int, ...] = (PLAIN, RLE, RLE_DICTIONARY)


def data_page(body: bytes, values: int, encoding: int = PLAIN, size: int | None = None) -> bytes:
    """Return a data page; ``size`` is the uncompressed size in its header."""
    data = {1: (I32, values), 2: (I32, encoding), 3: (I32, RLE), 4: (I32, RLE)}
    return _page(0, body, size, {5: (STRUCT, data)})


def dictionary_page(body: bytes, values: int, size: int | None = None) -> bytes:
    return _page(2, body, size, {7: (STRUCT, {1: (I32, values), 2: (I32, PLAIN)})})


def _page(kind: int, body: bytes, size: int | None, more: thrift.Struct) -> bytes:
    sizes = {2: (I32, len(body) if size is None else size), 3: (I32, len(body))}
    return thrift.write({1: (I32, kind), **sizes, **more}) + body


def texts(*values: bytes) -> bytes:
    """Return plain texts as a page's body."""
    return b"".join(struct.pack("<i", len(value)) + value for value in values)


def text_column(name: str, *pages: bytes, values: int = 1, codec: int = UNCOMPRESSED) -> Column:
    return Column(name, BYTE_ARRAY, pages, values, codec)


def uniform_file(rows: int, **instead: Column) -> bytes:
    """Return a file of equal rows, with some columns replaced."""
    columns = {
        "country_code": text_column("country_code", data_page(texts(*[b"Peru"] * rows), rows), values=rows),
        "last_order_ts": text_column(
            "last_order_ts", data_page(texts(*[b"2020-01-01"] * rows), rows), values=rows
        ),
        "total_orders": _doubles("total_orders", 3.0, rows),
        "voucher_amount": _doubles("voucher_amount", 2640.0, rows),
    }
    return file(list((columns | instead).values()), rows)


def _doubles(name: str, value: float, rows: int) -> Column:
    return Column(name, DOUBLE, (data_page(struct.pack("<d", value) * rows, rows),), rows)


def file(columns: list[Column], rows: int) -> bytes:
    """Return a file of one row group."""
    out, chunks = bytearray(MAGIC), []
    for column in columns:
        start = len(out)
        out += b"".join(column.pages)
        chunks.append({2: (I64, 0), 3: (STRUCT, _chunk(column, start, len(out) - start))})
    group = {1: (LIST, (STRUCT, chunks)), 2: (I64, len(out)), 3: (I64, rows)}
    schema = [root(len(columns)), *(leaf(column.name, column.physical) for column in columns)]
    return bytes(out) + footer(schema, [group], rows)


def _chunk(column: Column, start: int, size: int) -> thrift.Struct:
    places = {9: (I64, start + (len(column.pages[0]) if column.dictionary else 0))}
    if column.dictionary:
        places[11] = (I64, start)
    return {
        1: (I32, column.physical),
        2: (LIST, (I32, [*column.encodings])),
        3: (LIST, (BINARY, [column.name.encode()])),
        4: (I32, column.codec),
        5: (I64, column.values),
        6: (I64, size),
        7: (I64, size),
        **places,
    }


def root(children: int) -> thrift.Struct:
    return {4: (BINARY, b"schema"), 5: (I32, children)}


def group_of(
    children: int, repetition: int = REQUIRED, name: bytes = b"a", meaning: int | None = None
) -> Any:
    message = {} if meaning is None else {6: (I32, meaning)}
    return {3: (I32, repetition), 4: (BINARY, name), 5: (I32, children), **message}


def leaf(name: str, physical: int) -> thrift.Struct:
    message = {6: (I32, UTF8)} if physical == BYTE_ARRAY else {}
    return {1: (I32, physical), 3: (I32, REQUIRED), 4: (BINARY, name.encode()), **message}


def footer(schema: list[Any], groups: list[Any], rows: int) -> bytes:
    """Return a footer with its length and the magic after it."""
    return sealed(
        thrift.write(
            {
                1: (I32, 1),
                2: (LIST, (STRUCT, schema)),
                3: (I64, rows),
                4: (LIST, (STRUCT, groups)),
            }
        )
    )


def sealed(metadata: bytes) -> bytes:
    return metadata + struct.pack("<i", len(metadata)) + MAGIC


def footer_of(body: bytes) -> tuple[int, thrift.Struct]:
    """Return the offset of a file's footer, and the footer."""
    start = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    return start, thrift.read(body, start)[0]


def with_footer(body: bytes, message: thrift.Struct) -> bytes:
    """Return a file with another footer."""
    return body[: footer_of(body)[0]] + sealed(thrift.write(message))


def zstd_run(head: bytes, byte: int, size: int) -> bytes:
    """Return ``size`` bytes in zstd, 4 bytes for each 128 KB: ``head``, and then one repeated byte."""
    frame = b"\x28\xb5\x2f\xfd\xc0\x38" + struct.pack("<Q", size)
    whole, rest = divmod(size - len(head), _BLOCK)
    run = _block(1, _BLOCK, bytes([byte]))
    return frame + _block(0, len(head), head) + run * whole + _block(1, rest, bytes([byte]), last=1)


_BLOCK = 1 << 17


def _block(kind: int, size: int, data: bytes, last: int = 0) -> bytes:
    return struct.pack("<I", last | kind << 1 | size << 3)[:3] + data


def growing_texts(values: int, length: int) -> bytes:
    """Return a DELTA_BYTE_ARRAY page's body: each text is the first one's ``length`` bytes and one more."""
    prefixes = _deltas(0, length, values)
    suffixes = _deltas(length, 1 - length, values)
    return prefixes + suffixes + b"P" * length + b"x" * (values - 1)


def _deltas(first: int, then: int, count: int) -> bytes:
    """Return in DELTA_BINARY_PACKED: ``first``, and then ``first + then`` again and again."""
    low, width = min(then, 0), abs(then).bit_length()
    packed = ((then - low) | sum(-low << i * width for i in range(1, 128))).to_bytes(width * 16, "little")
    out = thrift.varint(128) + thrift.varint(4) + thrift.varint(count) + thrift.zigzag(first)
    out += thrift.zigzag(low) + bytes([width] * 4) + packed
    return out + (thrift.zigzag(0) + bytes(4)) * ((count - 2) // 128)
