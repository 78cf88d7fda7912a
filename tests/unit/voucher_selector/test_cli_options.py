"""Variables: under Make the commands read them, and messages name them; otherwise they have no effect."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from voucher_selector.cli import sources
from voucher_selector.cli.main import cli
from voucher_selector.errors import CommandError

if TYPE_CHECKING:
    from click.testing import Result

pytestmark = pytest.mark.disable_socket

HERE = str(Path(__file__))
INVALID_AGE = "Invalid OLDER_THAN '90'. Use days (90d), hours (h), minutes (m) or seconds (s)."


def make(command: str, **variables: str) -> Result:
    return CliRunner().invoke(cli, [command], env={"VOUCHER_SELECTOR_MAKE": "1", **variables})


def values(command: str, *arguments: str, under_make: str = "", **variables: str) -> dict[str, object]:
    """Return what a command would be called with."""
    with CliRunner().isolation(env={"VOUCHER_SELECTOR_MAKE": under_make, **variables}):
        return cli.commands[command].make_context(command, list(arguments)).params


@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)]
)
def test_a_flag_is_on_or_off_as_its_variable_says(value: str, *, on: bool) -> None:
    assert values("verify", under_make="1", REPAIR=value, JSON=value) == {"repairing": on, "as_json": on}


def test_arguments_and_options_are_read_from_their_variables() -> None:
    assert values("upload", under_make="1", FILE="a $b.parquet", AS_OF="20180805", KEY="", JSON="1") == {
        "file": ("a $b.parquet",),
        "as_of": "2018-08-05",
        "columns": None,
        "key": None,
        "max_rejected": 10,
        "sync": False,
        "as_json": True,
    }
    assert values("sample", under_make="1", FILE="") == {"file": "sample.parquet"}


def test_several_arguments_are_given_on_the_command_line_only() -> None:
    assert values("delete", "a", "b c")["key"] == ("a", "b c")
    assert values("delete", under_make="1", KEY="a b")["key"] == ("a b",)


def test_variables_of_a_shell_do_not_change_the_command_line() -> None:
    assert values("verify", REPAIR="1", JSON="1") == {"repairing": False, "as_json": False}
    assert values("upload", "mine.parquet", FILE="other", KEY="other", AS_OF="row")["key"] is None


@pytest.mark.parametrize(
    ("command", "variables", "message"),
    [
        ("verify", {"REPAIR": "maybe"}, "Invalid REPAIR 'maybe'. Use 1 for yes, or 0 for no."),
        ("upload", {"FILE": HERE, "AS_OF": "May"}, "Invalid AS_OF: 'May' is not an as-of date"),
        ("sources", {"STATUS": "lost"}, "Invalid STATUS 'lost'. Use one of: counted, deleted, failed."),
        ("dataset", {"NAME": "a", "MAX_REJECTED": "x"}, "Invalid MAX_REJECTED 'x'. Use a number from 0 to"),
        ("dataset", {"NAME": "a", "MAX_REJECTED": "nan"}, "Invalid MAX_REJECTED 'nan'. Use a number from"),
        ("expire", {"OLDER_THAN": "90"}, INVALID_AGE),
        ("expire", {"OLDER_THAN": "-1d"}, INVALID_AGE.replace("'90'", "'-1d'")),
        ("expire", {}, "Missing OLDER_THAN. Example: make expire OLDER_THAN=90d"),
        ("delete", {"KEY": " "}, "Missing KEY. Example: make delete KEY=2018/august.parquet"),
        ("upload", {"FILE": HERE, "SYNC": "1"}, f"SYNC needs a folder, but {HERE} is a file"),
        ("upload", {}, "Missing FILE. Example: make upload FILE=vouchers.parquet"),
        ("ask", {"COUNTRY": "Peru"}, "Missing SEGMENT. Example: make ask COUNTRY=Peru SEGMENT="),
        ("profile", {"FILE": HERE, "OUT": HERE}, f"{HERE} is the explored file itself. "),
    ],
)  # fmt: skip
def test_a_message_under_make_names_the_variable(
    command: str, variables: dict[str, str], message: str
) -> None:
    result = make(command, **variables)

    assert result.stderr.startswith(f"Error: {message}")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_the_version_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"voucher-selector": "9.8.7"}.__getitem__)
    assert CliRunner().invoke(cli, ["--version"]).stdout.endswith("version 9.8.7\n")


def test_a_pipe_that_is_closed_ends_a_command_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def close(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sources, "find_stack", close)
    done = CliRunner().invoke(cli, ["sources"])
    assert (done.exit_code, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("under_make", "name"), [("", '--columns "country_code=land"'), ("1", 'COLUMN_NAMES="country_code=land"')]
)
def test_the_advice_of_the_ingest_function_names_the_variable_under_make(
    under_make: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CommandError('name its columns, such as with --columns "country_code=land"')

    monkeypatch.setattr(sources, "find_stack", fail)
    done = CliRunner().invoke(cli, ["sources"], env={"VOUCHER_SELECTOR_MAKE": under_make})
    assert done.stderr == f"Error: name its columns, such as with {name}\n"
