"""The commands `sources`, `rejected` and `delete` on moto, with the ingest function in this process."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.s3.models import s3_backends
from rich.console import Console

from ingest.handler import IngestError
from tests.support.datasets import DATASET, count_here, order
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import body
from voucher_selector.cli import screen, sources
from voucher_selector.cli.main import cli
from voucher_selector.operations import upload as uploading
from voucher_selector.spark_job.run import run

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.stack_harness import StackHarness

COUNTED = ["vouchers/2017/a.parquet", "vouchers/2018/b.parquet", "vouchers/2018/c.parquet"]
FAILED = "vouchers/2018/d.parquet"


@pytest.fixture(autouse=True)
def harness(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> StackHarness:
    """Three counted files and one that failed."""
    there = deployed(harness, Lambda())
    monkeypatch.setattr(sources, "find_stack", lambda: there)
    monkeypatch.setattr(screen, "out", Console(width=200, highlight=False))
    monkeypatch.setattr(uploading, "sleep", lambda _: harness.deliver())
    for key in COUNTED:
        harness.ingest(harness.put(key, body("dirty")))
    with suppress(IngestError):
        harness.ingest(harness.put(FAILED, body("broken")))
    return harness


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def listed(*arguments: str) -> list[str]:
    return [
        source["source"] for source in json.loads(call("sources", *arguments, "--json").stdout)["sources"]
    ]


def test_sources_are_listed_with_their_rows_and_errors() -> None:
    result = call("sources")

    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in result.stdout.splitlines()]
    as_of = "2026-11-22T12:00:00"
    assert [row for row in rows if row] == [
        *([key, "counted", as_of, "3", "2"] for key in COUNTED),
        [FAILED, "failed", as_of, "", ""],
    ]
    assert f"'{FAILED}' was not counted: it cannot be read as Parquet" in result.stdout.splitlines()[-1]
    assert result.exit_code == 0


def test_sources_are_filtered_by_status_and_prefix(harness: StackHarness) -> None:
    harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}a.parquet", Body=body("peru"))
    run(order(harness), count_here)
    harness.ingest(harness.delete(COUNTED[0]))

    assert listed() == [DATASET, *COUNTED[1:], FAILED]
    assert listed("2018/") == listed("vouchers/2018/") == [*COUNTED[1:], FAILED]
    assert listed("datasets/") == [DATASET]
    assert listed("--status", "failed") == [FAILED]
    assert listed("2018/", "--status", "counted") == COUNTED[1:]
    assert listed("--status", "deleted") == [COUNTED[0]]


def test_the_json_of_a_source_is_that_of_its_upload() -> None:
    document = json.loads(call("sources", "2018/d", "--json").stdout)["sources"][0]
    assert (document["status"], document["report"], document["rejected_rows"]) == ("failed", {}, None)
    assert document["error"].startswith(f"'{FAILED}' was not counted")


@pytest.mark.parametrize(
    ("arguments", "line"), [(["2019/"], "There are no sources under 2019/"), ([], "There are no sources")]
)
def test_no_sources_are_no_error(harness: StackHarness, arguments: list[str], line: str) -> None:
    for key in [*COUNTED, FAILED]:
        harness.ingest(harness.delete(key))

    result = call("sources", *arguments)

    assert (result.stdout, result.exit_code) == (f"{line}\n", 0)


def test_a_deleted_object_is_counted_no_longer(harness: StackHarness) -> None:
    result = call("delete", "2017/a.parquet", "vouchers/2018/d.parquet", "--json")

    assert json.loads(result.stdout) == {"deleted": [COUNTED[0], FAILED]}
    assert [harness.source(key).is_gone for key in [*COUNTED, FAILED]] == [True, False, False, True]
    assert result.exit_code == 0


def test_a_folder_is_deleted_by_its_name_with_a_slash(harness: StackHarness) -> None:
    result = call("delete", "2018/")

    assert [harness.source(key).is_gone for key in [*COUNTED, FAILED]] == [False, True, True, True]
    assert result.stderr.count("Deleted: vouchers/2018/") == 3


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("2018", "There is no object vouchers/2018"),
        ("2019/", "There are no objects under vouchers/2019/"),
        ("datasets/history/", "There are no objects under vouchers/datasets/history/"),
    ],
)
def test_nothing_is_deleted_if_one_name_is_wrong(harness: StackHarness, name: str, sentence: str) -> None:
    result = call("delete", "2017/a.parquet", name)

    assert (result.stderr, result.exit_code) == (f"Error: {sentence}\n", 1)
    assert not harness.source(COUNTED[0]).is_gone


def test_an_object_that_stays_counted_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 400))
    monkeypatch.setattr(uploading, "monotonic", lambda: next(clock))
    monkeypatch.setattr(uploading, "sleep", lambda _: None)

    result = call("delete", "2017/a.parquet")

    assert (
        "vouchers/2017/a.parquet was deleted but is still counted after 900 s. See the log" in result.stderr
    )
    assert result.exit_code == 3


def test_objects_expire_by_their_age(harness: StackHarness) -> None:
    harness.s3.put_object(Bucket=harness.uploads, Key="other/a.parquet", Body=body("peru"))
    objects = s3_backends[ACCOUNT_ID]["aws"].buckets[harness.uploads].keys
    for key, days in zip([*COUNTED, FAILED, "other/a.parquet"], (91, 90, 89, 1, 91), strict=True):
        objects[key].last_modified -= timedelta(days=days)

    assert call("expire", "--older-than", "92d").stdout == "Expired objects: 0\n"
    assert call("expire", "--older-than", "99999d").stdout == "Expired objects: 0\n"
    assert json.loads(call("expire", "--older-than", "90d", "--json").stdout) == {"deleted": COUNTED[:2]}
    assert [harness.source(key).is_gone for key in [*COUNTED, FAILED]] == [True, True, False, False]


def test_objects_on_aws_do_not_expire_by_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "aws")

    result = call("expire", "--older-than", "0s")

    assert result.stderr == (
        "Error: On AWS, S3 expires objects. Set the stack parameter UploadsExpireAfterDays\n"
    )
    assert result.exit_code != 0


def rejected(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("rejected", *arguments, "--json").stdout)
    return found


def test_rejected_rows_are_printed_with_their_reasons_and_values() -> None:
    result = call("rejected", "2017/a.parquet")

    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in result.stdout.splitlines()]
    assert [row for row in rows if row] == [
        ["0", "country_code_missing", "", "2020-01-01", "1", "1"],
        ["1", "total_orders_negative", "Peru", "2020-01-01", "-1", "2640"],
    ]
    assert result.stdout.splitlines()[-1] == f"Rejected rows of {COUNTED[0]}: 2"


def test_rejected_rows_are_limited() -> None:
    few, none = (
        call("rejected", "2017/a.parquet", "--limit", "1"),
        call("rejected", COUNTED[0], "--limit", "0"),
    )

    assert few.stdout.splitlines()[-1] == f"Rejected rows of {COUNTED[0]}: 2, of which 1 are not shown"
    assert none.stdout == f"Rejected rows of {COUNTED[0]}: 2, of which 2 are not shown\n"
    document = rejected("2017/a.parquet", "--limit", "1")
    assert (document["source"], document["rejected"]) == (COUNTED[0], 2)
    assert [row["row"] for row in document["rows"]] == [0]


def test_the_rejected_rows_of_a_dataset_name_their_objects(harness: StackHarness) -> None:
    for name in "ab":
        harness.s3.put_object(Bucket=harness.uploads, Key=f"{DATASET}{name}.parquet", Body=body("dirty"))
    run(order(harness), count_here)

    rows = rejected(DATASET)["rows"]
    report = json.loads(call("sources", DATASET, "--json").stdout)["sources"][0]["report"]

    objects = [f"{DATASET}{name}.parquet" for name in "ab"]
    assert [(row["object"], row["row"]) for row in rows] == [(key, n) for key in objects for n in (0, 1)]
    assert report["rejected_examples"] == {
        "country_code_missing": [{"row": 0, "value": None, "object": key} for key in objects],
        "total_orders_negative": [{"row": 1, "value": "-1", "object": key} for key in objects],
    }


def test_a_source_without_rejected_rows_has_none(harness: StackHarness) -> None:
    harness.ingest(harness.put("vouchers/clean.parquet", body("peru")))

    result = call("rejected", "clean.parquet")

    assert (result.stdout, result.exit_code) == ("Rejected rows of vouchers/clean.parquet: 0\n", 0)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("2018/d.parquet", f"'{FAILED}' was not counted: "), ("none", "There is no source vouchers/none\n")],
)
def test_rejected_rows_need_a_source_that_is_counted(key: str, sentence: str) -> None:
    result = call("rejected", key)

    assert result.stderr.startswith(f"Error: {sentence}")
    assert result.exit_code == 1
