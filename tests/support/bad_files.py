"""Files that are broken, contradict their metadata or would exhaust memory, made on request."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from tests.support import thrift
from tests.support.parquet_builder import (
    BROTLI,
    BYTE_ARRAY,
    DELTA_BYTE_ARRAY,
    DOUBLE,
    GZIP,
    LIST_OF,
    MAP_OF,
    OPTIONAL,
    REPEATED,
    RLE_DICTIONARY,
    ZSTD,
    Column,
    data_page,
    dictionary_page,
    footer,
    footer_of,
    group_of,
    growing_texts,
    leaf,
    root,
    sealed,
    text_column,
    texts,
    uniform_file,
    with_footer,
    zstd_run,
)
from tests.support.stack_harness import parquet
from tests.support.thrift import BINARY, I32, I64, LIST, STRUCT

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20
ROWS = 3_000
NOT_PARQUET = "it cannot be read as Parquet"
NOT_DECODED = "its data cannot be decoded"
TOO_LARGE_PAGES = "its pages are too large"
TOO_MUCH_TEXT = "hold more than 48 MB of different texts"
TOO_MUCH = "takes more memory than there is"


def table(rows: int = ROWS) -> pa.Table:
    """Return uses with valid, repaired and rejected values, and a column that is not needed."""
    return pa.table(
        {
            "customer": [f"c{i}" for i in range(rows)],
            "country_code": [("Peru", "Latvia", None, " peru ")[i % 4] for i in range(rows)],
            "last_order_ts": [f"2020-0{1 + i % 9}-11 10:00:00" if i % 7 else None for i in range(rows)],
            "total_orders": [("3.0", "", "40", "x", "4.5")[i % 5] for i in range(rows)],
            "voucher_amount": [(2640.0, None, 3520.5)[i % 3] for i in range(rows)],
        }
    )


def sample_file(**options: Any) -> bytes:
    return parquet(table(), **{"row_group_size": 1_000} | options)


def flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]


def start_of(column: str) -> int:
    """Return the offset of a column in the file that ``sample_file`` returns."""
    metadata = pq.read_metadata(io.BytesIO(sample_file(write_page_checksum=True)))
    start: int = metadata.row_group(0).column(metadata.schema.names.index(column)).dictionary_page_offset
    return start


def encrypted(*, plaintext_footer: bool, column: str = "country_code") -> bytes:
    """Return a file with a column that is encrypted with a key management service."""
    keys = {"footer": b"0123456789012345", "column": b"1234567890123450"}
    factory = pe.CryptoFactory(lambda _: _InMemoryKms(keys))
    settings = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": [column]}, plaintext_footer=plaintext_footer
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), settings)
    return parquet(table(), encryption_properties=properties)


class _InMemoryKms(pe.KmsClient):  # type: ignore[misc] # pyarrow has no types
    def __init__(self, keys: dict[str, bytes]) -> None:
        super().__init__()
        self._keys = keys

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return base64.b64encode(self._keys[master_key_identifier] + key_bytes).decode()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return base64.b64decode(wrapped_key)[len(self._keys[master_key_identifier]) :]


def lying(*path: int, value: int) -> bytes:
    """Return a file whose footer holds ``value`` at a path of field ids; of a list it is the second entry."""
    body = sample_file()
    message = footer_of(body)[1]
    content: Any = message
    for field in path[:-1]:
        kind, content = content[field]
        content = content[1][1] if kind == LIST else content
    content[path[-1]] = (content[path[-1]][0], value)
    return with_footer(body, message)


GROUP = (4,)
CHUNK = (4, 1, 3)
BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", NOT_PARQUET),
    "one byte": (lambda: b"P", NOT_PARQUET),
    "text": (lambda: b"country_code,last_order_ts\nPeru,2020-01-01\n", NOT_PARQUET),
    "nothing but magic": (lambda: b"PAR1PAR1", NOT_PARQUET),
    "zeros": (lambda: bytes(4_096), NOT_PARQUET),
    "a footer cut off": (lambda: sample_file()[:-100], NOT_PARQUET),
    "the second half": (lambda: sample_file()[len(sample_file()) // 2 :], f"{NOT_DECODED}|{NOT_PARQUET}"),
    "a page cut out": (lambda: sample_file()[:500] + sample_file()[700:], NOT_DECODED),
    "a byte flipped under a checksum": (
        lambda: flipped(sample_file(write_page_checksum=True), start_of("country_code") + 60),
        NOT_DECODED,
    ),
    "an encrypted footer": (lambda: encrypted(plaintext_footer=False), "it is encrypted"),
    "an encrypted column": (lambda: encrypted(plaintext_footer=True), "decrypt|encrypt"),
    "the magic of an encrypted footer": (lambda: sample_file()[:-4] + b"PARE", "it is encrypted"),
    "a footer longer than the file": (lambda: sample_file()[:-8] + b"\xff\xff\xff\x7fPAR1", NOT_PARQUET),
    "a footer of a negative length": (lambda: sample_file()[:-8] + b"\xff\xff\xff\xffPAR1", NOT_PARQUET),
    "a footer of no length": (lambda: sample_file()[:-8] + b"\0\0\0\0PAR1", NOT_PARQUET),
    "a footer of 9 MB": (lambda: b"PAR1" + sealed(bytes(9 * MB)), "its footer is longer than 8 MB"),
    "a large broken footer": (lambda: b"PAR1" + sealed(b"\x19" * 20_000), "its footer is broken"),
    "a footer of half a million structs": (
        lambda: b"PAR1" + footer([root(1), leaf("a", DOUBLE)], [{1: (LIST, (STRUCT, [{}] * 600_000))}], 0),
        "its footer is broken",
    ),
    "more rows than there is time for": (
        lambda: lying(*GROUP, 3, value=5_000_000_001),
        "more than 5,000,000,000 rows",
    ),
    "a row group with more rows": (lambda: lying(*GROUP, 3, value=1_001), "does not have a value of"),
    "a column with fewer values": (lambda: lying(*CHUNK, 5, value=10), "does not have a value of"),
    "a chunk before the file": (lambda: lying(*CHUNK, 9, value=-5), NOT_DECODED),
    "a dictionary after the file": (lambda: lying(*CHUNK, 11, value=1 << 40), NOT_DECODED),
    "a chunk longer than the file": (lambda: lying(*CHUNK, 7, value=1 << 40), NOT_DECODED),
    "a chunk of a negative length": (lambda: lying(*CHUNK, 7, value=-1), NOT_DECODED),
    "another codec than it says": (lambda: lying(*CHUNK, 4, value=GZIP), NOT_DECODED),
    "a column twice": (
        lambda: parquet(
            pa.table([pa.array(["Peru"])] * 5, names=["country_code", *table().column_names[1:]])
        ),
        "it has more than one column 'country_code'",
    ),
    "no columns": (lambda: parquet(pa.table({})), "it has no column"),
    "a column with a name of many lines": (
        lambda: parquet(pa.table({"a\nb\x1b[31m" + "c" * 5_000: [1]})),
        "it has no column .*; it has 'a.b.*…'$",
    ),
    "a needed column that is nested": (
        lambda: parquet(
            table().set_column(1, "country_code", pa.array([{f"f{i}": i for i in range(500)}] * ROWS))
        ),
        "its column 'country_code' is nested, which cannot be read as a name",
    ),
    "half the rows of a row group": (
        lambda: _with_row_count(uniform_file(10), 20),
        "its row group 0 holds|does not have a value|end of",
    ),
}
"""Files that must fail, by their defect, with a pattern of the message."""


def _with_row_count(body: bytes, rows: int) -> bytes:
    message = footer_of(body)[1]
    message[3] = (I64, rows)
    group = message[4][1][1][0]
    group[3] = (I64, rows)
    for chunk in group[1][1][1]:
        chunk[3][1][5] = (I64, rows)
    return with_footer(body, message)


def nested(levels: int, *elements: thrift.Struct) -> bytes:
    """Return a footer of columns nested in each other, and nothing else."""
    return b"PAR1" + footer([root(1), *elements * levels, leaf("v", DOUBLE)], [], 0)


def inflating(size: int, head: bytes, byte: int = 80) -> bytes:
    """Return a data page of ``size`` bytes of which few are stored, with one value."""
    return data_page(zstd_run(head, byte, size), 1, size=size)


def long_text(size: int, byte: int = 80) -> bytes:
    """Return a page with one text that repeats one byte."""
    return inflating(size, struct.pack("<i", size - 4), byte)


def gzipped(size: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    body = packer.compress(struct.pack("<i", size - 4))
    body += b"".join(packer.compress(b"P" * MB) for _ in range(size // MB - 1))
    return body + packer.compress(b"P" * (MB - 4)) + packer.flush()


def compressed_by(codec: int, body: bytes, size: int) -> bytes:
    page = data_page(body, 1, size=size)
    return uniform_file(1, country_code=text_column("country_code", page, codec=codec))


def with_dictionary(size: int, head: bytes, values: int) -> bytes:
    index = data_page(zstd_run(b"\x01\x03\x00\x00", 0, 20), 1, RLE_DICTIONARY, 20)
    pages = (dictionary_page(zstd_run(head, 0, size), values, size), index)
    return uniform_file(1, country_code=Column("country_code", BYTE_ARRAY, pages, 1, ZSTD, dictionary=True))


def every_text(size: int, byte: int) -> bytes:
    names = ("country_code", "last_order_ts", "total_orders", "voucher_amount")
    return uniform_file(1, **{name: text_column(name, long_text(size, byte), codec=ZSTD) for name in names})


def growing(values: int, length: int) -> bytes:
    page = data_page(growing_texts(values, length), values, DELTA_BYTE_ARRAY)
    encodings = (DELTA_BYTE_ARRAY,)
    return uniform_file(
        values, country_code=Column("country_code", BYTE_ARRAY, (page,), values, encodings=encodings)
    )


def country_pages(*pages: bytes) -> bytes:
    return uniform_file(
        len(pages), country_code=text_column("country_code", *pages, values=len(pages), codec=ZSTD)
    )


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a text of 2 GB": (lambda: country_pages(long_text(2047 * MB)), TOO_LARGE_PAGES),
    "a text of 300 MB, gzip": (lambda: compressed_by(GZIP, gzipped(300 * MB), 300 * MB), TOO_LARGE_PAGES),
    "a text of 300 MB, brotli": (lambda: compressed_by(BROTLI, b"not looked at", 300 * MB), TOO_LARGE_PAGES),
    "many texts of 64 MB": (
        lambda: country_pages(*(long_text(64 * MB, 65 + i) for i in range(40))),
        TOO_LARGE_PAGES,
    ),
    "a dictionary of 1 GB of nothing": (
        lambda: with_dictionary(1024 * MB, bytes(4), 256 * MB),
        TOO_LARGE_PAGES,
    ),
    "a page that says 2 GB and is 3 bytes": (
        lambda: country_pages(data_page(b"abc", 1, size=2**31 - 1)),
        TOO_LARGE_PAGES,
    ),
    "texts of 60 MB that are no UTF-8, four times": (lambda: every_text(60 * MB, 0xFF), TOO_MUCH_TEXT),
    "a text of 250 MB": (lambda: country_pages(long_text(250 * MB)), TOO_MUCH_TEXT),
    "texts that repeat the one before, of 2 GB together": (lambda: growing(4_000, MB // 2), TOO_MUCH),
    "texts that repeat the one before, of 16 GB together": (lambda: growing(16_000, MB), TOO_MUCH),
    "columns nested 6,000 levels deep": (lambda: nested(6_000, group_of(1, REPEATED)), "it has no column"),
    "columns nested 60,000 levels deep": (lambda: nested(60_000, group_of(1)), "it has no column"),
    "lists nested 20,000 levels deep": (
        lambda: nested(10_000, group_of(1, OPTIONAL, meaning=LIST_OF), group_of(1, REPEATED)),
        "it has no column",
    ),
    "maps nested 12,000 levels deep": (
        lambda: nested(
            6_000, group_of(1, OPTIONAL, meaning=MAP_OF), group_of(2, REPEATED), leaf("k", DOUBLE)
        ),
        "it has no column",
    ),
    "a long name over many levels": (
        lambda: (
            b"PAR1"
            + footer(
                [root(1), group_of(1, name=b"n" * (4 * MB)), *[group_of(1)] * 200, leaf("v", DOUBLE)], [], 0
            )
        ),
        "it has no column",
    ),
    "a list of structs that is said to be one of numbers": (
        lambda: (
            b"PAR1"
            + sealed(
                thrift.write({1: (I32, 1), 2: (LIST, (I32, [0])), 3: (I64, 0)})[:-3]
                + thrift.write({4: (BINARY, b"x" * 20_000)})
            )
        ),
        "its footer is broken",
    ),
}
"""Small files that would take gigabytes or overflow the stack, with a pattern of the message."""


def other_columns(count: int) -> bytes:
    """Return uses with many columns that are not needed."""
    content = table(100)
    more = {f"extra_{i}": pa.array([i] * 100, pa.int32()) for i in range(count)}
    return parquet(pa.table({**{n: content.column(n) for n in content.column_names}, **more}))


def beside_nested(levels: int) -> bytes:
    content = table(100)
    inner = pa.array(range(100))
    for level in range(levels):
        inner = (
            pa.StructArray.from_arrays([inner], ["s"])
            if level % 2
            else pa.ListArray.from_arrays(pa.array(range(101), pa.int32()), inner)
        )
    return parquet(content.append_column("deep", inner))


def long_dictionary() -> bytes:
    """Return uses whose orders are all different and all in a dictionary."""
    content = table(70_000).set_column(3, "total_orders", pa.array([f"{i}.0" for i in range(70_000)]))
    return parquet(content, dictionary_pagesize_limit=100 * MB)


def invalid_text() -> bytes:
    rows = 4
    countries = data_page(texts(b"Per\xff", b"\xc3\x28", b"\xed\xa0\x80", b"Peru"), rows)
    return uniform_file(rows, country_code=text_column("country_code", countries, values=rows))


def with_names(*more: str) -> bytes:
    content = table(100)
    return parquet(
        pa.table({**{n: content.column(n) for n in content.column_names}, **dict.fromkeys(more, [1] * 100)})
    )


def without_groups() -> bytes:
    message = footer_of(sample_file())[1]
    message[3], message[4] = (I64, 0), (LIST, (STRUCT, []))
    return with_footer(sample_file(), message)


ODD: dict[str, Callable[[], bytes]] = {
    "10,000 columns": lambda: other_columns(10_000),
    "columns nested 90 levels deep": lambda: beside_nested(90),
    "no rows": lambda: parquet(table(0)),
    "no row groups": without_groups,
    "fewer rows than its row groups": lambda: lying(3, value=1),  # fastparquet 0.8 appends so
    "more rows than its row groups": lambda: lying(3, value=1 << 40),
    "a row a row group": lambda: parquet(table(50), row_group_size=1),
    "a long dictionary": long_dictionary,
    "text that is not UTF-8": invalid_text,
    "columns whose names begin like needed ones": lambda: with_names(
        "country_code.x", "total_orders ", "a.b", ""
    ),
    "numbers too large for a float to tell apart": lambda: parquet(
        table(3).set_column(4, "voucher_amount", pa.array([2**53 + 1, 2**60 + 1, 2**63 - 1]))
    ),
    "a zone that is on no map": lambda: parquet(
        table(3)
        .set_column(2, "last_order_ts", pa.array([1, 2, 3], pa.timestamp("us", "Atlantis/Center")))
        .set_column(4, "voucher_amount", pa.array([-1, 1, 2]))
    ),
    "a byte flipped that nobody needs": lambda: flipped(
        sample_file(write_page_checksum=True), start_of("customer") + 60
    ),
}
"""Unusual files whose rows must be counted."""
