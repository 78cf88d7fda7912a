"""The page on costs says what the arithmetic gives."""

from __future__ import annotations

import re
from typing import Any

from benchmarks import costs
from tests.support.sam_template import Template, transformed
from voucher_selector.local_stack.deploy import ROOT

PAGE = (ROOT / "docs" / "how-to" / "estimate-costs.md").read_text()


def test_the_page_has_the_table_that_the_arithmetic_gives() -> None:
    assert f"{costs.BEGIN}\n{costs.table()}\n{costs.END}" in PAGE, "run: python -m benchmarks.costs"


def test_the_page_says_what_the_sizes_are() -> None:
    for size in costs.SIZES:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {size.name} |"))
        files, rows, megabytes, requests = map(_number, row.split("|")[2:6])
        assert (files, rows, megabytes, requests) == (size.files, size.rows, size.megabytes, size.requests)


def test_a_total_is_the_sum_of_its_items() -> None:
    totals = next(line for line in costs.table().splitlines() if "total" in line).split("|")[3:6]
    for n, total in enumerate(totals):
        spent = sum(item.price * item.units[n] for item in costs.items())
        assert abs(_number(total) - spent) <= 0.5
        assert spent > 10


def test_the_alarms_that_are_paid_for_are_those_that_there_are() -> None:
    alarms = transformed(ROOT / "infra" / "monitoring.yaml").of_type("CloudWatch::Alarm").values()
    assert sum(map(_metrics, alarms)) == costs.ALARM_METRICS


def test_functions_are_paid_for_by_the_memory_that_they_have(template: Template) -> None:
    ingest = template.properties("IngestFunction")["MemorySize"]
    (item,) = (cost for cost in costs.items() if cost.name == "Lambda, ingest function")
    seconds = [size.files * (2 + 2 * size.rows) for size in costs.SIZES]
    assert [round(units * 1e6 * 1024 / ingest) for units in item.units] == seconds


def _metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1


def _number(written: str) -> float:
    return float(re.sub(r"[^\d.]", "", written))
