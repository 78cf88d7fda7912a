"""What is installed into one environment, step by step, is pinned as one."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[3] / "requirements"
TOGETHER = ("run", "dev", "bench", "explore")
PIN = re.compile(r"^([\w.-]+(?:\[[\w,]+\])?)==([^ ]+) ", re.MULTILINE)
RUN_THE_NOTEBOOK = {"ipykernel", "matplotlib", "nbclient", "nbconvert"}


def versions(name: str) -> dict[str, set[str]]:
    """Return the versions of each package; there are several where they depend on the platform."""
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall((REQUIREMENTS / f"{name}.txt").read_text()):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize(("one", "other"), [*combinations(TOGETHER, 2)])
def test_requirements_of_one_environment_agree(one: str, other: str) -> None:
    first, second = versions(one), versions(other)

    assert first.keys() & second.keys()
    assert {p: (first[p], second[p]) for p in first.keys() & second.keys() if first[p] != second[p]} == {}


@pytest.mark.parametrize("name", ["dev", "explore"])
def test_what_runs_the_notebook_is_there_for_tests_and_for_who_explores(name: str) -> None:
    assert set((REQUIREMENTS / f"{name}.in").read_text().split()) >= RUN_THE_NOTEBOOK
    assert versions(name).keys() >= RUN_THE_NOTEBOOK
