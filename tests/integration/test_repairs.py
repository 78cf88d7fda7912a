"""The commands `replay`, `verify` and `redrive` against moto, with the ingest function in Lambda's place."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from click.testing import CliRunner

from ingest.commit import chunks, room
from ingest.counting.count_file import count_file
from ingest.handler import IngestError
from ingest.storage.s3_objects import find_object
from tests.support.crash_injection import Crash, calls
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import FILES, body, expected, file_of, sample_rows
from voucher_selector.cli import maintenance
from voucher_selector.cli.main import cli
from voucher_selector.errors import Exit
from voucher_selector.operations import invoke, recount
from voucher_selector.operations import redrive as redriving
from vouchers.dynamodb.segments_table import MAX_COUNTERS_IN_CORRECTION, SegmentsTable
from vouchers.dynamodb.sources_table import SourcesTable, Status, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.support.stack_harness import Cells, StackHarness
    from voucher_selector.stack import Deployed
    from vouchers.dynamodb.sources_table import Source, State

KEY, OTHER = "vouchers/a b+ü.parquet", "vouchers/2018/other.parquet"
CELL = {"country": {"S": "peru"}, "cell": {"S": "frequent_segment#0-4"}}
ONLY_ORDERS = '[orders]\nattribute = "total_orders"\nranges = [[0, 3]]\n'
REFUSED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "Invoke")
THROTTLED = ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "later"}}, "Invoke")


@pytest.fixture
def function() -> Lambda:
    return Lambda()


@pytest.fixture(autouse=True)
def stack(harness: StackHarness, function: Lambda, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    there = deployed(harness, function)
    monkeypatch.setattr(maintenance, "find_stack", lambda: there)
    monkeypatch.setattr(redriving, "WAIT_SECONDS", 0)
    monkeypatch.setattr(invoke, "SECONDS_BETWEEN_TRIES", 0)
    return there


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def run_json(*arguments: str) -> tuple[int, Any]:
    result = run(*arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def ingest(harness: StackHarness, record: dict[str, Any]) -> None:
    try:
        harness.ingest(record)
    except IngestError as error:
        assert "was not counted" in str(error)  # noqa: PT017 - a broken file fails, and that is all


def put(harness: StackHarness, key: str, name: str) -> None:
    ingest(harness, harness.put(key, body(name)))


def all_kinds(harness: StackHarness) -> None:
    for number, name in enumerate(["peru", "china", "dirty", "none", "broken"]):
        put(harness, f"vouchers/{number} {name}", name)
    harness.ingest(harness.delete("vouchers/1 china"))


def rewrite(harness: StackHarness, key: str, **changes: Any) -> None:
    """Change the source of an object."""
    source = harness.source(key)
    assert source.state
    write(harness, replace(source, state=replace(source.state, **changes)))


def write(harness: StackHarness, source: Source) -> None:
    read = harness.source(source.key)
    put = SourcesTable(harness.dynamodb, harness.sources).put_if_unchanged(read, source)
    harness.dynamodb.put_item(**put)


def state(harness: StackHarness, key: str) -> State:
    found = harness.source(key).state
    assert found
    return found


def differing(found: Any) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {
        (d["country"], d["cell"], d["counter"]): (d["in_table"], d["counted"]) for d in found["differences"]
    }


def problems(found: Any) -> list[tuple[str, str]]:
    return [(p["source"], p["problem"]) for p in found["problems"]]


def test_a_replay_counts_objects_without_an_event_and_nothing_twice(harness: StackHarness) -> None:
    put(harness, "vouchers/known", "china")
    put(harness, "vouchers/gone", "dirty")
    harness.put(KEY, body("peru"))
    harness.delete("vouchers/gone")

    first, second = run("replay"), run("replay")

    assert (first.exit_code, first.stdout) == (0, "1 counted, 1 deleted, 1 up to date\n")
    assert (second.exit_code, second.stdout) == (0, "2 up to date\n")
    assert harness.cells() == expected([FILES["peru"], FILES["china"]])


def test_a_replay_moves_every_source_to_new_definitions(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    put(harness, KEY, "peru")
    put(harness, OTHER, "china")
    redefine(ONLY_ORDERS)

    assert run_json("replay") == (0, _outcomes(counted=2))
    assert {cell for _, cell in harness.cells()} == {"orders#0-3", "#spellings"}


def test_a_forced_replay_counts_what_is_up_to_date(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    before = state(harness, KEY)

    assert run_json("replay", "--force") == (0, _outcomes(counted=1))
    assert state(harness, KEY).committed_at > before.committed_at
    assert harness.cells() == expected([FILES["peru"]])


@pytest.mark.parametrize("prefix", ["2018/", "vouchers/2018/", "/vouchers/2018/"])
def test_a_replay_of_a_prefix_leaves_the_others_alone(harness: StackHarness, prefix: str) -> None:
    put(harness, "vouchers/gone", "dirty")
    harness.delete("vouchers/gone")
    harness.put(KEY, body("china"))
    harness.put(OTHER, body("peru"))

    assert run_json("replay", prefix) == (0, _outcomes(counted=1))
    assert state(harness, OTHER).status is Status.COUNTED
    assert harness.source(KEY).state is None


def test_a_replay_without_work_says_that_there_is_none(function: Lambda) -> None:
    result = run("replay", "2017/")

    assert (result.exit_code, result.stdout) == (0, "There are no objects under vouchers/2017/\n")
    assert function.invoked == []


def test_a_file_that_fails_in_a_replay_is_named_and_the_others_are_counted(harness: StackHarness) -> None:
    harness.put("vouchers/bad", body("broken"))
    harness.put(KEY, body("peru"))

    result = run("replay")

    assert result.stdout.startswith("'vouchers/bad' was not counted: it cannot be read as Parquet")
    assert result.stdout.endswith("\n1 counted, 1 failed\n")
    assert (result.exit_code, result.stdout.count("\n")) == (1, 2)
    assert harness.cells() == expected([FILES["peru"]])
    assert run_json("replay")[1]["failed"][0]["source"] == "vouchers/bad"


def test_a_replay_finishes_a_commit_that_was_cut_off(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(harness, monkeypatch)
    whole = expected([FILES["peru"], FILES["china"]])
    assert harness.cells() != whole
    assert problems(run_json("verify")[1]) == [(KEY, "has an unfinished commit")]

    assert run_json("replay") == (0, _outcomes(up_to_date=2))
    assert harness.cells() == whole


def cut_off(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crash in the middle of a commit of several transactions."""
    monkeypatch.setattr(chunks, "MAX_CELLS", 2)
    put(harness, OTHER, "china")
    with calls() as made:
        put(harness, OTHER, "peru")
    middle = made.made.index("TransactWriteItems") + 2
    with pytest.raises(Crash), calls(middle):
        put(harness, KEY, "china")


def test_a_function_that_may_not_be_called_ends_a_replay_in_one_sentence(
    harness: StackHarness, function: Lambda
) -> None:
    harness.put(KEY, body("peru"))
    function.refusals = [REFUSED]

    result = run("replay")

    assert (result.exit_code, result.stderr) == (3, "Error: Invoke was refused: not you\n")


def test_a_call_that_breaks_off_fails_its_object_alone(harness: StackHarness, function: Lambda) -> None:
    harness.put(KEY, body("peru"))
    harness.put(OTHER, body("peru"))
    function.refusals = [ReadTimeoutError(endpoint_url="http://x")]

    code, found = run_json("replay")

    assert (code, found["counted"]) == (1, 1)
    assert [failed["error"] for failed in found["failed"]] == [
        "http://x sent no complete response. See the log: .stack/4566.log"
    ]


def test_a_call_for_which_there_is_no_room_yet_is_made_again(harness: StackHarness, function: Lambda) -> None:
    harness.put(KEY, body("peru"))
    function.refusals = [THROTTLED, THROTTLED]

    assert run_json("replay") == (0, _outcomes(counted=1))


def test_a_replay_deletes_from_the_results_what_nothing_refers_to(harness: StackHarness) -> None:
    put(harness, KEY, "dirty")
    put(harness, KEY, "dirty")
    content, revision = state(harness, KEY).objects, harness.source(KEY).revision
    garbage = [f"{folder}/{KEY}/{revision - 1:08d}-0.json" for folder in ("rejected", "contributions")]
    kept = [f"rejected/{KEY}/{revision + 1:08d}-0", "rejected/never/00000001-0", "rejected/of a person"]
    for key in (*garbage, *kept):
        harness.s3.put_object(Bucket=harness.results, Key=key)
    assert {source for source, _ in problems(run_json("verify")[1])} == set(garbage)

    assert run("replay").stdout.endswith("Unreferenced results deleted: 2\n")
    assert sorted(harness.result_keys()) == sorted([*kept, *content])
    assert run("verify").exit_code == 0


def test_of_a_folder_of_results_it_keeps_or_deletes_all(harness: StackHarness) -> None:
    put(harness, KEY, "dirty")
    revision = harness.source(KEY).revision
    gone, kept = (f"rejected/{KEY}/{revision + n:08d}-a/" for n in (0, 1))
    for folder in (gone, kept):
        for name in ("1.parquet", "country_code=Peru/2.parquet"):
            harness.s3.put_object(Bucket=harness.results, Key=folder + name)

    assert {source for source, _ in problems(run_json("verify")[1])} == {gone}
    assert run_json("replay") == (0, _outcomes(up_to_date=1, swept=1))
    assert {key for key in harness.result_keys() if "-a/" in key} == {
        f"{kept}1.parquet", f"{kept}country_code=Peru/2.parquet"
    }  # fmt: skip


def _outcomes(**numbers: int) -> dict[str, Any]:
    none = {"counted": 0, "up_to_date": 0, "deleted": 0, "replaced_meanwhile": 0, "failed": [], "swept": 0}
    return none | numbers


def test_a_correct_table_is_confirmed_in_one_line(harness: StackHarness) -> None:
    all_kinds(harness)
    harness.ingest(harness.delete("vouchers/4 broken"))

    result = run("verify")

    assert (result.exit_code, result.stdout) == (
        0,
        "The table matches a fresh count; objects: 3, counters: 6\n",
    )
    assert run_json("verify") == (
        0,
        {
            "objects": 3,
            "datasets": 0,
            "counters": sum(map(len, harness.cells().values())),
            "failed": [],
            "problems": [],
            "differences": [],
        },
    )


def test_files_that_rightly_count_for_nothing_are_named(harness: StackHarness) -> None:
    all_kinds(harness)
    key = "vouchers/4 broken"

    result = run("verify")
    code, found = run_json("verify")

    assert result.stdout.splitlines() == [
        str(state(harness, key).error),
        "The table matches a fresh count; objects: 4 (1 failed), counters: 6",
    ]
    assert (result.exit_code, code, found["problems"]) == (0, 0, [])
    assert found["failed"] == [{"source": key, "error": state(harness, key).error}]


def test_a_failed_file_whose_event_is_retried_has_not_changed(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = harness.put(KEY, body("broken"))
    ingest(harness, event)
    before = harness.source(KEY).revision
    meanwhile(monkeypatch, lambda: ingest(harness, event))

    code, found = run_json("verify")

    assert harness.source(KEY).revision > before
    assert (code, found["problems"], [failed["source"] for failed in found["failed"]]) == (0, [], [KEY])


@pytest.mark.parametrize("name", ["broken", "peru"])
def test_a_failed_file_that_another_one_replaces_meanwhile_has_changed(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put(harness, KEY, "broken")
    meanwhile(monkeypatch, lambda: put(harness, KEY, name))

    code, found = run_json("verify")

    assert (code, problems(found), found["failed"]) == (1, [(KEY, "changed during the verification")], [])


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Call ``happens`` once while the table is read."""
    counters, left = SegmentsTable.counters, [happens]

    def read(table: SegmentsTable) -> Any:
        with redirect_stdout(io.StringIO()):
            while left:
                left.pop()()
        return counters(table)

    monkeypatch.setattr(SegmentsTable, "counters", read)


def test_an_empty_bucket_is_what_an_empty_table_says() -> None:
    assert run("verify").stdout == "The table matches a fresh count; objects: 0, counters: 0\n"


def set_counter(harness: StackHarness, counter: str, number: int, **other: str) -> None:
    harness.dynamodb.update_item(
        TableName=harness.segments,
        Key=CELL | {name: {"S": value} for name, value in other.items()},
        UpdateExpression="SET #c = :n, #at = :at",
        ExpressionAttributeNames={"#c": counter, "#at": "updated_at"},
        ExpressionAttributeValues={":n": {"N": str(number)}, ":at": {"S": "now"}},
    )


def delete_item(harness: StackHarness) -> None:
    harness.dynamodb.delete_item(TableName=harness.segments, Key=CELL)


CHANGES: dict[str, tuple[Callable[[StackHarness], None], dict[tuple[str, str, str], tuple[int, int]]]] = {
    "a counter": (
        lambda harness: set_counter(harness, "2640", 7),
        {("peru", "frequent_segment#0-4", "2640"): (7, 1)},
    ),
    "a counter that nothing counts": (
        lambda harness: set_counter(harness, "9", 7),
        {("peru", "frequent_segment#0-4", "9"): (7, 0)},
    ),
    "a spelling": (
        lambda harness: set_counter(harness, "as:PERU", 0, cell="#spellings"),
        {("peru", "#spellings", "PERU"): (0, 1)},
    ),
    "an item": (
        delete_item,
        {
            ("peru", "frequent_segment#0-4", "2640"): (0, 1),
            ("peru", "frequent_segment#0-4", "0"): (0, 1),
        },
    ),
    "a country": (
        lambda harness: set_counter(harness, "5", 3, country="[b]atlantis"),
        {("[b]atlantis", "frequent_segment#0-4", "5"): (3, 0)},
    ),
}


@pytest.mark.parametrize(("change", "expected_differences"), CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_by_hand_is_found_and_set_right(
    harness: StackHarness,
    change: Callable[[StackHarness], None],
    expected_differences: dict[tuple[str, str, str], tuple[int, int]],
) -> None:
    put(harness, KEY, "peru")
    change(harness)

    code, found = run_json("verify")
    assert (code, differing(found), found["problems"]) == (1, expected_differences, [])
    assert run("replay", "--force").exit_code == 0
    assert run_json("verify")[1]["differences"] == found["differences"]

    mended = run("verify", "--repair")
    assert mended.exit_code == 0
    assert mended.stderr.endswith(f"Counters repaired: {len(expected_differences)}\n")
    assert harness.cells() == expected([FILES["peru"]])
    assert run("verify").exit_code == 0


def test_differences_are_a_table_for_a_person(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    set_counter(harness, "2640", 7000)

    result = run("verify")

    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows == [["peru", "frequent_segment#0-4", "2640", "7,000", "1"]]
    assert result.stdout.endswith("differences: 1, problems: 0. Repair the table: make verify REPAIR=1\n")


def test_a_table_that_was_emptied_is_filled_from_the_bucket(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "MAX_SHOWN", 2)
    put(harness, KEY, "china")
    before = harness.cells()
    for country, cell in before:
        harness.dynamodb.delete_item(
            TableName=harness.segments, Key={"country": {"S": country}, "cell": {"S": cell}}
        )

    result = run("verify", "--repair")

    assert "and 4 more; --json prints all" in result.stdout
    assert harness.cells() == before


def test_a_counter_is_not_set_right_if_it_has_changed_since_it_was_read(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    table = SegmentsTable(harness.dynamodb, harness.segments)
    cell = next(cell for cell in table.counters() if cell.name == CELL["cell"]["S"])

    assert not table.correct(cell, {"2640": 1, "0": 0}, {"2640": 5, "0": 5}, "now")
    assert not table.correct(cell, {"2640": 2}, {"2640": 5}, "now")
    assert harness.cells() == expected([FILES["peru"]])
    assert table.correct(cell, {"2640": 1, "7": 0}, {"2640": 5, "7": 6}, "now")
    assert harness.cells()["peru", cell.name] == {"0": 1, "2640": 5, "7": 6}


def test_as_many_counters_as_one_correction_names_fit_it(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    table = SegmentsTable(harness.dynamodb, harness.segments)
    cell = next(cell for cell in table.counters() if cell.name == CELL["cell"]["S"])
    names = [str(1000 + n) for n in range(MAX_COUNTERS_IN_CORRECTION)]

    assert table.correct(cell, dict.fromkeys(names, 0), dict.fromkeys(names, 9), "now")
    assert harness.cells()["peru", cell.name] == {"0": 1, "2640": 1, **dict.fromkeys(names, 9)}


def test_objects_and_deletions_without_an_event_are_named(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    put(harness, OTHER, "china")
    harness.delete(OTHER)
    harness.put("vouchers/new", body("peru"))
    harness.put(KEY, body("dirty"))

    code, found = run_json("verify")

    assert (code, problems(found)) == (
        1,
        [
            (KEY, "is not counted yet"),
            ("vouchers/new", "is not counted yet"),
            (OTHER, "is counted, but its object is deleted"),
        ],
    )
    assert differing(found)["china", "#spellings", "China"] == (20, 0)
    assert differing(found)["peru", "#spellings", "Peru"] == (2, 3)
    assert run("replay").exit_code == 0
    assert run("verify").exit_code == 0


def test_nothing_is_set_right_while_sources_are_wrong(harness: StackHarness) -> None:
    put(harness, KEY, "peru")
    set_counter(harness, "2640", 7)
    harness.put(OTHER, body("china"))
    before = harness.cells()

    result = run("verify", "--repair")

    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Error: Nothing was repaired: some sources are inconsistent, not only the table. "
        "Re-count the stale objects: make replay\n"
    )
    assert harness.cells() == before


def test_sources_counted_by_other_definitions_are_named(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    redefine(ONLY_ORDERS)
    put(harness, KEY, "peru")

    code, found = run_json("verify")

    assert (code, problems(found)) == (
        1,
        [(KEY, "was counted with other segment definitions")],
    )
    assert ("peru", "orders#0-3", "2640") in differing(found)


def claim_other_counts(harness: StackHarness) -> None:
    rewrite(harness, KEY, contribution=encode({}))


def lose_rejected_rows(harness: StackHarness) -> None:
    put(harness, KEY, "dirty")
    harness.s3.delete_object(Bucket=harness.results, Key=state(harness, KEY).rejected_object)


def claim_failure(harness: StackHarness) -> None:
    rewrite(harness, KEY, status=Status.FAILED)


def claim_success(harness: StackHarness) -> None:
    put(harness, KEY, "broken")
    rewrite(harness, KEY, status=Status.COUNTED)


MISTAKES: dict[str, tuple[Callable[[StackHarness], None], str]] = {
    "other counts": (claim_other_counts, "is recorded with wrong counts"),
    "rejected rows lost": (lose_rejected_rows, "lacks a result in the results bucket"),
    "counted, said to have failed": (claim_failure, "is recorded as failed, but can be counted"),
    "failed, said to be counted": (claim_success, "is recorded as counted, but cannot be counted"),
}


@pytest.mark.parametrize(("change", "problem"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_source_whose_record_is_wrong_is_named_and_mended(
    harness: StackHarness, change: Callable[[StackHarness], None], problem: str
) -> None:
    put(harness, KEY, "peru")
    change(harness)

    code, found = run_json("verify")
    assert (code, problems(found), found["differences"]) == (1, [(KEY, problem)], [])
    run("replay", "--force")
    run("verify", "--repair")
    assert run("verify").exit_code == 0


def test_a_source_that_was_forgotten_is_counted_again_and_then_set_right(harness: StackHarness) -> None:
    put(harness, KEY, "china")
    before = harness.cells()
    harness.dynamodb.delete_item(TableName=harness.sources, Key={"source": {"S": KEY}})

    assert problems(run_json("verify")[1]) == [(KEY, "is not counted yet")]
    assert run("replay").exit_code == 0
    assert harness.cells() == {
        cell: {n: 2 * c for n, c in content.items()} for cell, content in before.items()
    }
    assert run("verify", "--repair").exit_code == 0
    assert harness.cells() == before


def test_a_file_with_too_many_rows_failed_rightly_until_more_are_allowed(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_ROWS_PER_FILE", "1")
    put(harness, KEY, "peru")
    assert run("verify").exit_code == 0

    monkeypatch.setenv("MAX_ROWS_PER_FILE", "")
    assert problems(run_json("verify")[1]) == [(KEY, "is recorded as failed, but can be counted")]


def test_a_file_without_room_is_countable_after_counters_fall_to_zero(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_CELL_BYTES", 4_000)
    names = [f"1.{n + 10**15}" for n in range(100)]
    fill = partial(harness.dynamodb.put_item, TableName=harness.segments)
    fill(Item=CELL | {name: {"N": "1"} for name in names})
    rows = sample_rows(*(("Peru", None, None, "1", float(n)) for n in range(1, 202)))
    record = harness.put(KEY, file_of(rows))
    with pytest.raises(IngestError, match="cannot hold its counts"):
        harness.ingest(record)
    assert problems(run_json("verify")[1]) == []

    fill(Item=CELL | {name: {"N": "0"} for name in names})
    assert problems(run_json("verify")[1]) == [(KEY, "is recorded as failed, but can be counted")]


def test_a_wrong_setting_of_the_function_is_named(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(harness, KEY, "peru")
    monkeypatch.setenv("COLUMN_NAMES", "land")

    result = run("verify")

    assert result.exit_code == Exit.STACK
    assert "Error: In the function ingest, COLUMN_NAMES is 'land'; set it to pairs such as" in result.stderr


def test_the_as_of_date_is_the_one_that_is_recorded(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(harness, KEY, "peru")
    ingest(harness, harness.put(OTHER, body("peru"), as_of="row"))
    monkeypatch.setenv("RECENCY_AS_OF", "2020-02-15")

    assert run("verify").exit_code == 0


@pytest.mark.parametrize(
    ("rule", "metadata"), [("2020-02-15", {}), ("row", {"as_of": "2020-02-15"}), ("row", {"as_of": "never"})]
)
def test_an_unrecorded_object_is_counted_by_its_own_or_the_stacks_date(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch, rule: str, metadata: dict[str, str]
) -> None:
    harness.put(KEY, body("peru"), **metadata)
    monkeypatch.setenv("RECENCY_AS_OF", rule)

    found = run_json("verify")[1]

    counted = ("peru", "recency_segment#30-60", "2640") in differing(found)
    assert (problems(found), counted) == ([(KEY, "is not counted yet")], metadata != {"as_of": "never"})


def test_an_upload_during_the_check_is_reported_and_nothing_is_repaired(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(harness, KEY, "peru")

    def upload_first(*arguments: Any) -> Any:
        monkeypatch.setattr(recount, "count_file", count_file)
        put(harness, OTHER, "china")
        return count_file(*arguments)

    monkeypatch.setattr(recount, "count_file", upload_first)
    before: Cells = expected([FILES["peru"], FILES["china"]])

    result = run("verify", "--repair")

    assert f"{OTHER} changed during the verification\n" in result.stdout
    assert (result.exit_code, harness.cells()) == (1, before)
    assert "Verify again while nothing is uploaded." in result.stderr


def test_an_object_replaced_during_its_count_is_reported_once(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(harness, KEY, "peru")

    def replace_then(*arguments: Any) -> Any:
        found = find_object(*arguments)
        monkeypatch.setattr(recount, "find_object", find_object)
        with redirect_stdout(io.StringIO()):
            put(harness, KEY, "china")
        return found

    monkeypatch.setattr(recount, "find_object", replace_then)

    assert problems(run_json("verify")[1]) == [(KEY, "changed during the verification")]


def fail(stack: Deployed, record: dict[str, Any]) -> None:
    """Send Lambda's message about a failed event to the queue."""
    failure = {
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"Records": [record]},
        "responsePayload": {"errorMessage": "…", "errorType": "IngestError"},
    }
    send(stack, json.dumps(failure))


def send(stack: Deployed, message: str) -> None:
    boto3.client("sqs").send_message(QueueUrl=stack.outputs["FailedEventsQueue"], MessageBody=message)


def left(stack: Deployed) -> int:
    names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["FailedEventsQueue"], AttributeNames=names
    )["Attributes"]
    assert found[names[1]] == "0", "a message is still hidden"
    return int(found[names[0]])


def test_an_empty_queue_is_reported(function: Lambda) -> None:
    result = run("redrive")

    assert (result.exit_code, result.stdout) == (0, "There are no failed events\n")
    assert function.invoked == []


def test_an_event_that_failed_for_a_reason_of_the_past_is_applied(
    harness: StackHarness, stack: Deployed
) -> None:
    fail(stack, harness.put(KEY, body("peru")))

    assert run_json("redrive") == (
        0,
        {"redriven": [{"sources": [KEY], "outcomes": ["counted"]}], "failed": []},
    )
    assert (left(stack), harness.cells()) == (0, expected([FILES["peru"]]))


def test_an_event_that_eventbridge_could_not_deliver_is_applied(
    harness: StackHarness, stack: Deployed
) -> None:
    record = harness.put(KEY, body("peru"))
    bucket, object_ = record["s3"]["bucket"], record["s3"]["object"]
    detail = {"bucket": bucket, "object": {"key": KEY, "etag": object_["eTag"]}}
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": record["eventTime"],
        "detail": detail,
    }
    send(stack, json.dumps(event))

    assert run_json("redrive")[1] == {"redriven": [{"sources": [KEY], "outcomes": ["counted"]}], "failed": []}
    assert (left(stack), harness.cells()) == (0, expected([FILES["peru"]]))


def good_file(harness: StackHarness, _: str) -> None:
    put(harness, KEY, "peru")


def deletion(harness: StackHarness, _: str) -> None:
    harness.ingest(harness.delete(KEY))


def good_version(harness: StackHarness, version: str) -> None:
    harness.put(KEY, body("peru"))
    harness.delete_version(KEY, version)


@pytest.mark.parametrize(
    ("mend", "outcome"), [(good_file, "late"), (deletion, "late"), (good_version, "superseded")]
)
def test_an_event_whose_file_has_been_mended_meanwhile_leaves_the_queue(
    harness: StackHarness, stack: Deployed, mend: Callable[[StackHarness, str], None], outcome: str
) -> None:
    bad = harness.put(KEY, body("broken"))
    ingest(harness, bad)
    fail(stack, bad)
    mend(harness, bad["s3"]["object"]["versionId"])
    before = harness.cells()

    assert run_json("redrive") == (
        0,
        {"redriven": [{"sources": [KEY], "outcomes": [outcome]}], "failed": []},
    )
    assert (left(stack), harness.cells()) == (0, before)


def test_the_outcome_of_a_failed_event_is_printed_in_words(harness: StackHarness, stack: Deployed) -> None:
    bad = harness.put(KEY, body("broken"))
    fail(stack, bad)
    put(harness, KEY, "peru")

    assert run("redrive").stdout == (f"{KEY}: superseded by a newer event\nSucceeded: 1, failed again: 0\n")


def test_an_event_that_fails_again_stays_in_the_queue_and_is_tried_once(
    harness: StackHarness, stack: Deployed, function: Lambda
) -> None:
    for number in range(6):
        fail(stack, harness.put(f"vouchers/bad {number}", body("broken")))
    fail(stack, harness.put(KEY, body("peru")))

    result = run("redrive")

    assert (result.exit_code, len(function.invoked)) == (1, 7)
    assert result.stdout.count(" was not counted: it cannot be read as Parquet") == 6
    assert result.stdout.endswith("\nSucceeded: 1, failed again: 6\n")
    assert left(stack) == 6


def test_events_that_come_back_do_not_hide_those_that_were_not_tried_yet(
    harness: StackHarness, stack: Deployed, function: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(invoke.MAX_CONCURRENCY):
        fail(stack, harness.put(f"vouchers/bad {number}", body("broken")))
    fail(stack, harness.put(KEY, body("peru")))
    real, received = redriving.receive, list[list[Any]]()

    def coming_back(*queue: Any) -> list[Any]:
        received.append(received[0] if len(received) == 1 else real(*queue))
        return received[-1]

    monkeypatch.setattr(redriving, "receive", coming_back)

    assert run("redrive").stdout.endswith("\nSucceeded: 1, failed again: 4\n")
    assert len(function.invoked) == invoke.MAX_CONCURRENCY + 1


@pytest.mark.parametrize("message", ["hello", "[]", "{}", '{"requestPayload": {"Records": [{}]}}'])
def test_a_message_that_is_no_failed_event_stays_in_the_queue(
    stack: Deployed, function: Lambda, message: str
) -> None:
    send(stack, message)

    code, found = run_json("redrive")

    assert (code, left(stack), function.invoked) == (1, 1, [])
    assert found["failed"][0]["error"] == f"A message is not the record of a failed event: {message}"


def test_events_stay_in_the_queue_when_the_function_may_not_be_called(
    harness: StackHarness, stack: Deployed, function: Lambda
) -> None:
    fail(stack, harness.put(KEY, body("peru")))
    function.refusals = [REFUSED]

    result = run("redrive")

    assert (result.exit_code, result.stderr) == (3, "Error: Invoke was refused: not you\n")
    assert left(stack) == 1


def test_a_repair_removes_the_counters_that_fell_to_zero(harness: StackHarness) -> None:
    for name in ("peru", "china"):
        put(harness, KEY, name)
    assert any(0 in counters.values() for counters in harness.counters().values())
    assert run("verify", "--repair").exit_code == 0
    assert not any(0 in counters.values() for counters in harness.counters().values())
    assert harness.cells() == expected([FILES["china"]])
    harness.ingest(harness.put(KEY, body("peru")))
    assert harness.cells() == expected([FILES["peru"]])
