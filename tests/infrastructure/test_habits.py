"""The files of a public project exist, agree with each other, and call Make targets that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
PREREQUISITES = dict(re.findall(r"^([a-z-]+):(.*?)(?:##.*)?$", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))
OFFICIAL_ACTION = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}")
START_OF_LOCALSTACK = {"localstack-up"}  # .ci/run starts one without Docker


def workflow(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text())
    assert isinstance(document, dict)
    return document


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def targets(script: str) -> set[str]:
    """Return the Make targets that a shell script calls, with those that `pr` stands for in place of `pr`."""
    found: set[str] = set()
    for arguments in re.findall(r"(?:^|\{)\s*make ([^;&|\n]*)", script, re.MULTILINE):
        words = shlex.split(arguments, comments=True)
        found |= {word for word in words if not word.startswith("-") and "=" not in word}
    return found - {"pr"} | (set(PREREQUISITES["pr"].split()) if "pr" in found else set())


def targets_of_workflow(name: str) -> set[str]:
    return targets("\n".join(step.get("run", "") for step in steps(ROOT / ".github/workflows" / name)))


@pytest.mark.parametrize(
    "name",
    [
        "LICENSE",
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        ".editorconfig",
        ".pre-commit-config.yaml",
        ".github/PULL_REQUEST_TEMPLATE.md",
        ".github/ISSUE_TEMPLATE/config.yml",
        ".github/dependabot.yml",
    ],
)
def test_the_files_of_a_public_project_exist(name: str) -> None:
    assert (ROOT / name).read_text().strip()


def test_the_license_of_the_package_is_that_of_the_file() -> None:
    license_ = (ROOT / "LICENSE").read_text()
    [author] = PROJECT["project"]["authors"]

    assert license_.startswith(f"{PROJECT['project']['license']} License\n")
    assert f"Copyright (c) 2026 {author['name']}\n" in license_


def test_there_are_four_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "long.yml", "nightly.yml", "release.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_only_targets_that_exist(path: Path) -> None:
    called = targets_of_workflow(path.name)

    assert called
    assert called <= PREREQUISITES.keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_can_only_read_unless_they_publish(path: Path) -> None:
    assert workflow(path)["permissions"] == {"contents": "read"}
    granted = {name for name, job in workflow(path)["jobs"].items() if "permissions" in job}
    assert granted == ({"publish"} if path.stem == "release" else set())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_use_only_official_actions_pinned_to_a_commit(path: Path) -> None:
    actions = [step["uses"] for step in steps(path) if "uses" in step]

    assert actions
    assert [action for action in actions if not OFFICIAL_ACTION.fullmatch(action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_a_time_limit(path: Path) -> None:
    assert [name for name, job in workflow(path)["jobs"].items() if "timeout-minutes" not in job] == []


def test_ci_runs_every_python_version_that_the_package_supports() -> None:
    versions = workflow(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: "

    assert [f"{prefix}{version}" for version in versions] == [
        name for name in PROJECT["project"]["classifiers"] if name.startswith(f"{prefix}3.")
    ]
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"


def test_the_ci_script_and_the_workflow_call_the_same_targets() -> None:
    script = targets((ROOT / ".ci/run").read_text()) - {"setup"}

    assert {"coverage", "lint", "spark-test"} <= script
    assert targets_of_workflow("ci.yml") - START_OF_LOCALSTACK == script


def test_make_pr_names_the_test_targets_that_it_leaves_out() -> None:
    recipe = re.search(r"^pr:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    tests = {name for name in PREREQUISITES if name.endswith("-test")}
    assert {"sam-test", "spark-test"} <= tests

    assert {name for name in tests if name in recipe[1]} == tests - set(PREREQUISITES["pr"].split())


def test_pre_commit_runs_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [
        shlex.split(hook["entry"])[2] if hook["entry"].startswith("bash -c") else hook["entry"]
        for hook in local["hooks"]
    ]

    assert local["repo"] == "local"
    assert entries == [line.strip("\t@").replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_name_each_field_once(path: Path) -> None:
    form = workflow(path)
    fields = [part["id"] for part in form["body"] if part["type"] != "markdown"]

    assert form["name"]
    assert form["description"]
    assert fields
    assert len(fields) == len(set(fields))


def test_dependency_updates_cover_every_locked_file() -> None:
    [pip] = [
        update
        for update in workflow(ROOT / ".github/dependabot.yml")["updates"]
        if update["package-ecosystem"] == "pip"
    ]
    locked = {
        path.parent for path in [*ROOT.glob("requirements/*.txt"), *ROOT.glob("functions/*/requirements.txt")]
    }

    assert {ROOT / directory.strip("/") for directory in pip["directories"]} == locked


def test_the_changelog_has_the_notes_of_the_version() -> None:
    version = PROJECT["project"]["version"]
    notes = release_notes(f"v{version}")

    assert notes.returncode == 0, notes.stderr
    assert "\n### Added\n" in notes.stdout
    assert "\n## " not in notes.stdout


@pytest.mark.parametrize("tag", ["v0.0.9", "0.1.0", ""])
def test_a_tag_of_another_version_is_not_released(tag: str) -> None:
    notes = release_notes(tag)

    assert notes.returncode == 1
    assert f"The tag '{tag}' does not match the version" in notes.stderr
    assert notes.stdout == ""


def release_notes(tag: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts/release-notes"), tag]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a script of ours


def test_coverage_has_a_floor() -> None:
    assert PROJECT["tool"]["coverage"]["report"]["fail_under"] > 0
