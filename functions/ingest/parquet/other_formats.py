"""Say what a file that is not Parquet looks like, and how to convert it."""

import zlib
from contextlib import suppress
from typing import NamedTuple

from ingest.errors import CORRECT

HEAD_BYTES = 1 << 12
"""Bytes from the start of a file that are looked at."""

DELTA_ACTIONS = (b'{"commitInfo"', b'{"protocol"', b'{"metaData"', b'{"add"', b'{"remove"', b'{"txn"')
DATASET = "count the whole table with make dataset"
SEPARATORS = (b",", b";", b"\t", b"|")


class Format(NamedTuple):
    """A format as a sentence names it, and the advice to a user whose file has it."""

    name: str
    advice: str


def converted(name: str, reader: str, extension: str) -> Format:
    """Return a format that DuckDB reads."""
    command = f"COPY (FROM {reader}('file.{extension}')) TO 'file.parquet'"
    return Format(name, f'convert it, such as with duckdb -c "{command}"')


def by_python(name: str, module: str, extension: str) -> Format:
    """Return a format that pyarrow reads, and DuckDB does not."""
    read = f"import pyarrow.{module} as m, pyarrow.parquet as p"
    write = f"p.write_table(m.read_table('file.{extension}'), 'file.parquet')"
    return Format(name, f'convert it, such as with python -c "{read}; {write}"')


CUT_OFF = Format("a Parquet file that is cut off", "copy the whole file again")
MAGIC = {
    b"PAR1": CUT_OFF,
    b"ORC": by_python("ORC", "orc", "orc"),
    b"ARROW1": by_python("Arrow (Feather)", "feather", "arrow"),
    b"Obj\x01": converted("Avro", "read_avro", "avro"),
}


def recognize(head: bytes) -> Format | None:
    """Return the format of a file that is not Parquet, by its first bytes; None if it is unknown."""
    for magic, format_ in MAGIC.items():
        if head.startswith(magic):
            return format_
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head:
            return converted("XLSX", "read_xlsx", "xlsx")
        return Format("zip", "unpack it")
    return recognize_gzip(head) if head.startswith(b"\x1f\x8b") else recognize_text(head)


def recognize_gzip(head: bytes) -> Format:
    """Return the format of what gzip compressed."""
    inside = b""
    with suppress(zlib.error):
        inside = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    if inside.startswith(b"PAR1"):
        return Format("Parquet that was compressed with gzip once more", "decompress it with gunzip")
    if text := recognize_text(inside):
        return Format(f"{text.name}, compressed with gzip", text.advice.replace("')) TO", ".gz')) TO"))
    return Format("gzip", CORRECT)


def recognize_text(head: bytes) -> Format | None:
    """Return the format of a text: JSON, a log of Delta Lake, or CSV."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(DELTA_ACTIONS):
        return Format("a log of a Delta Lake table", DATASET)
    if text.startswith((b"{", b"[")):
        return converted("JSON", "read_json", "json")
    first, newline, _ = text.partition(b"\n")
    is_text = first.isascii() or b"\0" not in first
    if is_text and newline and any(separator in first for separator in SEPARATORS):
        return converted("CSV", "read_csv", "csv")
    return None
