from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ingest.counting.as_of import AsOf
from ingest.parquet.column_names import ColumnMapping, ColumnRule
from tests.support.sample_files import file_of, sample_rows
from voucher_selector.explore.backtest import backtest, choice_changes, hit_rates, learning_curves
from voucher_selector.explore.charts import hit_rates as hit_chart
from voucher_selector.explore.charts import learning_curves as learning_chart
from voucher_selector.explore.frames import needed_columns
from voucher_selector.explore.sources import File, read_rows

if TYPE_CHECKING:
    from pathlib import Path

EARLY = [("Peru", "2018-01-01", f"2018-05-{day:02}", "2", 1.0) for day in range(1, 31)]
LATE = [("Peru", "2018-01-01", f"2018-06-{day:02}", "2", 2.0) for day in range(1, 31)]


def file_with(path: Path, rows: list[tuple[object, ...]], mapping: str = "") -> File:
    path.write_bytes(file_of(sample_rows(*rows)))
    rule = ColumnRule(ColumnMapping.parse(mapping))
    return File(str(path), path.stat().st_size, datetime.now(UTC), AsOf("upload"), rule)


def test_the_first_three_quarters_choose_and_the_rest_judges(tmp_path: Path) -> None:
    file = file_with(tmp_path / "uses.parquet", [*EARLY, *LATE])

    result, until = backtest(file, needed_columns(read_rows(file), file.rule))

    assert until == "2018-06-16"  # 45 of 60 uses are before
    assert (result["train_rows"], result["test_rows"]) == (45, 15)
    rates = hit_rates(result).set_index("segment")
    assert rates["uses"].to_dict() == {"recency_segment": 15, "frequent_segment": 15}
    assert rates["share"].tolist() == rates["by country"].tolist() == [0, 0]  # 30 uses of 1 against 15 of 2
    assert rates["gain"].tolist() == [0, 0]
    assert choice_changes(result).to_numpy().tolist()[-1] == [
        "Peru",
        "frequent_segment",
        "0",
        "2018-06",
        1,
        2,
    ]
    curves = learning_curves(result)
    assert curves.columns.tolist() == ["frequent_segment", "recency_segment"]
    assert curves["frequent_segment"].is_monotonic_increasing
    assert "Peru, frequent_segment 0%, by country 0%" in str(hit_chart(hit_rates(result)).alt)
    assert "frequent_segment" in str(learning_chart(curves).alt)


@pytest.mark.parametrize("rows", [[], [("Peru", "2018-01-01", None, "2", 1.0)]], ids=["no rows", "undated"])
def test_a_file_without_times_of_use_is_not_evaluated(tmp_path: Path, rows: list[tuple[object, ...]]) -> None:
    file = file_with(tmp_path / "uses.parquet", rows)

    result, until = backtest(file, needed_columns(read_rows(file), file.rule))

    assert until == ""
    assert [frame(result).empty for frame in (hit_rates, learning_curves, choice_changes)] == [True] * 3
    assert "there is none" in str(hit_chart(hit_rates(result)).alt)
    assert "there is none" in str(learning_chart(learning_curves(result)).alt)


def test_times_are_read_by_the_mapping_of_the_file(tmp_path: Path) -> None:
    file = file_with(
        tmp_path / "uses.parquet", [*EARLY, *LATE], "timestamp=last_order_ts,last_order_ts=timestamp"
    )

    _, until = backtest(file, needed_columns(read_rows(file), file.rule))

    assert until == "2018-01-01"
    assert backtest(file, pd.DataFrame({"country_code": ["Peru"]}))[1] == ""
