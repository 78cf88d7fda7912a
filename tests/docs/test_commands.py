"""Every command, option and variable that a document names is real."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import NAMES, ROOT, Command, commands, spans, text
from voucher_selector.cli.main import cli

if TYPE_CHECKING:
    import click

MAKEFILE = (ROOT / "Makefile").read_text()
RECIPES = re.sub(r"## .*", "", MAKEFILE)
TARGETS = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
RULES = {*TARGETS, *re.findall(r"^(\.venv/\.\w+):", MAKEFILE, re.MULTILINE)}
TARGET_REFERENCE = text("docs/reference/make.md")
COMMAND_REFERENCE = text("docs/reference/command-line.md")
COMMANDS = cli.commands
ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]+)=")

OF_OTHER_PROGRAMS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK",
    "SAM_SKIP_PULL_IMAGE",
    "LAMBDA_RETRY_BASE_DELAY",
}
"""Variables that a document names and that AWS's tools, Docker or LocalStack read."""


def _variables() -> set[str]:
    """Return the variables that the Makefile, the scripts, the templates or the command line read."""
    options = {
        name
        for command in COMMANDS.values()
        for parameter in command.params
        if isinstance(parameter.envvar, str)
        for name in (parameter.envvar,)
    }
    python = [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "functions").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    quoted = {name for path in python for name in re.findall(r'"([A-Z][A-Z0-9_]+)"', path.read_text())}
    shell = "\n".join(path.read_text() for path in (ROOT / "scripts").iterdir())
    compose = (ROOT / "infra" / "localstack" / "compose.yaml").read_text()
    read = re.findall(r"\$\$?[{(]?([A-Z][A-Z0-9_]+)", RECIPES + shell + compose)
    template = re.findall(r"^ +([A-Z][A-Z0-9_]+):", text("template.yaml"), re.MULTILINE)
    return options | quoted | set(read) | set(template)


VARIABLES = _variables() | OF_OTHER_PROGRAMS


def _named(program: str) -> list[tuple[str, Command]]:
    return [
        (name, command)
        for name in NAMES
        for command in commands(text(name))
        if command.program == program and len(command.words) > 1
    ]


def _given_to_make(command: Command) -> list[str]:
    """Return the words that are targets or variables; they end where a word is neither."""
    words: list[str] = []
    for word in command.words[1:]:
        if not re.fullmatch(r"-s|[a-z][a-z-]*|\.venv/\.\w+|[A-Z][A-Z0-9_]*=.*", word, re.DOTALL):
            break
        words.append(word)
    return words


def test_commands_are_found() -> None:
    assert len(_named("make")) > 100
    assert len(_named("voucher-selector")) >= 2


def test_every_target_that_is_named_exists() -> None:
    targets = {
        (name, word)
        for name, command in _named("make")
        for word in _given_to_make(command)
        if not ASSIGNMENT.match(word) and word != "-s"
    }
    assert {(name, target) for name, target in targets if target not in RULES} == set()


def test_every_variable_that_is_named_is_read() -> None:
    named = {
        (name, match[1])
        for name in NAMES
        for command in commands(text(name))
        if command.program == "make"
        for word in [*(f"{v}=" for v in command.variables), *_given_to_make(command)]
        if (match := ASSIGNMENT.match(word))
    }
    named |= {
        (name, match[1]) for name in NAMES for span in spans(text(name)) if (match := ASSIGNMENT.match(span))
    }
    assert len(named) > 50
    assert {(name, variable) for name, variable in named if variable not in VARIABLES} == set()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_in_the_reference(target: str) -> None:
    assert f"\n| `make {target}` |" in TARGET_REFERENCE


def test_the_reference_has_no_target_twice_nor_one_that_is_gone() -> None:
    assert sorted(re.findall(r"^\| `make ([a-z-]+)` \|", TARGET_REFERENCE, re.MULTILINE)) == sorted(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_the_variables_of_the_help_are_in_the_reference(target: str) -> None:
    explained = re.search(rf"^{target}:.*## (.*)", MAKEFILE, re.MULTILINE)
    assert explained
    row = next(line for line in TARGET_REFERENCE.splitlines() if line.startswith(f"| `make {target}` |"))
    named = re.findall(r"\b([A-Z][A-Z_]+)=", explained[1])
    assert [variable for variable in named if f"{variable}=" not in row and f"`{variable}" not in row] in (
        [],
        ["AWS_ENDPOINT_URL", "STACK"],  # for the whole table
    )


def test_every_option_of_the_command_line_that_is_named_exists() -> None:
    wrong = []
    for name, command in _named("voucher-selector"):
        words = [word for word in command.words[1:] if word not in {"--help", "--version"}]
        if words and (words[0] not in COMMANDS or not _options(words) <= _real_options(COMMANDS[words[0]])):
            wrong.append((name, command.words))
    assert wrong == []


def _options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("-")}


def _real_options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_in_the_reference(command: str) -> None:
    assert re.search(rf"^\| `{command}\b.*` \|", COMMAND_REFERENCE, re.MULTILINE)
    options = {option for option in _real_options(COMMANDS[command]) if option.startswith("--")}
    assert [option for option in options if f"`{option}" not in COMMAND_REFERENCE] == []


def test_every_module_that_is_run_exists() -> None:
    modules = {
        re.split(r"\s", match)[0]
        for name in NAMES
        for match in re.findall(r"\.venv/bin/python -m ([\w.]+)", text(name))
    }
    assert modules
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_every_stage_that_is_named_is_configured() -> None:
    configured = tomllib.loads(text("samconfig.toml"))
    named = {stage for name in NAMES for stage in re.findall(r"--config-env ([\w-]+)", text(name))}
    assert {"account", "dev", "localstack"} <= named <= set(configured)


def test_the_help_of_make_has_no_escape_codes_in_a_pipe() -> None:
    command = ["make", "--no-print-directory", "help"]  # make itself may run the tests
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - as in a document
    assert [line.split()[0] for line in ran.stdout.splitlines()] == TARGETS
    assert "\033" not in ran.stdout
