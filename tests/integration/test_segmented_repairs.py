"""The commands `replay` and `verify` with segmented rows on, and after they are switched off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from click.testing import CliRunner

from ingest.storage.partition_names import TABLE
from tests.support.crash_injection import Crash, calls
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import body
from voucher_selector.cli import maintenance
from voucher_selector.cli.main import cli
from vouchers.segments import load_definitions

if TYPE_CHECKING:
    from tests.integration.conftest import Switch
    from tests.support.stack_harness import StackHarness
    from voucher_selector.stack import Deployed

KEY, OTHER = "vouchers/a b+ü.parquet", "vouchers/none.parquet"
NO_ROWS = "lacks segmented rows"
ROWS = "has segmented rows, but they are switched off"
MISLISTED = "has wrong partitions in the Glue catalog"
CUT_OFF = "has an unfinished commit"
LOST = "lacks a result in the results bucket"
GARBAGE = "is in the results bucket, but no source refers to it"


@pytest.fixture(autouse=True)
def stack(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    function = Lambda()

    def there() -> Deployed:
        return deployed(harness, function)

    monkeypatch.setattr(maintenance, "find_stack", there)


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def problems() -> list[tuple[str, str]]:
    _, found = run("verify")
    return [(difference["source"], difference["problem"]) for difference in found["problems"]]


def count_two(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, body("peru")), harness.put(OTHER, body("none")))


def is_well(harness: StackHarness) -> bool:
    return run("verify")[0] == 0 and harness.listed_cells(load_definitions()) == harness.cells()


def test_switched_on_a_replay_keeps_rows_and_switched_off_it_removes_them(
    harness: StackHarness, keep_rows: Switch
) -> None:
    count_two(harness)
    keep_rows(on=True)
    assert problems() == [(KEY, NO_ROWS)]
    assert run("replay")[1]["counted"] == 1
    assert is_well(harness)

    keep_rows(on=False)
    assert problems() == [(KEY, ROWS)]
    assert run("replay")[1]["swept"] == 1
    assert (problems(), harness.result_keys()) == ([], [])


def test_a_partition_that_was_changed_by_hand_is_found_and_put_right(
    harness: StackHarness, keep_rows: Switch
) -> None:
    keep_rows(on=True)
    count_two(harness)
    ((source, country),) = harness.listed()
    named = {"DatabaseName": harness.database, "TableName": TABLE}
    harness.glue.delete_partition(**named, PartitionValues=[source, country])
    assert problems() == [(KEY, MISLISTED)]

    assert run("replay")[1]["up_to_date"] == 2
    assert is_well(harness)


def test_rows_that_were_deleted_by_hand_are_found_and_written_anew(
    harness: StackHarness, keep_rows: Switch
) -> None:
    keep_rows(on=True)
    count_two(harness)
    for key in harness.result_keys():
        harness.s3.delete_object(Bucket=harness.results, Key=key)
    assert problems() == [(KEY, LOST)]

    run("replay", "--force")
    assert is_well(harness)


def test_rows_of_a_commit_that_never_came_are_swept(harness: StackHarness, keep_rows: Switch) -> None:
    keep_rows(on=True)
    count_two(harness)
    record = harness.put(KEY, body("china"))
    with calls() as made:
        harness.ingest(record)
    record = harness.put(KEY, body("peru"))
    at = made.made.index("TransactWriteItems")
    with pytest.raises(Crash), calls(at):
        harness.ingest(record)
    harness.ingest(record)

    ((garbage, problem),) = problems()
    assert (garbage.startswith(f"{TABLE}/vouchers/a%20b%2B%C3%BC.parquet/"), problem) == (True, GARBAGE)
    assert run("replay")[1]["swept"] == 1
    assert is_well(harness)


@pytest.mark.parametrize("deleted", [True, False])
def test_a_commit_that_is_missing_in_the_catalog_is_found_and_added(
    harness: StackHarness, keep_rows: Switch, deleted: bool
) -> None:
    keep_rows(on=True)
    count_two(harness)
    record = harness.delete(KEY) if deleted else harness.put(KEY, body("china"))
    with pytest.raises(Crash), calls(after="TransactWriteItems"):
        harness.ingest(record)
    assert problems() == [(KEY, CUT_OFF)]

    run("replay")
    assert harness.listed_cells(load_definitions()) == harness.cells()


def test_sources_with_long_names_are_distinguished(harness: StackHarness, keep_rows: Switch) -> None:
    keep_rows(on=True)
    harness.ingest(*(harness.put(f"vouchers/{'x' * 900}{n}.parquet", body("peru")) for n in range(2)))
    assert is_well(harness)
    assert len(harness.listed()) == 2
    assert boto3.client("glue").get_tables(DatabaseName=harness.database)["TableList"]
