"""The command `plan` on moto, with the API and the ingest function in this process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from api import dependencies
from api.cached_table import TTLCache
from api.routes import choices
from tests.support.api_gateway import call, rest_event
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import body, file_of, sample_rows
from voucher_selector import api_client
from voucher_selector.cli import plan, screen
from voucher_selector.cli.main import cli
from voucher_selector.errors import Exit
from vouchers.dynamodb.segments_table import SegmentsTable
from vouchers.segments import DEFINITIONS_FILE, load_definitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.support.stack_harness import StackHarness

KEY, BROKEN = "vouchers/a.parquet", "vouchers/broken.parquet"
DEFAULT = DEFINITIONS_FILE.read_text(encoding="utf-8")
SPLIT = DEFAULT.replace("[0, 4],", "[0, 2],\n  [3, 4],")
USES = sample_rows(*[("Peru", "2020-01-01", None, n, a) for n, a in (("1", 5.0), ("3", 7.0), ("4", 7.0))])


def listed() -> dict[str, Any]:
    """Return the answer of /v1/choices, without the log lines of the API on standard output."""
    with redirect_stdout(io.StringIO()):
        return call(rest_event(path="/v1/choices")).json


@pytest.fixture(autouse=True)
def _stack(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    there = deployed(harness, Lambda())
    table = SegmentsTable(harness.dynamodb, harness.segments)
    monkeypatch.setattr(dependencies, "segments_table", lambda: table)
    monkeypatch.setattr(dependencies, "answer_cache", lambda: TTLCache(0))
    monkeypatch.setattr(plan, "find_stack", lambda: there)
    monkeypatch.setattr(api_client, "call", lambda *_: listed())
    monkeypatch.setattr(screen, "out", Console(width=200, highlight=False))
    harness.ingest(harness.put(KEY, file_of(USES)))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    file = tmp_path / "edited.toml"

    def run(text: str, *options: str) -> Result:
        file.write_text(text, encoding="utf-8")
        arguments = ["plan", "--segments", str(file), *options]
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    return run


def test_unchanged_definitions_change_nothing(run: Callable[..., Result]) -> None:
    result = run(DEFAULT)
    assert (result.stdout, result.exit_code) == ("Answers that change: 0, that stay: 9\n", 0)
    default = CliRunner().invoke(cli, ["plan"], catch_exceptions=False)
    assert default.stdout == result.stdout


def test_a_guard_needs_no_count_and_no_replay(run: Callable[..., Result]) -> None:
    result = run(DEFAULT + "[countries.Peru]\nminimum_uses = 4\n")
    assert "Counting" not in result.stderr
    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in result.stdout.splitlines()]
    assert [row for row in cells if row] == [
        ["Peru", name, range_, "7", "none", "minimum_uses is 4, there are 3 uses"]
        for name, range_ in (("recency_segment", "180-99999999"), ("frequent_segment", "0-4"))
    ]
    assert result.stdout.splitlines()[-1] == (
        "Answers that change: 2, that stay: 7. Deploy the definitions to change them; no replay is needed"
    )


def test_answers_of_new_ranges_are_those_after_a_replay(
    harness: StackHarness,
    run: Callable[..., Result],
    redefine: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    planned = json.loads(run(SPLIT, "--json").stdout)
    assert planned["recounted_objects"] == 1
    assert planned["definitions"]["now"] == load_definitions().version
    assert run(SPLIT).stdout.endswith("then run make replay\n")
    redefine(SPLIT)
    harness.ingest(harness.replay(KEY))
    (tmp_path / "new.toml").write_text(SPLIT)
    monkeypatch.setattr(choices, "load_definitions", lambda: load_definitions(tmp_path / "new.toml"))
    answer = listed()
    assert answer["definitions"] == planned["definitions"]["then"]
    after = {(c["min_range"], c["max_range"]): c["voucher_amount"] for c in answer["countries"][0]["choices"]}
    changes = {
        (c["min_range"], c["max_range"]): c["then"] and c["then"]["voucher_amount"]
        for c in planned["changes"]
    }
    assert changes == {(0, 2): [5.0], (3, 4): [7.0], (0, 4): None}
    assert {range_: after.get(range_) for range_ in changes} == changes
    assert json.loads(run(SPLIT, "--json").stdout)["changes"] == []


def test_objects_that_the_edited_definitions_cannot_count_are_named(
    harness: StackHarness, run: Callable[..., Result]
) -> None:
    tenure = DEFAULT + '[tenure]\nattribute = "days_since_first_order"\nranges = [[0, 99]]\n'
    with pytest.raises(Exception, match="was not counted"):
        harness.ingest(harness.put(BROKEN, body("broken")))
    planned: dict[str, Any] = json.loads(run(tenure, "--json").stdout)
    assert planned["failing_objects"] == [KEY]
    assert f"{KEY} cannot be counted by the edited definitions" in run(tenure).stdout


def test_sources_of_other_definitions_are_counted_again(
    harness: StackHarness, run: Callable[..., Result], redefine: Callable[[str], None]
) -> None:
    redefine(SPLIT)
    harness.ingest(harness.put(KEY, file_of(USES)))
    planned = json.loads(run(DEFAULT, "--json").stdout)
    assert planned["recounted_objects"] == 1
    assert [
        (c["now"]["voucher_amount"], c["then"]["voucher_amount"], c["why"]) for c in planned["changes"]
    ] == [([], [7.0], "other rows are counted")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nminimum_uses = 0\n", "defaults: 'minimum_uses' must be a whole number from 1"),
        ("[", "edited.toml cannot be read: "),
    ],
)
def test_invalid_definitions_end_in_one_sentence(run: Callable[..., Result], text: str, message: str) -> None:
    result = run(text)
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert result.stderr.startswith("Error: Invalid --segments '")
    assert message in result.stderr


def test_a_missing_file_is_named() -> None:
    result = CliRunner().invoke(cli, ["plan", "--segments", "nonesuch.toml"])
    assert (result.exit_code, result.stderr) == (Exit.USAGE, "Error: There is no file nonesuch.toml\n")
