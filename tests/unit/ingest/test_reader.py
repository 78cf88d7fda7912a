from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.counting import parsing
from ingest.counting.count_file import count_file
from ingest.errors import FileError
from ingest.parquet import reader
from ingest.parquet.page_limits import BATCH_ROWS
from ingest.parquet.reader import OpenFile, batches, needed_columns, open_parquet
from tests.support.parquet_builder import (
    BYTE_ARRAY,
    RLE_DICTIONARY,
    Column,
    data_page,
    dictionary_page,
    footer_of,
    texts,
    uniform_file,
    with_footer,
)
from tests.support.stack_harness import parquet
from tests.support.thrift import FALSE, TRUE
from vouchers.counts import range_cell, spellings_cell
from vouchers.segments import Attribute, Definitions, Range, Segment, load_definitions

ROWS = 4 * BATCH_ROWS
START = datetime(2020, 1, 1, tzinfo=UTC)


def file_of_distinct_texts(**options: Any) -> bytes:
    """Return a file of one row group in which no two rows have the same time."""
    moments = pa.array([(START + timedelta(seconds=i)).isoformat() for i in range(ROWS)])
    content = {"country_code": ["Peru"] * ROWS, "last_order_ts": moments, "total_orders": ["1"] * ROWS}
    return parquet(pa.table(content | {"voucher_amount": [1.0] * ROWS}), row_group_size=ROWS, **options)


def read_all(file: OpenFile) -> list[pa.RecordBatch]:
    with batches(file) as read:
        return [*read]


@pytest.mark.parametrize("dictionaries", [True, False])
def test_texts_without_a_dictionary_for_all_take_the_memory_of_a_batch(dictionaries: bool) -> None:
    file = open_parquet(
        io.BytesIO(file_of_distinct_texts(use_dictionary=dictionaries)), needed_columns(row_as_of=False)
    )
    sizes = [len(getattr(b["last_order_ts"], "dictionary", b["last_order_ts"])) for b in read_all(file)]
    assert max(sizes) <= BATCH_ROWS


def test_texts_that_repeat_are_read_as_dictionaries() -> None:
    file = open_parquet(io.BytesIO(file_of_distinct_texts()), needed_columns(row_as_of=False))
    assert all(isinstance(batch["country_code"], pa.DictionaryArray) for batch in read_all(file))


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_small_row_groups_are_read_together_in_their_order(use_dictionary: bool) -> None:
    countries = [f"Country {number % 7}" for number in range(100)]
    content = {"country_code": countries, "last_order_ts": [START] * 100, "total_orders": [*range(100)]}
    table = pa.table(content | {"voucher_amount": [1.0] * 100})
    body = parquet(table, row_group_size=3, use_dictionary=use_dictionary)
    (batch,) = read_all(open_parquet(io.BytesIO(body), table.column_names))
    assert batch.to_pydict() == table.to_pydict()


def test_the_rows_before_a_broken_row_group_are_read_before_its_error() -> None:
    content = {"country_code": ["Peru"] * 9, "last_order_ts": [START] * 9, "total_orders": [*range(9)]}
    table = pa.table(content | {"voucher_amount": [1.0] * 9})
    body = bytearray(parquet(table, row_group_size=3, compression="none", use_dictionary=False))
    last = open_parquet(io.BytesIO(body), table.column_names).row_groups[-1].chunks[0]
    body[last.start : last.start + last.size] = b"\xff" * last.size
    with batches(open_parquet(io.BytesIO(body), table.column_names)) as read:
        assert next(read).num_rows == 6
        with pytest.raises(FileError):
            next(read)


@pytest.mark.parametrize("ranges", [126, 150])
@pytest.mark.parametrize("as_of", [0, None])
def test_segments_may_have_more_ranges_than_a_byte_can_number(ranges: int, as_of: int | None) -> None:
    disjoint = tuple(Range(2 * i, 2 * i) for i in range(ranges))
    segments = [Segment(a, a, disjoint) for a in (Attribute.DAYS_SINCE_LAST_ORDER, Attribute.TOTAL_ORDERS)]
    days, orders = [0, 2, 2 * ranges - 2, 2 * ranges, 3], [2 * ranges - 2, 2 * ranges, 0, 2, 3]
    moments = [datetime(1970, 1, 1, tzinfo=UTC) - timedelta(days=n) for n in days]
    content = {"country_code": ["Peru"] * 5, "last_order_ts": moments, "total_orders": orders}
    timestamps = {"timestamp": [datetime(1970, 1, 1, tzinfo=UTC)] * 5, "voucher_amount": [1.0] * 5}
    file = io.BytesIO(parquet(pa.table(content | timestamps)))
    contribution = count_file(file, as_of, Definitions(tuple(segments))).contribution
    cells = [range_cell("Peru", s.name, Range(n, n)) for s in segments for n in (0, 2, 2 * ranges - 2)]
    assert contribution.keys() == {spellings_cell("Peru"), *cells}


@pytest.mark.parametrize("dictionaries", [True, False])
def test_each_distinct_value_is_parsed_about_once(
    monkeypatch: pytest.MonkeyPatch, dictionaries: bool
) -> None:
    parsed: list[int] = []
    real = parsing.instants

    def counting(array: pa.Array) -> parsing.Parsed:
        parsed.append(len(array))
        return real(array)

    monkeypatch.setattr("ingest.counting.dimensions.instants", counting)
    counted = count_file(
        io.BytesIO(file_of_distinct_texts(use_dictionary=dictionaries)), 0, load_definitions()
    )
    assert counted.report.counted == ROWS
    assert sum(parsed) <= ROWS + BATCH_ROWS


def test_a_group_of_any_size_is_within_the_limit_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_TEXT_BYTES", 64 * BATCH_ROWS)
    file = io.BytesIO(file_of_distinct_texts(use_dictionary=False))
    assert count_file(file, 0, load_definitions()).report.counted == ROWS


def test_repeated_texts_are_read_as_dictionaries_if_the_file_has_none() -> None:
    body = file_of_distinct_texts(use_dictionary=False)
    file = open_parquet(io.BytesIO(body), needed_columns(row_as_of=False))
    assert all(isinstance(batch["country_code"], pa.DictionaryArray) for batch in read_all(file))


def test_texts_that_stop_repeating_lose_their_dictionary_but_no_row() -> None:
    alike = ["2020-01-01"] * BATCH_ROWS
    moments = [*alike, *((START + timedelta(seconds=i)).isoformat() for i in range(2 * BATCH_ROWS)), *alike]
    content = {"country_code": ["Peru"] * ROWS, "last_order_ts": moments, "total_orders": range(ROWS)}
    body = parquet(
        pa.table(content | {"voucher_amount": [1.0] * ROWS}), row_group_size=ROWS, use_dictionary=False
    )
    read = read_all(open_parquet(io.BytesIO(body), needed_columns(row_as_of=False)))
    assert [isinstance(b["last_order_ts"], pa.DictionaryArray) for b in read] == [True, False, False, False]
    assert [n for batch in read for n in batch["total_orders"].to_pylist()] == list(range(ROWS))


@given(
    st.lists(st.sampled_from([b"Peru", b"Latvia", b"China", b""]), min_size=1, max_size=6).flatmap(
        lambda entries: st.tuples(
            st.just(entries), st.lists(st.integers(0, len(entries) - 1), min_size=1, max_size=20)
        )
    )
)
def test_a_dictionary_may_hold_a_value_twice(drawn: tuple[list[bytes], list[int]]) -> None:
    entries, indices = drawn
    rows = 8 * len(indices)
    bits_and_groups = bytes([8, len(indices) << 1 | 1])
    index = data_page(bits_and_groups + bytes(indices * 8), rows, RLE_DICTIONARY)
    pages = (dictionary_page(texts(*entries), len(entries)), index)
    country = Column("country_code", BYTE_ARRAY, pages, rows, dictionary=True)
    file = open_parquet(io.BytesIO(uniform_file(rows, country_code=country)), needed_columns(row_as_of=False))
    got = [str(value) for batch in read_all(file) for value in batch["country_code"]]
    assert got == [entries[index].decode() for index in indices] * 8


@pytest.mark.parametrize("optional", [True, False])
def test_a_repetition_may_be_a_boolean(optional: bool) -> None:
    schema = pa.schema([pa.field("country_code", pa.string(), nullable=optional)])
    content = pa.table({"country_code": ["Peru", "Chile"]}, schema)
    body = parquet(content.append_column("total_orders", pa.array([1, None])), store_schema=False)
    message = footer_of(body)[1]
    element = message[2][1][1][1]
    element[3] = (TRUE if optional else FALSE, optional)
    file = open_parquet(io.BytesIO(with_footer(body, message)), ["country_code", "total_orders"])
    assert pa.Table.from_batches(read_all(file)).to_pydict() == {
        "country_code": ["Peru", "Chile"],
        "total_orders": [1, None],
    }
