"""The locked requirements agree with the dependencies in pyproject.toml, and with each other."""

from __future__ import annotations

import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SAME_ENVIRONMENT = ("run", "dev", "bench", "explore")
PIN = re.compile(r"^([\w.-]+(?:\[[\w,]+\])?)==([^ ]+) ", re.MULTILINE)
NAME = re.compile(r"[\w.-]+")
FILES = {
    "build": "requirements/run.txt",
    "function-api": "functions/api/requirements.txt",
    "function-ingest": "functions/ingest/requirements.txt",
}


def versions(path: str) -> dict[str, set[str]]:
    """Return the versions of each package; there are several where they depend on the platform."""
    found: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / path).read_text()):
        found.setdefault(package, set()).add(version)
    return found


def packages(requirements: list[str | dict[str, str]]) -> set[str]:
    """Return the names of the packages that a group asks for, those of included groups among them."""
    found: set[str] = set()
    for requirement in requirements:
        if isinstance(requirement, dict):
            found |= packages(PROJECT["dependency-groups"][requirement["include-group"]])
        elif name := NAME.match(requirement):
            found.add(name[0].lower())
    return found


@pytest.mark.parametrize(("one", "other"), [*combinations(SAME_ENVIRONMENT, 2)])
def test_requirements_of_one_environment_agree(one: str, other: str) -> None:
    first, second = versions(f"requirements/{one}.txt"), versions(f"requirements/{other}.txt")

    assert first.keys() & second.keys()
    assert {p: (first[p], second[p]) for p in first.keys() & second.keys() if first[p] != second[p]} == {}


@pytest.mark.parametrize("group", sorted(PROJECT["dependency-groups"].keys() - {"notebook", "tables"}))
def test_every_dependency_of_a_group_is_locked(group: str) -> None:
    locked = {name.partition("[")[0] for name in versions(FILES.get(group, f"requirements/{group}.txt"))}

    assert packages(PROJECT["dependency-groups"][group]) <= locked


@pytest.mark.parametrize("name", ["run", "dev"])
def test_the_dependencies_of_the_project_are_locked(name: str) -> None:
    assert packages(PROJECT["project"]["dependencies"]) <= versions(f"requirements/{name}.txt").keys()


def test_every_requirements_file_belongs_to_a_group() -> None:
    names = {path.stem for path in (ROOT / "requirements").iterdir()}

    assert names - {"run"} <= PROJECT["dependency-groups"].keys()


@pytest.mark.parametrize("name", ["dev", "explore"])
def test_tests_and_explorers_can_run_the_notebook(name: str) -> None:
    notebook = packages(PROJECT["dependency-groups"]["notebook"])

    assert notebook <= packages(PROJECT["dependency-groups"][name])
    assert notebook <= versions(f"requirements/{name}.txt").keys()
