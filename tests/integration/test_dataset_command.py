"""The commands `dataset` and `verify` against moto, with runs in this process or on a stand-in for EMR."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from ingest.handler import IngestError
from ingest.storage.results_bucket import ResultsBucket
from tests.support.datasets import DATASET, count, count_here
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import CHINA, DIRTY, PERU, body, expected, file_of, sample_rows
from tests.support.tables import FORMATS, KIND, mirror
from voucher_selector.cli import dataset, evaluate, maintenance
from voucher_selector.cli.main import cli
from voucher_selector.cli.report import show_report
from voucher_selector.errors import CommandError
from voucher_selector.operations import dataset_run
from voucher_selector.spark_job import clients, listing, run
from voucher_selector.spark_job.order import Order
from voucher_selector.spark_job.progress import Outcome, Progress, write_progress
from vouchers.segments import DEFINITIONS_FILE, load_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.support.stack_harness import StackHarness
    from voucher_selector.stack import Deployed


@dataclass
class Runs:
    """Stands in for Spark: runs an order at once, unless ``interrupted`` is set."""

    harness: StackHarness
    says: Progress | None = None
    silent: bool = False
    interrupted: bool = False
    orders: list[Order] = field(default_factory=list)
    stopped: int = 0

    def start(self, _stack: Deployed, order: Order) -> Runs:
        self.orders.append(order)
        results = ResultsBucket(self.harness.s3, self.harness.results)
        if not self.silent:
            try:
                last = self.says or run.run(order, count_here)
            except run.RunError as error:
                last = Progress("done", outcome=Outcome.BROKEN_OFF, error=str(error))
            write_progress(results, order.run, last)
        return self

    def has_ended(self) -> bool:
        if self.interrupted:
            raise KeyboardInterrupt
        return True

    def stop(self) -> None:
        self.stopped += 1

    def describe(self) -> str:
        return "See the log: here"


@pytest.fixture(autouse=True)
def stack(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    there = deployed(harness, Lambda())
    for command in (dataset, evaluate, maintenance):
        monkeypatch.setattr(command, "find_stack", lambda: there)
    monkeypatch.setattr(dataset_run, "SECONDS_BETWEEN_LOOKS", 0)
    for client in (clients.s3_client, clients.dynamodb_client):
        client.cache_clear()
    yield there
    for client in (clients.s3_client, clients.dynamodb_client):
        client.cache_clear()


@pytest.fixture
def runs(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> Runs:
    there = Runs(harness)
    monkeypatch.setattr(dataset_run, "start", there.start)
    return there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = tmp_path / "years"
    (content / "2018").mkdir(parents=True)
    (content / "2018" / "a b+ü.parquet").write_bytes(body("peru"))
    (content / "b.parquet").write_bytes(body("dirty"))
    (content / "_SUCCESS").touch()
    return content


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.mark.usefixtures("runs")
def test_a_folder_is_uploaded_and_counted(harness: StackHarness, folder: Path) -> None:
    result = call("dataset", "history", "--from", str(folder), "--as-of", "2026-11-22")

    assert result.exit_code == 0
    assert harness.cells() == expected([PERU, DIRTY])
    assert re.search(r"│ rows +│ +6 │", result.stdout)
    assert f"s3://{harness.results}/rejected/{DATASET}" in result.stdout
    assert [key for key in harness.result_keys() if key.startswith("runs/")] == []


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a")])
def test_a_dataset_inside_another_one_is_refused(runs: Runs, folder: Path, first: str, second: str) -> None:
    call("dataset", first, "--from", str(folder))

    result = call("dataset", second, "--from", str(folder))

    assert (result.exit_code, len(runs.orders)) == (2, 1)
    assert f"Error: datasets/{first}/ is a dataset, and objects that datasets/{second}/" in result.stderr
    assert call("dataset", f"{first}c", "--from", str(folder)).exit_code == 0


def test_a_dataset_without_objects_starts_no_run(runs: Runs) -> None:
    result = call("dataset", "histroy")

    assert (result.exit_code, runs.orders) == (2, [])
    assert (
        result.stderr == "Error: There are no objects under datasets/histroy/. To upload some, add --from\n"
    )


@pytest.mark.usefixtures("runs")
def test_json_reports_the_outcome_to_scripts(harness: StackHarness, folder: Path) -> None:
    reported = [
        json.loads(call("dataset", "datasets/history/", *more, "--json").stdout)
        for more in (["--from", str(folder)], [])
    ]
    for entry in harness.s3.list_objects_v2(Bucket=harness.uploads)["Contents"]:
        harness.s3.delete_object(Bucket=harness.uploads, Key=entry["Key"])
    reported.append(json.loads(call("dataset", "history", "--json").stdout))

    assert [(line["outcome"], line["source"], line["status"]) for line in reported] == [
        ("counted", DATASET, "counted"),
        ("up to date", DATASET, "counted"),
        ("deleted", DATASET, "deleted"),
    ]
    assert reported[0]["report"]["objects"] == 2
    assert harness.cells() == {}


@pytest.mark.usefixtures("runs")
def test_the_report_on_a_dataset_has_the_lines_of_that_on_a_file(
    harness: StackHarness, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = sample_rows(
        ("Peru", "not a date", "2020-03-01", "1", 1.0), ("Peru", "2020-01-01", "2020-03-01", "-1", 1.0)
    )
    harness.ingest(harness.put("vouchers/one.parquet", file_of([*content, *DIRTY])))
    state = harness.source("vouchers/one.parquet").state
    assert state
    show_report("one", state.report)
    (folder / "b.parquet").write_bytes(file_of([*content, *DIRTY]))
    (folder / "2018" / "a b+ü.parquet").unlink()

    result = call("dataset", "history", "--from", str(folder))

    of_file, of_dataset = (
        re.findall(r"│  +(\w+: [\w ]+)", text) for text in (capsys.readouterr().out, result.stdout)
    )
    assert len(of_file) >= 7
    assert of_dataset == of_file


@pytest.mark.usefixtures("runs")
def test_a_dataset_of_which_nothing_counts_is_a_failure(harness: StackHarness, folder: Path) -> None:
    for name in ("2018/a b+ü.parquet", "b.parquet"):
        (folder / name).write_bytes(file_of(DIRTY[:2]))
    results = [call("dataset", "history", "--from", str(folder)), call("dataset", "history")]
    sentence = "Error: Nothing of datasets/history/ is counted, because all its 4 rows are rejected"
    assert [(result.exit_code, last_line(result)) for result in results] == [(1, sentence)] * 2
    assert harness.cells() == {}


@pytest.mark.usefixtures("runs")
def test_a_dataset_has_the_warnings_of_an_upload(harness: StackHarness, folder: Path) -> None:
    harness.ingest(harness.put("vouchers/again.parquet", body("peru")))
    result = call("dataset", "history", "--from", str(folder), "--as-of", "2026-11-22")
    lines = result.stderr.splitlines()
    warnings = [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning")]
    assert warnings == [
        "33.3 % of the rows of datasets/history/ are rejected, most of them for: country code missing",
        (
            "datasets/history/2018/a b+ü.parquet has the same content as vouchers/again.parquet, and its "
            "rows are counted twice"
        ),
    ]
    assert result.exit_code == 0


def test_an_order_names_the_stacks_parts_and_its_rule(
    harness: StackHarness, runs: Runs, folder: Path
) -> None:
    call("dataset", "history", "--from", str(folder), "--force")
    call("dataset", "history", "--as-of", "row")
    first, second = runs.orders
    assert (first.dataset, first.as_of, first.forced) == (DATASET, "upload", True)
    assert (second.as_of, second.forced) == ("row", False)
    assert first.uploads_bucket == harness.uploads
    assert first.run != second.run
    assert Order.from_json(first.to_json()) == first


def test_a_dataset_keeps_its_as_of_date_until_another_is_given(
    monkeypatch: pytest.MonkeyPatch, runs: Runs, folder: Path
) -> None:
    call("dataset", "history", "--from", str(folder))
    monkeypatch.setenv("RECENCY_AS_OF", "2020-01-01")
    for more in (
        [],
        ["--as-of", "2026-11-22"],
        [],
        ["--as-of", "row"],
        ["--force"],
        ["--as-of", "upload"],
        [],
    ):
        call("dataset", "history", *more)

    rules = ["upload", "upload", "2026-11-22", "2026-11-22", "row", "row", "upload", "upload"]
    assert [order.as_of for order in runs.orders] == rules


@pytest.mark.usefixtures("runs")
def test_objects_that_are_not_in_the_folder_are_named_or_deleted(harness: StackHarness, folder: Path) -> None:
    call("dataset", "history", "--from", str(folder))
    (folder / "b.parquet").unlink()
    left = call("dataset", "history", "--from", str(folder), "--force")
    after = call("dataset", "history", "--from", str(folder), "--sync", "--as-of", "2026-11-22")

    warning = (
        f"1 objects that are not in {folder} are counted, too: {DATASET}b.parquet. To delete them, add --sync"
    )
    assert f"Warning: {warning}\n" in left.stderr
    assert f"Deleted: {DATASET}b.parquet\n" in after.stderr
    assert (after.exit_code, harness.cells()) == (0, expected([PERU]))


@pytest.mark.usefixtures("runs")
def test_a_dataset_that_cannot_be_counted_ends_in_its_sentence(folder: Path) -> None:
    (folder / "c.parquet").write_bytes(body("broken"))

    result = call("dataset", "history", "--from", str(folder))

    assert result.exit_code == 1
    assert (
        "Error: 'datasets/history/' was not counted: 1 of its 3 objects cannot be counted; " in result.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "Missing NAME. Example: voucher-selector dataset history --from years --as-of row --json"),
        (["a/../b"], "Invalid name of a dataset 'a/../b'. Use a name such as history or history/2018."),
        (
            ["history", "--as-of", "soon"],
            "Invalid --as-of: 'soon' is not an as-of date; use a date such as 2018-08-05, 'row' or 'upload'",
        ),
        (["history", "--sync"], "--sync needs a folder. Name it with --from"),
        (["history", "--from", "nowhere"], "There is no folder nowhere"),
        (["history", "--from", __file__], f"{__file__} is not a folder"),
    ],
)
def test_a_wrong_argument_is_named(runs: Runs, arguments: list[str], message: str) -> None:
    result = call("dataset", *arguments)
    assert (result.exit_code, result.stderr) == (2, f"Error: {message}\n")
    assert runs.orders == []


def test_a_folder_without_files_is_reported(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    result = call("dataset", "history", "--from", str(tmp_path))
    assert (result.exit_code, result.stderr) == (2, f"Error: There are no files in {tmp_path}\n")


def test_a_run_that_broke_off_says_why_and_where_its_log_is(runs: Runs, folder: Path) -> None:
    runs.says = Progress("done", outcome=Outcome.BROKEN_OFF, error="S3 is gone")
    result = call("dataset", "history", "--from", str(folder))
    assert (result.exit_code, last_line(result)) == (
        3,
        "Error: The run was interrupted: S3 is gone. See the log: here",
    )


def test_a_run_that_ended_without_a_message_is_reported(runs: Runs, folder: Path) -> None:
    runs.silent = True
    result = call("dataset", "history", "--from", str(folder))
    assert (result.exit_code, last_line(result)) == (3, "Error: The run was interrupted. See the log: here")


def test_a_run_ends_with_the_command(runs: Runs, folder: Path) -> None:
    runs.silent = runs.interrupted = True
    assert call("dataset", "history", "--from", str(folder)).exit_code == 130
    assert runs.stopped == 1


def last_line(result: Result) -> str:
    return result.stderr.splitlines()[-1]


def test_where_the_stack_has_emr_serverless_the_run_is_there(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = dataset_run.new_order(stack, DATASET, {"as-of": "row"}, forced=False)
    client = boto3.client("emr-serverless")
    monkeypatch.setattr(type(stack.session), "client", lambda *_, **__: client)
    stack.outputs.update(SparkApplication="00f1", SparkRole="arn:aws:iam::123456789012:role/job")
    details = {"applicationId": "00f1", "jobRunId": "j1"}
    with Stubber(client) as emr:
        emr.add_response(
            "start_job_run",
            {**details, "arn": "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1/jobruns/j1"},
            {
                "applicationId": "00f1",
                "clientToken": order.run,
                "executionRoleArn": "arn:aws:iam::123456789012:role/job",
                "name": DATASET,
                "jobDriver": {
                    "sparkSubmit": {
                        "entryPoint": dataset_run.IMAGE_JOB,
                        "entryPointArguments": [order.to_json()],
                    }
                },
            },
        )
        for state in ("RUNNING", "FAILED", "FAILED"):
            emr.add_response("get_job_run", {"jobRun": job_run(state)}, details)
        emr.add_response("cancel_job_run", details, details)
        started = dataset_run.start(stack, order)
        assert [started.has_ended(), started.has_ended()] == [False, True]
        assert started.describe() == "Job run j1 of EMR Serverless is FAILED: out of luck"
        started.stop()
        emr.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        ([], "Spark is not installed. Install it: make .venv/.spark"),
        (["spark-submit"], "Spark needs Java 17, but there is no java on PATH. Install it."),
    ],
)
def test_missing_requirements_of_a_local_run_are_named(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str], message: str
) -> None:
    for name in installed:
        (tmp_path / name).touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(CommandError, match=re.escape(message)):
        dataset_run.start(stack, dataset_run.new_order(stack, DATASET, {"as-of": "row"}, forced=False))


def test_only_the_logs_of_the_last_runs_are_kept(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "spark-submit").touch()
    (tmp_path / "4566.log").touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(dataset_run, "LOGS", tmp_path)
    monkeypatch.setattr(dataset_run, "_environment", lambda _: {})
    monkeypatch.setattr(dataset_run, "start_supervised", lambda _command, log, _environment: log.touch())

    logs = []
    for _ in range(dataset_run.MAX_LOGS + 5):
        run = dataset_run.start(stack, dataset_run.new_order(stack, DATASET, {"as-of": "row"}, forced=False))
        assert isinstance(run, dataset_run.LocalRun)
        logs.append(run.log)

    assert {*tmp_path.glob("*.log")} == {tmp_path / "4566.log", *logs[-dataset_run.MAX_LOGS :]}


def job_run(state: str) -> dict[str, Any]:
    texts = ("applicationId", "jobRunId", "createdBy", "executionRole", "releaseLabel")
    arn = "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1/jobruns/j1"
    return {
        **dict.fromkeys(texts, "arn:aws:iam::123456789012:role/job"),
        "arn": arn,
        "createdAt": 0,
        "updatedAt": 0,
        "state": state,
        "stateDetails": "out of luck",
        "jobDriver": {"sparkSubmit": {"entryPoint": dataset_run.IMAGE_JOB}},
    }


def found(*arguments: str) -> tuple[int, Any]:
    result = call("verify", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def test_a_dataset_that_is_as_recorded_is_as_it_should_be(harness: StackHarness) -> None:
    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body("dirty"))
    count(harness)
    harness.ingest(harness.put("vouchers/china.parquet", body("china")))
    counters = sum(map(len, expected([CHINA, DIRTY]).values()))
    assert call("verify").stdout == (
        f"The table matches a fresh count; objects: 1, recorded datasets: 1, counters: {counters}\n"
    )


def test_a_problem_of_a_dataset_is_reported_with_its_remedy(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = "Count the dataset again: make dataset NAME=history"
    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body("dirty"))
    count(harness)

    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}b.parquet", Body=body("none"))
    assert found()[1]["problems"] == [{"source": DATASET, "problem": "has changed since it was counted"}]
    assert call("verify").stdout.endswith(f"{again}\n")

    for name in "ab":
        harness.s3.delete_object(Bucket=harness.uploads, Key=f"{DATASET}{name}.parquet")
    assert found()[1]["problems"] == [{"source": DATASET, "problem": "is counted, but its object is deleted"}]

    count(harness)
    assert found() == (
        0,
        {"objects": 0, "datasets": 0, "counters": 0, "failed": [], "problems": [], "differences": []},
    )

    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body("dirty"))
    count(harness)
    for key in harness.result_keys():
        harness.s3.delete_object(Bucket=harness.results, Key=key)
    assert found()[1]["problems"] == [{"source": DATASET, "problem": "lacks a result in the results bucket"}]
    count(harness, forced=True)
    other = load_definitions().segments[:1]
    monkeypatch.setattr(
        "voucher_selector.operations.recount.load_definitions", lambda: type(load_definitions())(other)
    )
    assert {p["problem"] for p in found()[1]["problems"]} == {"was counted with other segment definitions"}


def test_a_replay_sweeps_what_runs_left_behind(harness: StackHarness) -> None:
    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body("dirty"))
    count(harness)
    left = f"rejected/{DATASET}/00000001-broken/000000-1.parquet"
    harness.s3.put_object(Bucket=harness.results, Key=left)

    assert call("replay").stdout.endswith("Unreferenced results deleted: 1\n")

    assert left not in harness.result_keys()
    assert found()[0] == 0


def test_datasets_counted_inside_others_are_found_and_withdrawn(harness: StackHarness) -> None:
    contents = {"a/b/c": "china", "a/b": "dirty", "a": "peru", "ab": "peru", "a/b/d": "broken"}
    for name, content in contents.items():
        harness.s3.put_object(Bucket=harness.uploads, Key=f"datasets/{name}/1.parquet", Body=body(content))
        count(harness, f"datasets/{name}/")
    harness.s3.delete_object(Bucket=harness.uploads, Key="datasets/a/b/d/1.parquet")

    problem = "is inside another dataset, and its objects count twice"
    inner = [{"source": f"datasets/a/b/{name}", "problem": problem} for name in ("", "c/")]
    code, reported = found()
    assert (code, reported["differences"]) == (1, [])
    assert [found for found in reported["problems"] if found["problem"] == problem] == inner
    count(harness, "datasets/a/b/d/")
    advice = "Count these objects in the outer dataset only: make verify REPAIR=1\n"
    assert call("verify").stdout.endswith(advice)

    repaired = call("verify", "--repair")

    assert (repaired.exit_code, last_line(repaired)) == (0, "Datasets withdrawn: 2")
    assert harness.cells() == expected([PERU, PERU, DIRTY, CHINA])
    assert found()[0] == 0


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("format_", FORMATS)
def test_a_folder_that_is_a_table_is_uploaded_with_its_metadata(
    harness: StackHarness, tmp_path: Path, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "t")
    table.append([{**row, KIND: "old"} for row in DIRTY])
    table.overwrite([{**row, KIND: "new"} for row in PERU])
    for _ in range(2):
        result = call("dataset", "history", "--from", str(table.folder), "--as-of", "2026-11-22T12:00:00")
        assert result.exit_code == 0
        assert "Warning" not in result.stderr
    assert harness.cells() == expected([PERU])
    assert found()[0] == 0


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("format_", FORMATS)
def test_the_metadata_of_two_versions_are_not_mixed(
    harness: StackHarness, tmp_path: Path, format_: str
) -> None:
    old, new = FORMATS[format_](tmp_path / "old" / "t"), FORMATS[format_](tmp_path / "new" / "t")
    for _ in range(2):
        old.append([{**row, KIND: ""} for row in DIRTY])
    new.append([{**row, KIND: ""} for row in PERU])
    arguments = ["dataset", "history", "--as-of", "2026-11-22T12:00:00", "--from"]
    call(*arguments, str(old.folder))
    before = harness.s3.list_objects_v2(Bucket=harness.uploads)["Contents"]

    result = call(*arguments, str(new.folder))

    assert result.exit_code == 2
    message = rf"Error: \d metadata files of a table are not in {new.folder}: {DATASET}.*"
    assert re.fullmatch(rf"{message}\. To delete all objects that are not in it, add --sync\n", result.stderr)
    assert harness.s3.list_objects_v2(Bucket=harness.uploads)["Contents"] == before
    assert call(*arguments, str(new.folder), "--sync").exit_code == 0
    assert harness.cells() == expected([PERU])


@pytest.mark.usefixtures("runs")
def test_a_table_without_the_library_that_reads_it_is_named(
    harness: StackHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = FORMATS["Delta Lake"](tmp_path / "t")
    table.append([{**row, KIND: ""} for row in PERU])
    mirror(harness, table.folder, DATASET)
    count(harness)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    result = call("verify")
    message = f"{DATASET} contains a table, and deltalake is not installed. Install it: make .venv/.spark"
    assert (result.exit_code, last_line(result)) == (3, f"Error: {message}")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("format_", FORMATS)
def test_the_advice_for_a_file_of_a_table_counts_the_table(
    harness: StackHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "my table")
    table.append([{**row, KIND: ""} for row in PERU])
    mirror(harness, table.folder, "vouchers/my table/")
    (file,) = table.folder.rglob("*.parquet")
    record = harness.put(f"vouchers/my table/{file.relative_to(table.folder)}", file.read_bytes())
    with pytest.raises(IngestError) as failed:
        harness.ingest(record)
    advised = re.search(r"make dataset (.*) with the folder of the table", str(failed.value))
    refused = [call("upload", str(path)) for path in (table.folder, file)]
    monkeypatch.setenv("VOUCHER_SELECTOR_MAKE", "1")
    for text in (advised and advised[1], *(re.findall("make dataset (.*)", r.stderr)[0] for r in refused)):
        assert text
        given = dict(word.split("=", 1) for word in shlex.split(text))
        assert given["NAME"] == "my table"
        folder = str(table.folder) if given["FROM"] == "folder" else given["FROM"]
        result = call("dataset", given["NAME"], "--from", folder, "--as-of", "2026-11-22T12:00:00")
        assert (result.exit_code, harness.cells()) == (0, expected([PERU]))


@pytest.fixture
def uses(harness: StackHarness, tmp_path: Path) -> Path:
    """A folder of uses, whose files are objects of the dataset, too."""
    folder = tmp_path / "uses"
    for number, country in enumerate(("Peru", "PERU", "PERU")):
        days = [(country, "2020-01-01", f"2020-0{month}-15", "3", month % 2 + 1.0) for month in range(3, 8)]
        content = file_of([*sample_rows(*days, *days), *DIRTY, *PERU], row_group_size=4)
        file = folder / f"day={number}" / "uses.parquet"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        key = f"{DATASET}day={number}/uses.parquet"
        harness.s3.put_object(Bucket=harness.uploads, Key=key, Body=content)
    return folder


UNTIL = ("--train-until", "2020-05-01", "--json")


@pytest.mark.parametrize("as_of", ["row", "2020-04-01"])
def test_a_dataset_is_evaluated_as_its_files_are(
    harness: StackHarness, runs: Runs, uses: Path, monkeypatch: pytest.MonkeyPatch, as_of: str
) -> None:
    monkeypatch.setattr(listing, "MAX_PIECE_BYTES", 1 << 10)
    result = call("evaluate", "--dataset", "history", *UNTIL, "--as-of", as_of)

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document == json.loads(call("evaluate", str(uses), *UNTIL, "--as-of", as_of).stdout)
    assert (document["train_rows"], document["rejected_rows"], document["undated_rows"]) == (18, 6, 3)
    assert {found["country"] for found in document["results"]} == {"PERU"}
    assert (harness.cells(), harness.source(DATASET).state, harness.result_keys()) == ({}, None, [])
    assert Order.from_json(runs.orders[0].to_json()) == runs.orders[0]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_current_version_of_a_table_is_evaluated(
    harness: StackHarness, runs: Runs, tmp_path: Path, format_: str
) -> None:
    table = FORMATS[format_](tmp_path / "table", ["country_code"])
    table.append([{**row, KIND: str(n % 3)} for n, row in enumerate(PERU + CHINA + DIRTY + PERU)])
    table.delete("1")
    mirror(harness, table.folder, DATASET)
    kept = tmp_path / "kept.parquet"
    kept.write_bytes(file_of([{name: row[name] for name in PERU[0]} for row in table.rows]))

    result = call("evaluate", "--dataset", "history", "--train-until", "2020-06-01", "--json")

    assert runs.orders
    local = call("evaluate", str(kept), "--train-until", "2020-06-01", "--json")
    assert json.loads(result.stdout) == json.loads(local.stdout)


@pytest.mark.usefixtures("runs")
def test_an_evaluation_takes_the_names_of_columns_of_the_counts(harness: StackHarness, uses: Path) -> None:
    whole = json.loads(call("evaluate", str(uses), *UNTIL).stdout)
    for number, file in enumerate(sorted(uses.rglob("*.parquet"))):
        table = pq.read_table(file, partitioning=None)
        renamed = io.BytesIO()
        pq.write_table(table.rename_columns({"timestamp": "used"}), renamed)
        key = f"{DATASET}day={number}/uses.parquet"
        harness.s3.put_object(Bucket=harness.uploads, Key=key, Body=renamed.getvalue())

    untimed = call("evaluate", "--dataset", "history", *UNTIL)
    given = call("evaluate", "--dataset", "history", *UNTIL, "--columns", "timestamp=used")
    call("dataset", "history", "--columns", "timestamp=used", "--as-of", "row")
    counted = (harness.cells(), harness.source(DATASET).state)
    again = call("evaluate", "--dataset", "history", *UNTIL)

    assert (untimed.exit_code, untimed.stdout) == (1, "")
    assert last_line(untimed).startswith(
        "Error: 'datasets/history/' cannot be evaluated: 3 of its 3 objects cannot be counted; "
        "'datasets/history/day=0/uses.parquet': it has no column 'timestamp'; "
    )
    assert 'name that, such as with --columns "timestamp=used_at"' in last_line(untimed)
    assert json.loads(given.stdout) == json.loads(again.stdout) == whole
    assert (harness.cells(), harness.source(DATASET).state) == counted


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dataset", "histroy"], 2, "There are no objects under datasets/histroy/. Upload some: make data"),
        (["--dataset", ""], 2, "Invalid name of a dataset ''. Use a name such as history or history/2018."),
        (["--dataset", "history", "a.parquet"], 2, "Name FILE or --dataset, but not both."),
        (["--dataset", "broken"], 1, "'datasets/broken/' cannot be evaluated: 1 of its 1 objects cannot be"),
        (["--dataset", "undated"], 1, "Nothing can be evaluated: 2 of 3 rows are rejected, 1 have no time"),
        (["--dataset", "marker"], 3, "The run was interrupted: there are no objects to evaluate under "),
        (["--dataset", "early"], 2, "Invalid --train-until '2020-05-01': no use is from it on. "),
    ],
)
@pytest.mark.usefixtures("runs")
def test_a_dataset_that_cannot_be_evaluated_ends_in_its_sentence(
    harness: StackHarness, arguments: list[str], code: int, message: str
) -> None:
    undated = file_of([*DIRTY[:2], *PERU[2:]])
    bodies = {"broken": b"PAR1", "undated": undated, "early": file_of(CHINA), "marker": b""}
    for name, content in bodies.items():
        file = "_SUCCESS" if name == "marker" else "a.parquet"
        harness.s3.put_object(Bucket=harness.uploads, Key=f"datasets/{name}/{file}", Body=content)

    result = call("evaluate", *arguments, *UNTIL)

    assert (result.exit_code, result.stdout) == (code, "")
    assert last_line(result).startswith(f"Error: {message}")
    assert harness.result_keys() == []


@pytest.mark.usefixtures("uses")
def test_an_image_with_other_segments_evaluates_nothing(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "segments.toml"
    other.write_text(DEFINITIONS_FILE.read_text().replace("37", "36").replace("38", "37"))
    monkeypatch.setattr(evaluate, "load_definitions", lambda: load_definitions(other))

    result = call("evaluate", "--dataset", "history", *UNTIL)

    assert runs.orders
    problem = "the image of the Spark job has other segments than this command; build it again"
    message = f"Error: The run was interrupted: {problem}. See the log: here"
    assert (result.exit_code, last_line(result)) == (3, message)


@pytest.mark.usefixtures("runs", "uses")
def test_too_many_sums_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_USES", 5)
    result = call("evaluate", "--dataset", "history", *UNTIL)
    assert result.exit_code == 1
    assert last_line(result) == (
        "Error: 'datasets/history/' cannot be evaluated: it has more than 5 combinations of country, amount, "
        "month and ranges; is 'voucher_amount' an amount?"
    )
