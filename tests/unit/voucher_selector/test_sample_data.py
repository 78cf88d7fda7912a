"""The sample, counted row by row without the counting code of the project."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.fake_segments_table import REFERENCE_COUNTS
from voucher_selector.sample_data.facts import AS_OF
from voucher_selector.sample_data.file import STEPS, write_sample

if TYPE_CHECKING:
    from pathlib import Path

Row = tuple[Any, ...]

COLUMNS = ("timestamp", "country_code", "last_order_ts", "first_order_ts", "total_orders", "voucher_amount")
RANGES = ((0, 4), (5, 13), (14, 37), (38, 99999999))
DAY_RANGES = ((30, 60), (61, 90), (91, 120), (121, 179), (180, 99999999))
LONG_AFTER = datetime.fromisoformat("2026-11-22 00:00:00+00:00")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.parquet"
    write_sample(path)
    return path


@pytest.fixture(scope="module")
def other_sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Another sample, and the number of steps reported while it was written."""
    path, steps = tmp_path_factory.mktemp("sample") / "other.parquet", list[int]()
    write_sample(path, seed=7, on_step=lambda: steps.append(1))
    return path, len(steps)


@pytest.fixture(scope="module")
def rows(sample: Path) -> list[Row]:
    table = pq.read_table(sample)
    return list(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))


@pytest.fixture(scope="module")
def peru(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[1] == "Peru"]


def _low(ranges: tuple[tuple[int, int], ...], value: float) -> int | None:
    return next((low for low, high in ranges if low <= value <= high), None)


def test_peru_counts_are_the_twenty_rows_of_the_reference(peru: list[Row]) -> None:
    counted: Counter[tuple[str, int | None, float]] = Counter()
    for _, _, last_order, _, orders, amount in peru:
        days = (LONG_AFTER - datetime.fromisoformat(last_order)).days
        counted["recency_segment", _low(DAY_RANGES, days), amount or 0] += 1
        counted["frequent_segment", _low(RANGES, float(orders or 0)), amount or 0] += 1

    assert counted == {
        (segment, low, amount): count
        for (segment, low, _), amounts in REFERENCE_COUNTS.items()
        for amount, count in amounts.items()
    }


def test_the_most_used_amount_differs_between_ranges_but_in_peru(rows: list[Row]) -> None:
    counted: defaultdict[tuple[str, str, int | None], Counter[float]] = defaultdict(Counter)
    for _, country, last_order, _, orders, amount in rows:
        days = (date.fromisoformat(AS_OF) - datetime.fromisoformat(last_order).date()).days
        counted[country, "recency", _low(DAY_RANGES, days)][amount or 0] += 1
        counted[country, "frequency", _low(RANGES, float(orders or 0))][amount or 0] += 1
    lows = {"recency": {low for low, _ in DAY_RANGES}, "frequency": {low for low, _ in RANGES}}
    chosen = defaultdict[tuple[str, str], set[float]](set)
    for (country, segment, _), amounts in counted.items():
        chosen[country, segment].add(max((count, amount) for amount, count in amounts.items() if amount)[1])

    assert {key: {low for *of, low in counted if tuple(of) == key} for key in chosen} == {
        key: lows[key[1]] for key in chosen
    }
    assert {country: amounts for (country, _), amounts in chosen.items() if len(amounts) < 2} == {
        "Peru": {2640.0}
    }


def test_peru_recency_measured_to_the_row_is_that_of_the_2020_file(peru: list[Row]) -> None:
    counted: Counter[tuple[int | None, float]] = Counter()
    for used, _, last_order, _, _, amount in peru:
        days = (datetime.fromisoformat(used) - datetime.fromisoformat(last_order)).days
        counted[_low(((30, 60), (61, 120)), days), amount or 0] += 1

    assert counted == {
        (None, 0): 1076, (None, 2640): 4088, (None, 3520): 1801, (None, 4400): 1780,
        (30, 0): 2049, (30, 2640): 22160, (30, 3520): 7993, (30, 4400): 7809,
        (61, 0): 10825, (61, 2640): 22854, (61, 3520): 12243, (61, 4400): 11869,
    }  # fmt: skip


def test_countries_have_the_2020_sizes(rows: list[Row]) -> None:
    assert Counter(row[1] for row in rows) == {
        "China": 169722, "Australia": 134004, "Peru": 106547, "Latvia": 101154,
    }  # fmt: skip


def test_dirt_is_the_2020_files(rows: list[Row]) -> None:
    assert _dirt(rows) == {"no orders": 40914, "no voucher": 29567, "early": 40914, "duplicates": 12}


def test_dirt_of_peru_is_the_2020_files(peru: list[Row]) -> None:
    assert _dirt(peru) == {"no orders": 8594, "no voucher": 13950, "early": 8624, "duplicates": 2}


def _dirt(rows: list[Row]) -> dict[str, int]:
    return {
        "no orders": sum(row[4] == "" for row in rows),
        "no voucher": sum(row[5] is None for row in rows),
        "early": sum(datetime.fromisoformat(row[0]) < datetime.fromisoformat(row[2]) for row in rows),
        "duplicates": len(rows) - len(set(rows)),
    }


def test_early_rows_are_set_back_by_thirty_eight_months(peru: list[Row]) -> None:
    months = {row[0][:7] for row in peru}

    assert months == {
        f"{y}-{m:02}" for y, ms in {2016: (12,), 2017: (1, 2, 3), 2020: (2, 3, 4, 5)}.items() for m in ms
    }


def test_nobody_ordered_last_before_ordering_first(rows: list[Row]) -> None:
    assert all(first <= datetime.fromisoformat(last) for _, _, last, first, *_ in rows)


def test_some_customers_return(rows: list[Row]) -> None:
    customers = Counter(row[1:5] for row in rows)

    assert sum(uses > 1 for uses in customers.values()) > 10_000


def test_types_and_layout_are_those_of_the_2020_file(sample: Path) -> None:
    file = pq.ParquetFile(sample)

    assert [(field.name, str(field.type)) for field in file.schema_arrow] == [
        ("timestamp", "string"),
        ("country_code", "string"),
        ("last_order_ts", "string"),
        ("first_order_ts", "timestamp[ns, tz=UTC]"),
        ("total_orders", "string"),
        ("voucher_amount", "double"),
    ]
    assert (file.metadata.num_row_groups, file.metadata.row_group(0).column(0).compression) == (1, "GZIP")


@pytest.mark.parametrize(
    ("column", "pattern"),
    [
        ("timestamp", r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00"),
        ("last_order_ts", r"20\d\d-\d\d-\d\d 00:00:00\+00:00"),
        ("total_orders", r"(\d+\.0)?"),
    ],
)
def test_every_value_is_spelled_as_in_the_2020_file(sample: Path, column: str, pattern: str) -> None:
    spelled = pq.read_table(sample, columns=[column])[column].to_pylist()

    assert all(map(re.compile(pattern).fullmatch, spelled))


def test_the_same_seed_writes_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again.parquet")

    assert (tmp_path / "again.parquet").read_bytes() == sample.read_bytes()


def test_another_seed_writes_other_rows_of_the_same_kinds(
    sample: Path, other_sample: tuple[Path, int]
) -> None:
    names = ["country_code", "voucher_amount"]
    first, second = (pq.read_table(path) for path in (sample, other_sample[0]))
    kinds, other_kinds = (
        table.group_by(names).aggregate([([], "count_all")]).sort_by([(name, "ascending") for name in names])
        for table in (first, second)
    )
    assert first["timestamp"] != second["timestamp"]
    assert kinds == other_kinds
    assert kinds.num_rows > len(names)


def test_progress_is_reported_step_by_step(other_sample: tuple[Path, int]) -> None:
    assert other_sample[1] == STEPS
