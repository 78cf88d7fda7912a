"""Datasets on the real stack, counted by the command line on real Spark, in processes of its own."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from tests.support.fake_segments_table import REFERENCE_COUNTS
from tests.support.sample_files import CHINA, DIRTY, WIDE, expected, file_of, sample_rows
from tests.support.tables import FORMATS, KIND
from voucher_selector.local_stack.emulator import LOGS
from voucher_selector.operations.upload import DATASETS
from voucher_selector.sample_data.file import write_sample
from vouchers.counts import amount_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[str]]

    from tests.e2e.place import Place

pytestmark = [pytest.mark.stack, pytest.mark.spark]

LAUNCHER = Path(__file__).parents[2] / ".venv" / "bin" / "voucher-selector"
TWO_WORKERS = "local-cluster[2,1,1024]"
WORKER = "CoarseGrainedExecutorBackend"
STARTED = re.compile(r"Starting task \d+\.0 in stage 0\.0 .*, executor (\d+),")
LOST = re.compile(r"Lost task \d+\.0 in stage 0\.0|task \d+\.0 in stage 0\.0 .* while it was being computed")
"""What Spark logs of a task that went with its worker, by which of the two it has noticed first."""
ORIGINAL = os.environ.get("VOUCHERS_2018", "")


@pytest.fixture
def start(place: Place) -> Iterator[Start]:
    """Return a function that starts the command line on the stack; stop its processes afterwards."""
    aws, api = (str(urlsplit(url).port) for url in (place.deployed.endpoint or "", place.url))
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: str, command: str = "dataset", **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "AWS_PORT": aws, "PORT": api, **variables}
        process = subprocess.Popen(  # noqa: S603 - our own launcher
            [LAUNCHER, command, *arguments, "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.terminate()
        process.communicate()


@pytest.fixture
def name(place: Place, start: Start) -> Iterator[str]:
    """Return the name of a dataset; delete its objects and counts afterwards."""
    yield "years/history"
    key = f"{DATASETS}years/history/"
    s3 = place.deployed.s3()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.uploads, Prefix=key):
        for content in page.get("Contents", []):
            s3.delete_object(Bucket=place.uploads, Key=content["Key"])
    assert ended(start("years/history"))[1]["status"] == "deleted"
    assert place.cells("Peru", "China") == {}


def ended(process: subprocess.Popen[str]) -> tuple[int, Any, str]:
    """Return the exit code of a command, its JSON document, and its messages."""
    out, err = process.communicate(timeout=300)
    return process.returncode, json.loads(out) if out else None, err


def write(folder: Path, **files: bytes) -> str:
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        (folder / f"{name}.parquet").write_bytes(body)
    return str(folder)


def test_the_sample_as_a_dataset_gives_the_reference_table(
    place: Place, start: Start, name: str, tmp_path: Path
) -> None:
    write_sample(tmp_path / "sample.parquet")

    code, reported, _ = ended(start(name, "--from", str(tmp_path), "--as-of", "upload"))

    assert (code, reported["outcome"], reported["report"]["rows"]) == (0, "counted", 511_427)
    assert {cell: content for cell, content in counted(place).items() if cell[0] == "peru"} == {
        ("peru", f"{segment}#{low}-{high}"): {str(amount): n for amount, n in counts.items()}
        for (segment, low, high), counts in REFERENCE_COUNTS.items()
    }


def test_a_dataset_is_evaluated_as_its_files_are(
    place: Place, start: Start, name: str, tmp_path: Path
) -> None:
    later = sample_rows(
        *[
            (country, "2020-01-01", f"2020-0{n % 8 + 1}-20", str(n), float(n % 3))
            for country in ("peru", "CHINA")
            for n in range(40)
        ]
    )
    rows = {"june": WIDE + later[::2], "july": DIRTY + later[1::2], "august": CHINA}
    folder = write(tmp_path / "uses", **{month: file_of(uses) for month, uses in rows.items()})
    ended(start(name, "--from", folder, "--as-of", "row"))
    before = counted(place), place.sources.load(f"{DATASETS}{name}/")
    until = ("--train-until", "2020-06-01")

    code, result, err = ended(start("--dataset", name, *until, command="evaluate"))

    assert code == 0, err
    assert result == ended(start(folder, *until, command="evaluate"))[1]
    assert (result["rejected_rows"], result["undated_rows"]) == (2, 1)
    assert (counted(place), place.sources.load(f"{DATASETS}{name}/")) == before


@pytest.mark.parametrize("format_", FORMATS)
def test_the_current_version_of_a_table_is_counted(
    place: Place, start: Start, name: str, tmp_path: Path, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "table", ["country_code"])
    table.append(kinds := [{**row, KIND: str(n % 3)} for n, row in enumerate(WIDE[:3] + CHINA + DIRTY)])
    for step, outcome in (
        (partial(table.append, kinds), "counted"),
        (table.compact, "counted"),
        (partial(table.delete, "1"), "counted"),
        (table.clean, "up to date"),
    ):
        step()
        code, reported, err = ended(
            start(name, "--from", str(table.folder), "--sync", "--as-of", "2026-11-22T12:00:00")
        )
        assert (code, reported["outcome"], reported["report"]["rows"]) == (0, outcome, len(table.rows)), err
        assert counted(place) == {
            cell: counters for cell, counters in expected([table.rows]).items() if cell[1] != "#spellings"
        }


@pytest.mark.skipif(
    not ORIGINAL, reason="VOUCHERS_2018 names no file, and it cannot be passed on with the project"
)
def test_the_file_of_2018_counts_as_a_dataset_as_it_does_uploaded(
    place: Place, start: Start, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "2018.parquet"
    file.symlink_to(ORIGINAL)
    uploaded = place.upload(file, "2018.parquet", "2018-08-05")
    by_lambda = place.cells("China", "Australia", "Latvia", "Peru")
    place.delete("2018.parquet")

    _, reported, _ = ended(start(name, "--from", str(tmp_path), "--as-of", "2018-08-05"))

    assert reported["status"] == "counted"
    assert place.cells("China", "Australia", "Latvia", "Peru") == by_lambda
    timed = {"seconds", "objects"}
    assert {k: v for k, v in reported["report"].items() if k not in timed} == {
        k: v for k, v in uploaded.report.items() if k not in timed
    }


def test_a_worker_killed_in_mid_run_changes_no_count(
    place: Place, start: Start, name: str, tmp_path: Path
) -> None:
    rows, times = WIDE[:3] + CHINA + DIRTY, [50 + n for n in range(200)]
    bodies = {f"{n:03d}": file_of(rows * n) for n in times}
    folder = write(tmp_path / "many", **bodies)
    before = {*LOGS.glob("spark-*.log")}
    process = start(name, "--from", folder, "--as-of", "2026-11-22", SPARK_MASTER=TWO_WORKERS)

    place.until(lambda: STARTED.search(log_since(before)))
    os.kill(worker(process, STARTED.findall(log_since(before))[-1]), signal.SIGKILL)
    code, reported, err = ended(process)

    assert (code, reported["outcome"]) == (0, "counted"), err
    assert LOST.search(log_since(before)), "no task was under way"
    assert reported["report"]["rows"] == sum(times) * len(rows)
    assert reported["report"]["objects"] == 200
    assert counted(place) == {
        cell: {counter: sum(times) * n for counter, n in counters.items()}
        for cell, counters in expected([rows]).items()
        if cell[1] != "#spellings"
    }
    assert len(rejected_rows(place, reported)) == sum(times) * 2


def log_since(before: set[Path]) -> str:
    """Return what Spark has logged in runs since there were only those logs."""
    return "".join(log.read_text() for log in {*LOGS.glob("spark-*.log")} - before)


def worker(process: subprocess.Popen[str], number: str) -> int:
    """Return the process of a worker of the run that a command has started: among its descendants."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    running = [line.split(None, 2) for line in listed.splitlines()]
    family = {str(process.pid)}
    while more := {pid for pid, parent, _ in running if parent in family} - family:
        family |= more
    named = f"--executor-id {number} "
    return next(int(pid) for pid, _, args in running if pid in family and WORKER in args and named in args)


def counted(place: Place) -> dict[tuple[str, str], dict[str, int]]:
    cells = place.cells("Peru", "China")
    return {
        cell: {amount_name(amount): n for amount, n in content.items()} for cell, content in cells.items()
    }


def rejected_rows(place: Place, reported: Any) -> list[Any]:
    """Return the rejected rows in the folder that a report names."""
    bucket, folder = reported["rejected_rows"].removeprefix("s3://").split("/", 1)
    s3, found = place.deployed.s3(), []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
        for entry in page["Contents"]:
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            found += pq.read_table(io.BytesIO(body)).to_pylist()
    return found
