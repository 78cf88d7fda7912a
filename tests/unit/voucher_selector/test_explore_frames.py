"""Data frames that describe the contents of a file."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ingest.parquet.column_names import ColumnMapping, ColumnRule
from tests.support.sample_files import DIRTY, file_of, sample_rows
from tests.support.stack_harness import parquet
from voucher_selector.explore import frames
from voucher_selector.explore.scenarios import day_after


def frame_of(*values: tuple[Any, ...]) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(file_of(sample_rows(*values))))


EARLY = ("Peru", "2018-05-03", "2015-04-01 10:00:00", "3", 2640.0)
LATER = ("Peru", "2018-05-03", "2018-06-01 10:00:00+00:00", "", None)


def test_every_column_is_described() -> None:
    reported = frames.describe_columns(frame_of(EARLY, LATER, LATER)).set_index("column")

    assert [*reported.index] == [
        "country_code",
        "last_order_ts",
        "timestamp",
        "total_orders",
        "voucher_amount",
    ]
    assert [*reported["nulls"]] == [0, 0, 0, 0, 2]
    assert [*reported["distinct values"]] == [1, 1, 2, 2, 1]
    timestamp = reported.loc["timestamp"]
    assert [timestamp["from"], timestamp["to"]] == ["2015-04-01 10:00:00", LATER[2]]
    assert timestamp["most frequent"] == f"{LATER[2]} (2), 2015-04-01 10:00:00 (1)"
    assert reported.loc["voucher_amount", "type"] == "float64"
    assert reported.loc["voucher_amount", "most frequent"] == "2640.0 (1)"


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([b"x", b"\xff", None]),
        pd.Series([1, "a", None], dtype=object),
        pd.Series([True, False, None], dtype=object),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series([date(2018, 1, 1), None, date(2019, 1, 1)]),
        pd.Series([{"a": 1}, [2], None]),
    ],
)
def test_values_of_every_kind_have_a_range(values: pd.Series[Any]) -> None:
    (row,) = frames.describe_columns(values.to_frame("x")).to_dict("records")

    assert row["distinct values"] == 2
    assert row["from"]
    assert row["to"]
    assert row["from"] != row["to"]
    assert row["most frequent"].count("(1)") == 2


def test_the_needed_columns_are_those_that_counting_reads() -> None:
    rule = ColumnRule(
        ColumnMapping.parse("last_order_ts=ts:s,first_order_ts=day:s"), "a/country_code=Peru/day=86400/a"
    )
    content = pd.DataFrame({"TOTAL_ORDERS": ["1"], "ts": [1525305600.0], "other": [1]})

    needed = frames.needed_columns(content, rule)

    assert {name: needed[name].iloc[0] for name in needed} == {
        "total_orders": "1",
        "last_order_ts": datetime(2018, 5, 3, tzinfo=UTC),
        "first_order_ts": datetime(1970, 1, 2, tzinfo=UTC),
        "country_code": "Peru",
    }
    sources = frames.needed_sources(content, rule).set_index("needed")["source"]
    assert sources["total_orders"] == "column 'TOTAL_ORDERS'"
    assert sources["country_code"] == "the path: Peru"
    assert sources["voucher_amount"] == "not found"


def test_nested_and_duplicate_columns_are_described() -> None:
    table = pa.table([[["a"], ["a"], ["b"]], [1, 1, 2]], names=["tags", "tags"])
    content = table.rename_columns(["tags", "n"]).to_pandas()
    content.columns = ["tags", "tags"]

    reported = frames.describe_columns(content)

    assert [*reported["distinct values"]] == [2, 2]
    assert [*frames.is_duplicate(content)] == [False, True, False]


def test_a_file_without_rows_has_columns_and_no_values() -> None:
    reported = frames.describe_columns(frame_of())

    assert len(reported) == 5
    assert {*reported["from"], *reported["to"], *reported["most frequent"]} == {""}


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["2018-04-20", "2018-07-21 18:59:21.102761", "2018-07-21T20:59:21+02:00", "never", None]),
        pa.array(
            ["2018-04-20", "2018-07-21 18:59:21.102761", "2018-07-21T20:59:21+02:00", "never", None]
        ).dictionary_encode(),
    ],
    ids=["text", "dictionary"],
)
def test_text_is_read_as_moments_with_or_without_a_zone(values: pa.Array) -> None:
    content = pd.read_parquet(io.BytesIO(parquet(pa.table({"at": values}))))["at"]

    assert [*frames.parse_timestamps(content)[:3]] == [
        datetime(2018, 4, 20, tzinfo=UTC),
        datetime(2018, 7, 21, 18, 59, 21, 102761, tzinfo=UTC),
        datetime(2018, 7, 21, 18, 59, 21, tzinfo=UTC),
    ]
    assert [*frames.parse_timestamps(content)[3:].isna()] == [True, True]


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.timestamp("s"), pa.timestamp("ns", "UTC"), pa.timestamp("ms", "+02:00")]
)
def test_dates_and_timestamps_are_moments(kind: pa.DataType) -> None:
    moment = date(2018, 4, 20) if kind == pa.date32() else datetime(2018, 4, 20, tzinfo=UTC)
    table = pa.table({"at": pa.array([moment, None], kind)})

    content = frames.parse_timestamps(pd.read_parquet(io.BytesIO(parquet(table)))["at"])

    assert (content[0], content.isna()[1]) == (datetime(2018, 4, 20, tzinfo=UTC), True)


def test_columns_of_dates_go_from_their_first_to_their_last_day() -> None:
    reported = frames.date_ranges(frame_of(EARLY, LATER)).set_index("column")

    assert [*reported.loc["timestamp"]] == ["2015-04-01", "2018-06-01"]
    assert [*reported.loc["last_order_ts"]] == ["2018-05-03", "2018-05-03"]


def test_a_column_without_dates_goes_nowhere() -> None:
    assert [*frames.date_ranges(frame_of(("Peru", None, None, "1", 1.0)))["from"]] == ["", ""]


def test_a_day_beyond_the_range_of_pythons_dates_is_described() -> None:
    far = pa.table({"last_order_ts": pa.array([2**60], pa.timestamp("us"))})

    reported = frames.date_ranges(pd.read_parquet(io.BytesIO(parquet(far))))

    assert [*reported["to"]] == ["38504-08-17"]


@pytest.mark.parametrize(
    ("times", "day"),
    [
        (["2018-06-01 10:00:00", "2018-07-31 23:59:59.999999999", None], datetime(2018, 8, 1, tzinfo=UTC)),
        (["9999-12-31", "2018-07-31", "x"], datetime(2018, 8, 1, tzinfo=UTC)),
        (["9999-12-31", None, "x"], datetime(2018, 5, 4, tzinfo=UTC)),
    ],
)
def test_the_date_to_compare_with_is_the_day_after_the_last_use(
    times: list[str | None], day: datetime
) -> None:
    assert day_after(frame_of(*[("Peru", "2018-05-03", time, "3", 1.0) for time in times])) == day


def test_uses_before_the_last_order_are_found() -> None:
    assert [*frames.used_before_last_order(frame_of(EARLY, LATER))] == [True, False]


def test_without_times_of_use_none_is_before_the_last_order() -> None:
    content = frame_of(EARLY, LATER).drop(columns="timestamp")

    assert [*frames.used_before_last_order(content)] == [False, False]
    assert frames.months_since_last_order(content).empty


def test_uses_are_grouped_by_the_months_since_the_last_order() -> None:
    assert frames.months_since_last_order(frame_of(LATER, EARLY, LATER)).to_numpy().tolist() == [
        [1, 2],
        [-37, 1],
    ]


def test_rows_that_repeat_an_earlier_one_are_found_and_the_first_is_not() -> None:
    assert [*frames.is_duplicate(frame_of(EARLY, LATER, EARLY, EARLY))] == [False, False, True, True]


def test_dirty_rows_are_shown_and_not_repaired() -> None:
    content = pd.read_parquet(io.BytesIO(file_of(DIRTY)))

    assert frames.describe_columns(content).set_index("column").loc["country_code", "nulls"] == 1
    assert np.array_equal(frames.is_duplicate(content), [False, False, False])
