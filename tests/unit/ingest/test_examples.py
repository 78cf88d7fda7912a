from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ingest.counting.count_file import RowCallbacks, count_file
from tests.support.sample_files import file_of, sample_rows
from tests.support.stack_harness import parquet
from vouchers.report import RejectedExample
from vouchers.segments import load_definitions

GOOD = ("Peru", "2018-01-01", "2018-08-05", "1", 2640.0)
IGNORE = RowCallbacks(lambda *_: None)


def examples_of(file: bytes) -> dict[str, list[RejectedExample]]:
    return count_file(io.BytesIO(file), None, load_definitions(), IGNORE).report.rejected_examples


def column(values: pa.Array, name: str) -> bytes:
    """Return a file whose rows are good except for one column."""
    table = pa.Table.from_pylist(sample_rows(*[GOOD] * len(values)))
    return parquet(table.set_column(table.schema.names.index(name), name, values))


def test_each_reason_has_its_first_three_rows_with_their_values() -> None:
    bad = [(*GOOD[:3], number, 1.0) for number in ("-1", "x", "-2", "-3", "-4")]
    found = examples_of(file_of(sample_rows(GOOD, *bad, (None, *GOOD[1:]), ("Peru", "May", *GOOD[2:]))))

    assert found == {
        "country_code_missing": [RejectedExample(6, None)],
        "last_order_ts_not_a_date": [RejectedExample(7, "May")],
        "total_orders_negative": [
            RejectedExample(1, "-1"),
            RejectedExample(3, "-2"),
            RejectedExample(4, "-3"),
        ],
        "total_orders_not_a_number": [RejectedExample(2, "x")],
    }


def test_rows_are_numbered_over_all_batches() -> None:
    rows = [
        ("Peru", "2018-01-01", "2018-08-05", "1", -1.0 if n in {1, 70_000} else 1.0) for n in range(70_001)
    ]
    assert examples_of(file_of(sample_rows(*rows))) == {
        "voucher_amount_negative": [RejectedExample(1, "-1.0"), RejectedExample(70_000, "-1.0")]
    }


def test_without_rejected_rows_there_are_no_examples() -> None:
    assert examples_of(file_of(sample_rows(GOOD))) == {}


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("total_orders", pa.array([-1], pa.int16()), "-1"),
        ("total_orders", pa.array([Decimal("-1.50")]), "-1.50"),
        ("total_orders", pa.array(["-1"]).dictionary_encode(), "-1"),
        ("voucher_amount", pa.array([float("inf")]), "inf"),
        ("last_order_ts", pa.array(["y" * 99]), f"{'y' * 60}…"),
        ("last_order_ts", pa.array(["a\nb\x1b"]), "a?b?"),
        ("last_order_ts", pa.array([b"\xff\xfe"]), "\ufffd\ufffd"),
        ("country_code", pa.array(["  "]), "  "),
    ],
)
def test_a_value_of_any_type_is_a_short_text(name: str, values: Any, shown: str) -> None:
    [[example]] = examples_of(column(values, name)).values()
    assert example == RejectedExample(0, shown)
