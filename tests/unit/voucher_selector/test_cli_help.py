"""The help of the command line is complete, and its examples are valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from voucher_selector.cli.main import cli
from voucher_selector.errors import MEANING, Exit

pytestmark = pytest.mark.disable_socket

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
PAGE = (ROOT / "docs" / "reference" / "command-line.md").read_text()
COMMANDS = [
    "ask",
    "counts",
    "dashboard",
    "dataset",
    "delete",
    "demo",
    "evaluate",
    "expire",
    "plan",
    "profile",
    "redrive",
    "rejected",
    "replay",
    "run",
    "sample",
    "sources",
    "upload",
    "verify",
]
WITH_JSON = [
    "ask",
    "counts",
    "dataset",
    "delete",
    "evaluate",
    "expire",
    "plan",
    "redrive",
    "rejected",
    "replay",
    "sources",
    "upload",
    "verify",
]
LAUNCHER = "voucher-selector"


def help_of(*command: str) -> str:
    result = CliRunner().invoke(cli, [*command, "--help"], terminal_width=110)
    assert result.exit_code == 0
    return result.stdout


def options_of(name: str) -> list[click.Option]:
    return [param for param in cli.commands[name].params if isinstance(param, click.Option)]


def examples_of(name: str) -> list[list[str]]:
    text = help_of(name)
    return [shlex.split(line) for line in text[text.index("Examples:") :].splitlines()[1:] if line.strip()]


def test_every_command_is_listed_with_a_whole_sentence() -> None:
    listed = dict(
        re.findall(r"^  ([a-z]+) +([A-Z].*)$", CliRunner().invoke(cli, ["--help"]).stdout, re.MULTILINE)
    )

    assert sorted(listed) == COMMANDS
    assert [
        name for name, message in listed.items() if not message.endswith(".") or message.endswith("...")
    ] == []


def test_the_help_tells_every_exit_code() -> None:
    assert [code for code in Exit if f"    {code:<4d} {MEANING[code]}\n" not in help_of()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_says_what_it_is_for(name: str) -> None:
    text = help_of(name)

    assert [opt.name for opt in options_of(name) if not opt.help or not opt.help.endswith(".")] == []
    assert [opt for option in options_of(name) for opt in option.opts if f"  {opt}" not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_of_a_command_is_in_its_text(name: str) -> None:
    command = cli.commands[name]
    arguments = [str(param.name).upper() for param in command.params if isinstance(param, click.Argument)]

    assert [argument for argument in arguments if argument not in str(command.help)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_help_shows_as_an_example_can_be_typed(name: str) -> None:
    shown = examples_of(name)
    assert shown
    for first, *rest in shown:
        assert (first, rest[0]) in {("make", name), (LAUNCHER, name)}
        if first == LAUNCHER:
            cli.commands[name].make_context(name, rest[1:])
        else:
            variables = [variable.split("=")[0] for variable in rest[1:]]
            assert [variable for variable in variables if not re.search(rf"\b{variable}\b", MAKEFILE)] == []


@pytest.mark.parametrize("name", WITH_JSON)
def test_every_command_that_tells_something_tells_programs_too(name: str) -> None:
    assert "--json" in [opt for option in options_of(name) for opt in option.opts]
    assert re.search(rf"^{name}: .*\[JSON=1\]$", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_on_the_command_line_tells_of_every_command_and_option(name: str) -> None:
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{name}")), "")

    opts = [opt for option in options_of(name) for opt in option.opts if opt != "--json"]
    assert row
    assert [opt for opt in opts if opt not in row] == []


def test_the_page_on_the_command_line_tells_every_exit_code() -> None:
    assert [code for code in Exit if f"\n| {code:d} | {MEANING[code]} |" not in PAGE] == []


def test_an_unknown_option_is_wrong_usage() -> None:
    assert CliRunner().invoke(cli, ["counts", "Peru", "--jason"]).exit_code == Exit.USAGE
