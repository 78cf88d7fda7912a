"""The documents have the facts of the code: columns, ranges, reasons, routes, problems."""

from __future__ import annotations

import re

import pytest

from ingest.counting.dimensions import Dimensions
from tests.support.api_gateway import call, rest_event
from tests.support.documents import text
from voucher_selector.operations.findings import Problem
from vouchers.segments import load_definitions

README = text("README.md")
API = text("docs/reference/api.md")
CONTRACT = text("docs/reference/data-contract.md")
MAX_README_LINES = 130
TO = "\N{EN DASH}"


def _rows(document: str) -> list[list[str]]:
    lines = [line for line in document.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("name", ["README.md", "docs/how-to/count-your-own-file.md"])
def test_the_columns_of_a_file_are_those_of_the_data_contract(name: str) -> None:
    columns = {
        row[0]: row[2]
        for row in _rows(text(name))
        if row[0].strip("`").endswith(("_code", "_ts", "orders", "amount"))
    }
    contract = {row[0]: row[2] for row in _rows(CONTRACT) if len(row) > 2 and row[0] in columns}
    assert columns == contract
    assert len(columns) == 4


def test_every_route_is_in_the_api_reference() -> None:
    routes = call(rest_event(path="/unknown")).message.split("use one of: ")[1].split(", ")
    assert "/voucher_amount" in routes
    assert [route for route in routes if not re.search(rf"`[A-Z]+ {re.escape(route)}`", API)] == []


def test_every_reason_for_rejecting_a_row_is_in_the_data_contract() -> None:
    reasons = {
        reason for dimension in Dimensions(load_definitions(), None).reasons for reason in dimension.values()
    }

    assert set(re.findall(r"^\| `(\w+)` \|", CONTRACT, flags=re.MULTILINE)) >= reasons


def test_every_problem_that_a_verification_finds_is_explained() -> None:
    guide = text("docs/how-to/verify-and-repair.md")

    assert [problem for problem in Problem if f"\n| {problem} |" not in guide] == []


def test_the_ranges_of_the_data_contract_are_those_of_the_definitions() -> None:
    for segment in load_definitions().segments:
        row = next(line for line in CONTRACT.splitlines() if line.startswith(f"| `{segment.name}` |"))
        written = row.split("|")[3]
        assert [tuple(map(int, r.split(TO))) for r in written.split(",")] == [
            (range_.min, range_.max) for range_ in segment.ranges
        ]
