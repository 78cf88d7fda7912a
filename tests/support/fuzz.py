"""Valid Parquet files, damaged at random, and a check of their counts.

``python -m tests.support.fuzz FIRST COUNT`` checks the files of COUNT seeds in this process. It prints each
seed before its check, because the process may crash, and then the error, if any.
"""

from __future__ import annotations

import io
import random
import re
import resource
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.counting.as_of import microseconds
from ingest.counting.count_file import RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet import reader
from ingest.row_outputs.rejected_rows import RejectedRows
from tests.support import oracle, thrift
from tests.support.parquet_builder import footer_of, sealed
from tests.support.stack_harness import parquet
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 240
AS_OF = datetime(2020, 6, 1, 7, 30, tzinfo=UTC)
NEEDED = ["country_code", "last_order_ts", "total_orders", "voucher_amount"]
MAX_MEMORY = 4 << 30
LONG_AGO = datetime.min.replace(tzinfo=UTC)
NOT_A_SENTENCE = re.compile(r"\n|0x[0-9a-f]{6,}|Traceback|/\w+/\w+|<class|\bat 0x")


@cache
def valid() -> list[bytes]:
    """Return files of the same uses, written with different options."""
    ways: list[dict[str, Any]] = [
        {},
        {"compression": "none", "use_dictionary": False},
        {"compression": "gzip", "data_page_version": "2.0"},
        {"compression": "zstd", "write_page_checksum": True},
        {"compression": "none", "write_page_checksum": True, "use_dictionary": False, "data_page_size": 200},
        {"compression": "brotli", "row_group_size": ROWS},
        {"compression": "lz4", "data_page_version": "2.0", "use_dictionary": False},
        {
            "compression": "none",
            "use_dictionary": False,
            "column_encoding": dict.fromkeys(NEEDED, "DELTA_BYTE_ARRAY"),
        },
        {"compression": "none", "use_dictionary": False, "data_page_size": 300, "store_schema": False},
        {"compression": "none", "write_page_index": True},
    ]
    return [
        parquet(_table(typed), **{"row_group_size": 100} | way)
        for way in ways
        for typed in (True, False)
        if not (typed and "column_encoding" in way)
    ]


def _table(typed: bool) -> pa.Table:
    moments = [AS_OF - timedelta(days=i % 200, hours=i % 7) if i % 9 else None for i in range(ROWS)]
    orders = [i % 45 if i % 8 else None for i in range(ROWS)]
    amounts = [(2640.0, None, 3520.5, 0.0, float("nan"))[i % 5] for i in range(ROWS)]
    texts = [None if m is None else f"{m:%Y-%m-%d %H:%M:%S}" for m in moments]
    return pa.table(
        {
            "customer": [f"c{i % 50}" for i in range(ROWS)],
            "country_code": [("Peru", "Latvia", None, " peru ", "Côte")[i % 5] for i in range(ROWS)],
            "last_order_ts": pa.array(moments, pa.timestamp("us", "UTC")) if typed else texts,
            "total_orders": pa.array(orders, pa.int32()) if typed else [str(o or "") for o in orders],
            "voucher_amount": pa.array(amounts)
            if typed
            else [None if a is None else str(a) for a in amounts],
        }
    )


def large_table() -> pa.Table:
    """Return a million uses, which take more than 32 MB uncompressed."""
    return pa.table(
        {
            "country_code": pa.repeat("Peru", 1_000_000),
            "last_order_ts": pa.repeat("2020-01-01 10:00:00", 1_000_000),
            "total_orders": pa.repeat(3, 1_000_000),
            "voucher_amount": pa.repeat(2640.0, 1_000_000),
        }
    )


def broken(seed: int) -> bytes:
    """Return the file of a seed: a valid file with one to three mutations."""
    dice = random.Random(seed)  # noqa: S311 - not a secret
    body = dice.choice(valid())
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        body = dice.choice(WAYS)(body, dice)
    return body


def _flip(body: bytes, dice: random.Random) -> bytes:
    at = _place(body, dice)
    return body[:at] + bytes([body[at] ^ 1 << dice.randrange(8)]) + body[at + 1 :] if body else body


def _put(body: bytes, dice: random.Random) -> bytes:
    """Replace a few bytes by extreme ones."""
    at, size = _place(body, dice), dice.choice([1, 1, 2, 4, 8])
    fill = dice.choice([b"\x00", b"\xff", b"\x7f", b"\x80", dice.randbytes(1)])
    return body[:at] + fill * size + body[at + size :]


def _cut(body: bytes, dice: random.Random) -> bytes:
    at = _place(body, dice)
    return dice.choice([body[:at], body[at:], body[:at] + body[at + dice.randrange(1, 200) :]])


def _splice(body: bytes, dice: random.Random) -> bytes:
    other = dice.choice(valid())
    at = _place(body, dice)
    size = dice.choice([4, 50, 500, 5_000])
    start = dice.randrange(len(other))
    return dice.choice(
        [body[:at] + other[start:], body[:at] + other[at : at + size] + body[at + size :], body + other]
    )


def _swap(body: bytes, dice: random.Random) -> bytes:
    size = dice.choice([1, 8, 64, 512])
    first, second = sorted((_place(body, dice), _place(body, dice)))
    if second - first < size:
        return body
    return (
        body[:first]
        + body[second : second + size]
        + body[first + size : second]
        + body[first : first + size]
        + body[second + size :]
    )


def _place(body: bytes, dice: random.Random) -> int:
    """Return a place in the magic, the footer or its length, at a page's header, or anywhere."""
    size = len(body)
    if not size:
        return 0
    footer = size - 8 - min(int.from_bytes(body[-8:-4], "little"), max(size - 8, 0))
    first, past = dice.choice(
        [(0, size), (0, size), (0, footer), (footer, size), (size - 8, size), (0, 4), (4, 60)]
    )
    return min(max(dice.randrange(max(first, 0), max(past, first + 1, 1)), 0), size - 1)


def _lie(body: bytes, dice: random.Random) -> bytes:
    """Change one number, text or list of the footer."""
    try:
        start, message = footer_of(body)
    except (IndexError, ValueError, RecursionError):
        return body
    places = list(_numbers(message))
    if not places:
        return body
    content, key = dice.choice(places)
    if isinstance(content, dict):
        content[key] = (content[key][0], _other(content[key][1], dice))
    else:
        content[key] = _other(content[key], dice)
    try:
        return body[:start] + sealed(thrift.write(message))
    except (ValueError, TypeError):
        return body


def _mix(body: bytes, dice: random.Random) -> bytes:
    """Drop, repeat or reorder entries of one of the footer's lists."""
    try:
        start, message = footer_of(body)
    except (IndexError, ValueError, RecursionError):
        return body
    lists = [entries for entries in _lists(message) if entries]
    if lists:
        entries = dice.choice(lists)
        entries[:] = dice.choice(
            [entries[1:], entries * 2, entries[::-1], dice.sample(entries, len(entries)), []]
        )
    return body[:start] + sealed(thrift.write(message))


def _page(body: bytes, dice: random.Random) -> bytes:
    """Change a number in a page's header, and leave everything where it is if it still fits."""
    try:
        message = footer_of(body)[1]
        chunk = dice.choice(dice.choice(message[4][1][1])[1][1][1])[3][1]
        start = chunk[11][1] if 11 in chunk and dice.random() < 0.5 else chunk[9][1]
        header, end = thrift.read(body, start)
        content, key = dice.choice(list(_numbers(header)))
        content[key] = (content[key][0], _other(content[key][1], dice))
        return body[:start] + thrift.write(header) + body[end:]
    except (IndexError, KeyError, ValueError, TypeError, RecursionError):
        return body


WAYS: list[Callable[[bytes, random.Random], bytes]] = [
    _flip,
    _flip,
    _flip,
    _put,
    _cut,
    _splice,
    _swap,
    _lie,
    _lie,
    _mix,
    _page,
    _page,
]


def _numbers(content: Any) -> Any:
    """Yield where, in nested structs and lists, there is a number or a text."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, entry in items:
        value = entry[1] if isinstance(entry, tuple) and isinstance(content, dict) else entry
        if isinstance(value, tuple):
            yield from _numbers(value[1])
        elif isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, int | bytes) and not isinstance(value, bool):
            yield content, key


def _lists(content: Any) -> Any:
    for entry in content.values() if isinstance(content, dict) else content:
        value = entry[1] if isinstance(entry, tuple) and isinstance(content, dict) else entry
        if isinstance(value, tuple):
            yield value[1]
            yield from _lists(value[1])
        elif isinstance(value, dict):
            yield from _lists(value)


def _other(value: Any, dice: random.Random) -> Any:
    if isinstance(value, bytes):
        return dice.choice(
            [b"", value + b"x", value * 50, b"\xff\xfe", dice.choice(NEEDED).encode(), value[::-1]]
        )
    odd = [0, -1, 1, value + 1, value - 1, value * 2, -value, 2**31 - 1, -(2**31), 100]
    return dice.choice([*odd, 2**63 - 1, -(2**63), dice.randrange(10), dice.randrange(5_000)])


def verdict(body: bytes) -> tuple[str, str | None]:
    """Return the outcome of counting a file, and its error, if any."""
    try:
        with RejectedRows() as rejected:
            got = count_file(
                io.BytesIO(body), microseconds(AS_OF), load_definitions(), RowCallbacks(rejected.add)
            )
    except FileError as error:
        sentence = str(error)
        bad = NOT_A_SENTENCE.search(sentence) or len(sentence) > 3_000
        return "refused", f"no sentence: {sentence!r}" if bad else None
    except BaseException as error:  # noqa: BLE001 - any other exception is a finding
        return "raised", f"{type(error).__name__}: {error}"
    try:
        rows = rows_beside_damage(body)
    except Exception as error:  # noqa: BLE001 - Arrow raises many types
        return "counted", f"counted, where Arrow says {type(error).__name__}: {error}"
    expected = oracle.count(rows, AS_OF)
    same = (
        {tuple(cell): dict(counters) for cell, counters in got.contribution.items()} == expected.cells
        and (got.report.rows, got.report.counted) == (expected.rows, expected.counted)
        and got.report.rejected_by_reason == dict(+expected.rejected)
    )
    return "counted", None if same else f"{got.report} where {expected} is right"


def rows_beside_damage(body: bytes) -> list[dict[str, Any]]:
    """Return the rows of a file that pyarrow reads, if need be after the removal of unneeded columns."""
    try:
        return plain_rows(body)
    except (pa.ArrowException, OSError, KeyError, ValueError):
        start, message = footer_of(body)
        root, *elements = message[2][1][1]
        places = [[e.get(4, (0, b""))[1] for e in elements].index(name.encode()) for name in NEEDED]
        message[2] = (
            thrift.LIST,
            (thrift.STRUCT, [root | {5: (thrift.I32, len(NEEDED))}, *(elements[i] for i in places)]),
        )
        for unneeded in (5, 7):  # texts of writers, and the order of each column
            message.pop(unneeded, None)
        for group in message[4][1][1]:
            chunks = group[1][1][1]
            group[1] = (thrift.LIST, (thrift.STRUCT, [chunks[i] for i in places]))
        message[3] = (thrift.I64, sum(group[3][1] for group in message[4][1][1]))
        return plain_rows(body[:start] + sealed(thrift.write(message)))


def plain_rows(body: bytes) -> list[dict[str, Any]]:
    """Return the rows that pyarrow reads from the whole file, or else row group by row group.

    A read of the whole file fails on bad statistics, which counting ignores.
    """
    file = pq.ParquetFile(io.BytesIO(body), page_checksum_verification=True, coerce_int96_timestamp_unit="us")
    try:
        table = file.read(columns=NEEDED)
    except (pa.ArrowException, OSError):
        table = pa.Table.from_batches(
            file.iter_batches(columns=NEEDED), file.schema_arrow.empty_table().select(NEEDED).schema
        )
    content = [_plain(table.column(name)) for name in NEEDED]
    return [dict(zip(NEEDED, row, strict=True)) for row in zip(*content, strict=True)]


def _plain(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], kind.value_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.binary())
    if pa.types.is_timestamp(kind):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        return [
            None if v is None else _moment(v * 10**6 // per_second)
            for v in column.cast(pa.int64()).to_pylist()
        ]
    if pa.types.is_date32(kind):
        days = column.cast(pa.int32()).to_pylist()
        return [None if day is None else _moment(day * 86_400 * 10**6) for day in days]
    values: list[Any] = column.to_pylist()
    return values


def _moment(us: int) -> datetime | None:
    """Return a moment, or one that counts alike where it is out of Python's range."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    except OverflowError:
        return LONG_AGO if us < 0 else None


def main(first: int, count: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    seen: Counter[str] = Counter()
    for seed in range(first, first + count):
        _say(f"trying {seed}")
        _read_in_pieces(seed)
        outcome, wrong = verdict(broken(seed))
        seen[outcome] += 1
        if wrong:
            _say(f"wrong {seed}: {wrong[:600]}")
    _say(f"done {dict(seen)}")


def _read_in_pieces(seed: int) -> None:
    """Read every other file like one with large row groups, in buffers of any size."""
    reader.SMALL_GROUP = 0 if seed % 2 else 32 << 20
    reader.BUFFER_BYTES = (16, 64, 300, 4_096)[seed // 2 % 4]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
