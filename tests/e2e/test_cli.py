"""The command line in its own process, from any directory, on the running stack."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.sample_files import body, file_of, sample_rows
from voucher_selector.errors import Exit
from voucher_selector.local_stack.ports import free_port
from vouchers.segments import DEFINITIONS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.place import Place

pytestmark = [pytest.mark.stack, pytest.mark.anywhere, pytest.mark.usefixtures("environment_of_place")]

LAUNCHER = Path(__file__).parents[2] / ".venv" / "bin" / "voucher-selector"
USES = [("Suriname", "2020-01-01", None, "15", amount) for amount in (7.0, 7.0, 9.0, None, -1.0)]


class Completed(NamedTuple):
    """The exit code of a command, and its output."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Completed]:
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def call(*arguments: str, **variables: str) -> Completed:
        ended = subprocess.run(  # noqa: S603 - our own launcher
            [LAUNCHER, *arguments],
            cwd=tmp_path,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Completed(ended.returncode, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def name(place: Place) -> Iterator[str]:
    yield "cli/uses.parquet"
    place.delete("cli/uses.parquet")


def test_a_script_reads_data_on_standard_output_and_nothing_else(
    run: Callable[..., Completed], tmp_path: Path, name: str
) -> None:
    (tmp_path / "mine.parquet").write_bytes(file_of(sample_rows(*USES)))

    uploaded = run("upload", "mine.parquet", "--key", name, "--as-of", "2021-01-01", "--json")
    counts = run("counts", "Suriname", "--segment", "frequent_segment", "--json")
    asked = run("ask", "--country", "suriname", "--segment", "frequent_segment", "--orders", "15", "--json")
    why = run(
        *("ask", "--country", "Suriname", "--segment", "recency_segment"),
        *("--last-order", "2020-01-01", "--why", "--json"),
    )

    assert [result.code for result in (uploaded, counts, asked, why)] == [Exit.FINE] * 4
    report = json.loads(uploaded.out)
    assert (report["report"]["counted"], report["report"]["rejected"]) == (4, 1)
    assert report["rejected_rows"].startswith("s3://")
    assert [(r["voucher_amount"], r["count"]) for r in json.loads(counts.out)["rows"]] == [
        (0, 1),
        (7, 2),
        (9, 1),
    ]
    assert json.loads(asked.out) == {"voucher_amount": [7.0]}
    because = json.loads(why.out)
    assert (because["voucher_amount"], because["count"], because["sample_size"]) == ([7.0], 2, 4)


@pytest.mark.usefixtures("some")
def test_a_plan_tells_what_guards_and_split_ranges_change(
    run: Callable[..., Completed], tmp_path: Path
) -> None:
    edited = DEFINITIONS_FILE.read_text().replace("[14, 37]", "[14, 20], [21, 37]")
    (tmp_path / "edited.toml").write_text(f"{edited}[countries.Suriname]\nminimum_uses = 5\n")

    planned = run("plan", "--segments", "edited.toml", "--json")

    assert planned.code == Exit.FINE, planned.err
    found = json.loads(planned.out)
    changes = {
        c["min_range"]: [side and side["voucher_amount"] for side in (c["now"], c["then"])]
        for c in found["changes"]
        if c["country"] == "Suriname" and (c["segment_name"], c["max_range"]) != ("frequent_segment", 37)
    }
    assert changes == {180: [[7.0], []], 14: [None, []]}
    assert found["recounted_objects"] >= 1
    assert json.loads(run("plan", "--json").out)["changes"] == []


def test_a_failed_file_exits_with_1_and_verify_then_exits_with_0(
    run: Callable[..., Completed], tmp_path: Path, name: str
) -> None:
    (tmp_path / "bad.parquet").write_bytes(body("broken"))

    uploaded = run("upload", "bad.parquet", "--key", name, "--json")
    verified = run("verify", "--json")

    failed = json.loads(uploaded.out)
    assert (uploaded.code, failed["status"]) == (Exit.NO, "failed")
    assert failed["error"] in uploaded.err
    assert (verified.code, json.loads(verified.out)["failed"]) == (
        Exit.FINE,
        [{"source": f"vouchers/{name}", "error": failed["error"]}],
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("counts", "Atlantis"), Exit.NO),
        (("ask", "--country", "Atlantis", "--segment", "frequent_segment", "--orders", "1"), Exit.NO),
        (("counts", "Atlantis", "--segment", "nonesuch"), Exit.USAGE),
        (("upload", "missing.parquet"), Exit.USAGE),
        (("verify", "--mend"), Exit.USAGE),
    ],
)
@pytest.mark.usefixtures("some")
def test_scripts_tell_by_the_exit_code_what_went_wrong(
    run: Callable[..., Completed], arguments: tuple[str, ...], code: Exit
) -> None:
    message = run(*arguments)

    assert (message.code, message.out) == (code, "")
    assert message.err.splitlines()[-1].startswith("Error: ")


@pytest.fixture
def some(place: Place, tmp_path: Path) -> Iterator[None]:
    """Something is counted, so that it is the country that is unknown."""
    file = tmp_path / "some.parquet"
    file.write_bytes(file_of(sample_rows(*USES)))
    place.upload(file, "cli/some.parquet")
    yield
    place.delete("cli/some.parquet")


@pytest.mark.parametrize(
    "command", [("verify",), ("plan",), ("counts", "Peru"), ("upload", "a.parquet"), ("redrive",)]
)
def test_a_stack_that_is_not_there_ends_with_3(
    run: Callable[..., Completed], tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "a.parquet").write_bytes(body("none"))

    nowhere = run(*command, AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")

    assert (nowhere.code, nowhere.out) == (Exit.STACK, "")
    assert "does not answer. Check AWS_ENDPOINT_URL" in nowhere.err


def test_a_stack_of_another_name_ends_with_3(run: Callable[..., Completed]) -> None:
    message = run("verify", STACK="nonesuch")

    assert (message.code, message.out) == (Exit.STACK, "")
    assert "There is no stack 'nonesuch'" in message.err
