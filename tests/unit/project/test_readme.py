"""The documents name everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.counting.dimensions import make_dimensions
from tests.support.api_gateway import call, rest_event
from voucher_selector.operations.findings import Problem
from vouchers.segments import load_definitions

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
CONTRACT = (ROOT / "docs" / "reference" / "data-contract.md").read_text()
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
TO = "\N{EN DASH}"
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def _routes() -> list[str]:
    return call(rest_event(path="/unknown")).message.split("there are: ")[1].split(", ")


def test_makefile_and_api_are_read_as_they_are_meant() -> None:
    assert {"demo", "test", "run"} <= set(TARGETS)
    assert "/voucher_amount" in _routes()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_in_the_readme(target: str) -> None:
    assert f"\n| `make {target}` |" in README


def test_no_target_is_in_the_readme_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `make ([a-z-]+)` \|", README, flags=re.MULTILINE)) == set(TARGETS)


def test_every_route_is_in_the_readme() -> None:
    assert [route for route in _routes() if not re.search(rf"`[A-Z]+ {re.escape(route)}`", README)] == []


def test_every_reason_for_rejecting_a_row_is_in_the_data_contract() -> None:
    reasons = {
        reason
        for dimension in make_dimensions(load_definitions(), None).reasons
        for reason in dimension.values()
    }

    assert set(re.findall(r"^\| `(\w+)` \|", CONTRACT, flags=re.MULTILINE)) >= reasons


def test_every_problem_that_a_verification_finds_is_in_the_operations() -> None:
    operations = (ROOT / "docs" / "how-to" / "operate.md").read_text()

    assert [problem for problem in Problem if f"\n| {problem} |" not in operations] == []


@pytest.mark.parametrize("document", [README, CONTRACT], ids=["README", "data contract"])
def test_the_ranges_are_those_of_the_definitions(document: str) -> None:
    for segment in load_definitions().segments:
        row = next(line for line in document.splitlines() if line.startswith(f"| `{segment.name}` |"))
        written = row.split("|")[3].replace(" and more", f"{TO}99999999")
        assert [tuple(map(int, r.split(TO))) for r in written.split(",")] == [
            (held.min, held.max) for held in segment.ranges
        ]


@pytest.mark.parametrize(
    "path", ["README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))]
)
def test_every_link_leads_somewhere(path: str) -> None:
    document = ROOT / path
    links = LINK.findall(document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []
