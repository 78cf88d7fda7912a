from __future__ import annotations

import io
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parquet import footer, page_headers
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
from ingest.parquet.page_headers import PageHeader, read_header
from ingest.parquet.thrift import QUICK, RAW, Reader, Struct, ThriftError
from tests.support.strategies import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "snappy", "zstd"]),
        "use_dictionary": st.booleans(),
        "write_statistics": st.booleans(),
        "write_page_index": st.booleans(),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "row_group_size": st.sampled_from([1, 1000]),
    }
)
FIELDS = (ENCODINGS, VALUES, STORED, DATA_AT, DICTIONARY_AT)
BY_THRIFT = {field: shape for field, shape in footer.CHUNK.items() if field != QUICK}


def chunks(table: pa.Table, options: dict[str, Any]) -> list[Struct]:
    """Return the chunks in the footer of a file, as the Thrift reader reads them."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(footer.CHUNK, QUICK)
        groups = footer.read_footer(footer.read_end(sink)).groups
    return [chunk for group in groups for chunk in group[footer.CHUNKS]]


def needed(chunk: Struct) -> dict[Any, Any]:
    column = chunk[COLUMN]
    kinds = [[page[PAGE_KIND], page[PAGE_ENCODING]] for page in column.get(PAGES, [])]
    return {PAGES: kinds, **{field: column.get(field) for field in FIELDS}}


@given(TABLES, OPTIONS)
def test_the_pattern_reads_the_chunks_of_pyarrow(table: pa.Table, options: dict[str, Any]) -> None:
    for chunk in chunks(table, options):
        read = read_chunk(chunk[RAW] + b"next", 0)
        assert read is not None, chunk
        assert read[1] == len(chunk[RAW])
        assert read[0][RAW] == chunk[RAW]
        assert needed(read[0]) == needed(chunk)


@given(TABLES, OPTIONS, st.data())
def test_a_chunk_read_by_the_pattern_is_that_read_by_thrift(
    table: pa.Table, options: dict[str, Any], data: st.DataObject
) -> None:
    chunk = data.draw(st.sampled_from([{RAW: b"x"}, *chunks(table, options)]))
    body = bytearray(chunk[RAW]) + bytes(40)
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    if read := read_chunk(bytes(body), 0):
        reader = Reader(bytes(body))
        expected = reader.struct(BY_THRIFT)
        assert read[1] == reader.at
        assert read[0][RAW] == expected[RAW]
        assert needed(read[0]) == needed(expected)


@given(TABLES, OPTIONS, st.data())
def test_a_page_header_read_by_the_pattern_is_that_read_by_thrift(
    table: pa.Table, options: dict[str, Any], data: st.DataObject
) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    body = bytearray(sink.getvalue())
    starts = [4, *(header.end + header.stored for header in headers(bytes(body), 4))]
    start = data.draw(st.sampled_from(starts))
    for _ in range(data.draw(st.integers(0, 3))):
        place = start + data.draw(st.integers(0, 30))
        body[place % len(body)] = data.draw(st.integers(0, 255))
    try:
        quick: object = read_header(bytes(body), start)
    except (IndexError, ThriftError) as error:
        quick = type(error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_headers, "PAGE", re.compile(b"(?!)"))
        try:
            slow: object = read_header(bytes(body), start)
        except (IndexError, ThriftError) as error:
            slow = type(error)
    assert quick == slow


def headers(body: bytes, start: int) -> Iterator[PageHeader]:
    """Yield the headers of the pages that follow one another from a position."""
    with suppress(IndexError, ThriftError):
        while (header := read_header(body, start)).stored >= 0:
            yield header
            start = header.end + header.stored
