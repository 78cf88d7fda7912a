from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from ingest import handler
from ingest.handler import IngestError
from tests.support.sample_files import PERU, expected, file_of
from tests.support.stack_harness import StackHarness, parquet
from tests.support.traced_calls import traced_calls
from voucher_selector.local_stack.ports import free_port
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "vouchers/2018 ü+.parquet"


DIRT = [
    PERU[0] | change
    for change in (
        {"country_code": None},
        {"last_order_ts": "yesterday"},
        {"total_orders": "many"},
        {"total_orders": "-1"},
        {"voucher_amount": float("inf")},
        {"voucher_amount": -1.0},
        {"country_code": "P" * 1001},
    )
]


def test_an_upload_is_counted(harness: StackHarness) -> None:
    assert harness.ingest(harness.put(KEY, file_of(PERU))) == ["counted"]
    assert harness.cells() == expected([PERU])
    assert harness.cells()["peru", "#spellings"] == {"as:Peru": 2, "as:PERU": 1}
    state = harness.source(KEY).state
    assert state is not None
    assert state.status is Status.COUNTED
    assert state.report["rows"] == state.report["counted"] == 3
    assert state.report["repaired"] == {"total_orders_empty": 1, "voucher_amount_null": 1}
    assert state.report["segments"]["recency_segment"] == {"counted": 3, "unsegmented": 1}
    assert state.report["segments"]["frequent_segment"] == {"counted": 3, "unsegmented": 1}
    assert harness.result_keys() == []


def test_an_event_enters_the_committer_at_most_four_times(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    record = harness.put(KEY, file_of(PERU[:1]))
    committer = "ingest/commit/committer.py"
    entries = [
        call
        for call in traced_calls(lambda: harness.ingest(record))
        if call.module == committer != call.caller
    ]
    assert 2 <= len(entries) <= 4


def example(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what `sam local generate-event s3` makes for the object of a record."""
    thing = {"key": record["s3"]["object"]["key"], "size": 1024, "sequencer": "0A1B2C3D4E5F678901"}
    if name.startswith("ObjectCreated"):
        thing["eTag"] = "0123456789abcdef0123456789abcdef"
    s3 = record["s3"] | {"object": thing}
    return record | {"eventName": name, "eventTime": "1970-01-01T00:00:00.000Z", "s3": s3}


def test_an_example_event_of_aws_counts_the_object_that_is_there(harness: StackHarness) -> None:
    put = harness.put(KEY, file_of(PERU))
    for _ in range(2):
        assert harness.ingest(example(put, "ObjectCreated:Put")) == ["counted"]
        assert harness.cells() == expected([PERU])


def test_an_example_event_of_aws_overtakes_no_real_one(harness: StackHarness) -> None:
    put = harness.put(KEY, file_of(PERU))
    for name in ("ObjectRemoved:Delete", "ObjectCreated:Put"):
        harness.ingest(example(put, name))
    assert harness.ingest(harness.put(KEY, file_of(PERU[:1]))) == ["counted"]
    assert harness.cells() == expected([PERU[:1]])
    assert harness.ingest(harness.delete(KEY)) == ["deleted"]
    assert harness.ingest(example(put, "ObjectCreated:Put")) == ["deleted"]
    assert harness.cells() == {}


def test_several_objects_add_up(harness: StackHarness) -> None:
    records = [harness.put(f"vouchers/{i}.parquet", file_of(PERU)) for i in range(3)]
    assert harness.ingest(*records) == ["counted"] * 3
    assert harness.cells() == expected([PERU] * 3)


def test_the_same_event_twice_counts_once(harness: StackHarness) -> None:
    record = harness.put(KEY, file_of(PERU))
    assert harness.ingest(record, record) == ["counted", "duplicate"]
    assert harness.ingest(record) == ["duplicate"]
    assert harness.cells() == expected([PERU])


def test_an_overwrite_replaces_what_the_object_contributed(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    harness.ingest(harness.put(KEY, file_of(PERU[:1])))
    assert harness.cells() == expected([PERU[:1]])


def test_a_late_event_changes_nothing(harness: StackHarness) -> None:
    first, second = harness.put(KEY, file_of(PERU)), harness.put(KEY, file_of(PERU[:1]))
    assert harness.ingest(second, first) == ["counted", "late"]
    assert harness.cells() == expected([PERU[:1]])


def test_a_deletion_takes_the_counts_away(harness: StackHarness) -> None:
    created = harness.put(KEY, file_of(PERU))
    harness.ingest(created)
    assert harness.ingest(harness.delete(KEY)) == ["deleted"]
    assert harness.cells() == {}
    assert harness.ingest(created) == ["late"]
    assert harness.cells() == {}


def test_a_creation_that_comes_after_its_deletion_changes_nothing(harness: StackHarness) -> None:
    created, deleted = harness.put(KEY, file_of(PERU)), harness.delete(KEY)
    assert harness.ingest(deleted, created) == ["deleted", "late"]
    assert harness.cells() == {}


def test_an_object_can_come_back_after_its_deletion(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)), harness.delete(KEY))
    assert harness.ingest(harness.put(KEY, file_of(PERU[:1]))) == ["counted"]
    assert harness.cells() == expected([PERU[:1]])


def test_an_event_of_a_replaced_object_leaves_the_count_to_the_newer_event(
    harness: StackHarness,
) -> None:
    first, second = harness.put(KEY, file_of(PERU)), harness.put(KEY, file_of(PERU[:1]))
    assert harness.ingest(first, second) == ["superseded", "counted"]
    assert harness.cells() == expected([PERU[:1]])


def test_deleting_an_old_version_leaves_the_current_one_counted(harness: StackHarness) -> None:
    old, new = harness.put(KEY, file_of(PERU)), harness.put(KEY, file_of(PERU[:1]))
    harness.ingest(old, new)
    version = old["s3"]["object"]["versionId"]
    assert harness.ingest(harness.delete_version(KEY, version)) == ["duplicate"]
    assert harness.cells() == expected([PERU[:1]])


def test_deleting_the_current_version_brings_the_one_before_back(harness: StackHarness) -> None:
    old, new = harness.put(KEY, file_of(PERU)), harness.put(KEY, file_of(PERU[:1]))
    harness.ingest(old, new)
    version = new["s3"]["object"]["versionId"]
    assert harness.ingest(harness.delete_version(KEY, version)) == ["counted"]
    assert harness.cells() == expected([PERU])


def test_an_object_that_has_gone_since_its_event_changes_nothing(harness: StackHarness) -> None:
    record = harness.put(KEY, file_of(PERU))
    version = record["s3"]["object"]["versionId"]
    harness.delete_version(KEY, version)
    assert harness.ingest(record) == ["superseded"]
    assert (harness.cells(), harness.source(KEY).state) == ({}, None)


def test_rejected_rows_are_kept_with_their_row_number_and_reason(harness: StackHarness) -> None:
    rows = [*DIRT[:2], PERU[0], *DIRT[2:]]
    harness.ingest(harness.put(KEY, file_of(rows)))
    assert harness.cells() == expected([PERU[:1]])
    state = harness.source(KEY).state
    assert state is not None
    assert harness.result_keys() == [state.rejected_object, state.rejected_excerpt]
    kept = harness.result_rows(state.rejected_object or "")
    assert [(row["row"], row["reason"]) for row in kept] == [
        (0, "country_code_missing"),
        (1, "last_order_ts_not_a_date"),
        (3, "total_orders_not_a_number"),
        (4, "total_orders_negative"),
        (5, "voucher_amount_not_a_number"),
        (6, "voucher_amount_negative"),
        (7, "country_code_too_long"),
    ]
    assert kept[1]["last_order_ts"] == "yesterday"
    assert state.report["rejected_by_reason"] == {row["reason"]: 1 for row in kept}
    assert state.report["rows"] == state.report["counted"] + state.report["rejected"] == 8


def test_rejected_rows_are_replaced_and_deleted_with_their_source(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(DIRT)))
    first, _ = harness.result_keys()
    harness.ingest(harness.put(KEY, file_of(DIRT[:1])))
    second, _ = harness.result_keys()
    assert second != first
    assert len(harness.result_rows(second)) == 1
    harness.ingest(harness.delete(KEY))
    assert harness.result_keys() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "it cannot be read as Parquet"),
        (b"country_code,last_order_ts\nPeru,2020-01-01\n", "it cannot be read as Parquet"),
        (file_of(PERU)[:-20], "it cannot be read as Parquet"),
        (
            parquet(pa.table({"country_code": ["Peru"], "total_orders": ["1"]})),
            "it has no column 'last_order_ts', 'voucher_amount'; it has 'country_code', 'total_orders'",
        ),
        (
            parquet(pa.table([pa.array(["Peru"])] * 2, names=["country_code"] * 2)),
            "it has more than one column 'country_code'",
        ),
    ],
)
def test_a_file_that_cannot_be_read_contributes_nothing_and_says_why(
    harness: StackHarness, body: bytes, sentence: str
) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    record = harness.put(KEY, body)
    with pytest.raises(IngestError) as failed:
        harness.ingest(record)
    assert str(failed.value).startswith(f"'{KEY}' was not counted: {sentence}")
    assert "\n" not in str(failed.value)
    assert harness.cells() == {}
    state = harness.source(KEY).state
    assert state is not None
    assert (state.status, state.error) == (Status.FAILED, str(failed.value))
    with pytest.raises(IngestError):
        harness.ingest(record)
    assert harness.ingest(harness.put(KEY, file_of(PERU))) == ["counted"]
    assert harness.cells() == expected([PERU])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("country_code", pa.array([1])),
        ("last_order_ts", pa.array([1577836800])),
        ("total_orders", pa.array([True])),
        ("voucher_amount", pa.array([[1.0]])),
    ],
)
def test_a_column_of_a_type_that_cannot_be_read_is_named(
    harness: StackHarness, column: str, values: pa.Array
) -> None:
    content = pa.table({name: pa.array([value]) for name, value in PERU[0].items()})
    content = content.set_column(content.column_names.index(column), column, values)
    kind = "nested" if column == "voucher_amount" else f"of type {values.type}"
    with pytest.raises(IngestError, match=f"its column '{column}' is {kind}"):
        harness.ingest(harness.put(KEY, parquet(content)))


def test_one_bad_file_does_not_prevent_counting_the_others_of_an_event(harness: StackHarness) -> None:
    bad, good = harness.put("vouchers/bad.parquet", b"x"), harness.put(KEY, file_of(PERU))
    with pytest.raises(IngestError, match=r"'vouchers/bad\.parquet' was not counted"):
        harness.ingest(bad, good)
    assert harness.cells() == expected([PERU])


def dated(last_order: str, seen: str) -> bytes:
    row = PERU[0] | {"last_order_ts": last_order, "timestamp": seen}
    return file_of([row])


@pytest.mark.parametrize(
    ("metadata", "parameter", "cell", "record"),
    [
        ({}, "upload", "recency_segment#180-99999999", "2026-11-22T12:00:00.000000Z"),
        ({}, "2020-03-01", "recency_segment#30-60", "2020-03-01T00:00:00.000000Z"),
        ({}, "row", "recency_segment#91-120", "row"),
        ({"as_of": "2020-03-20"}, "row", "recency_segment#61-90", "2020-03-20T00:00:00.000000Z"),
        ({"as_of": "row"}, "2020-03-01", "recency_segment#91-120", "row"),
    ],
)
def test_the_as_of_date_is_the_objects_own_or_else_the_stacks(
    harness: StackHarness,
    monkeypatch: pytest.MonkeyPatch,
    metadata: dict[str, str],
    parameter: str,
    cell: str,
    record: str,
) -> None:
    monkeypatch.setenv("RECENCY_AS_OF", parameter)
    harness.ingest(harness.put(KEY, dated("2020-01-05", "2020-04-15 10:00:00+00:00"), **metadata))
    assert ("peru", cell) in harness.cells()
    state = harness.source(KEY).state
    assert state is not None
    assert state.as_of == state.report["as_of"] == record


@pytest.mark.parametrize(
    ("as_of", "problem"),
    [("soon", "'soon' is not an as-of date"), ("9999-01-01", r"'9999-01-01' is in the future \(UTC\)")],
)
def test_an_as_of_date_that_cannot_be_used_fails_the_file(
    harness: StackHarness, as_of: str, problem: str
) -> None:
    with pytest.raises(IngestError, match=f"x-amz-meta-as-of, {problem}; use a date"):
        harness.ingest(harness.put(KEY, file_of(PERU), as_of=as_of))


def test_each_event_leaves_one_structured_line_and_its_metrics(
    harness: StackHarness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.ingest(harness.put(KEY, file_of([*PERU, *DIRT])))
    (reported,) = [vars(record) for record in caplog.records if record.name == "ingest"]
    assert (reported["action"], reported["source"]) == ("counted", KEY)
    assert reported["report"]["rejected"] == len(DIRT)
    assert reported["report"]["seconds"] >= 0
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert {"Rows", "RowsCounted", "RowsRejected", "Seconds", "EventsCounted"} <= set(metrics[-1])
    assert metrics[-1]["RowsRejected"] == [len(DIRT)]
    by_reason = {m["reason"]: m["RowsRejectedFor"] for m in metrics if "reason" in m}
    assert by_reason == {reason: [n] for reason, n in reported["report"]["rejected_by_reason"].items()}


def test_a_change_of_definitions_changes_what_a_new_upload_is_counted_by(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    redefine('[orders]\nattribute = "total_orders"\nranges = [[0, 3]]\n')
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert harness.cells() == {
        ("peru", "orders#0-3"): {"0": 1, "2640": 1},
        ("peru", "#spellings"): {"as:Peru": 2, "as:PERU": 1},
    }


def test_neither_counting_nor_rejecting_loads_slow_modules(tmp_path: Path) -> None:
    file = tmp_path / "dirty.parquet"
    file.write_bytes(file_of(PERU + DIRT))
    script = (
        "import sys, ingest.handler\n"
        "from ingest.counting.count_file import RowCallbacks, count_file\n"
        "from ingest.row_outputs.rejected_rows import RejectedRows\n"
        "from vouchers.segments import load_definitions\n"
        "class Results:\n"
        "    def store_file(self, key, file): self.size = file.seek(0, 2)\n"
        "    def write_text(self, key, text): pass\n"
        "results = Results()\n"
        "with RejectedRows() as rejected:\n"
        "    callbacks = RowCallbacks(rejected.add)\n"
        f"    counted = count_file(open({str(file)!r}, 'rb'), 0, load_definitions(), callbacks)\n"
        "    rejected.store(results, '')\n"
        "assert counted.report.rejected and results.size\n"
        "print(sorted({'pandas', 'awswrangler', 'numpy.ma'} & set(sys.modules)))\n"
    )
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", script], env={"PYTHONPATH": path}, check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_file_with_more_rows_than_allowed_is_not_counted(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_ROWS_PER_FILE", str(len(PERU)))
    assert harness.ingest(harness.put(KEY, file_of(PERU))) == ["counted"]
    with pytest.raises(IngestError) as failure:
        harness.ingest(harness.put(KEY, file_of([*PERU, PERU[0]])))
    assert str(failure.value) == (
        f"'{KEY}' was not counted: it has {len(PERU) + 1} rows, and MaxRowsPerFile is {len(PERU)}; "
        "upload a corrected file under the same key, split it, or raise the parameter"
    )
    assert harness.cells() == {}


def test_a_replay_recounts_stale_objects_and_counts_nothing_twice(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert harness.ingest(harness.replay(KEY)) == ["duplicate"]
    redefine('[orders]\nattribute = "total_orders"\nranges = [[0, 3]]\n')
    assert harness.ingest(harness.replay(KEY), harness.replay(KEY)) == ["counted", "duplicate"]
    assert harness.cells() == {
        ("peru", "orders#0-3"): {"0": 1, "2640": 1},
        ("peru", "#spellings"): {"as:Peru": 2, "as:PERU": 1},
    }


def test_a_replay_finds_changes_without_an_event(harness: StackHarness) -> None:
    harness.put("vouchers/created.parquet", file_of(PERU))
    harness.ingest(harness.put("vouchers/deleted.parquet", file_of(PERU)))
    harness.delete("vouchers/deleted.parquet")
    names = ("created", "deleted", "never there")
    assert harness.ingest(*(harness.replay(f"vouchers/{n}.parquet") for n in names)) == [
        "counted",
        "deleted",
        "duplicate",
    ]
    assert harness.cells() == expected([PERU])


def test_an_event_that_comes_after_a_replay_still_wins(harness: StackHarness) -> None:
    created = harness.put(KEY, file_of(PERU))
    harness.ingest(harness.replay(KEY))
    assert harness.ingest(created) == ["counted"]
    deleted = harness.delete(KEY)
    assert harness.ingest(harness.replay(KEY), deleted, created) == ["deleted", "deleted", "late"]
    assert harness.cells() == {}


def test_a_replay_keeps_the_as_of_date_of_the_upload(
    harness: StackHarness, redefine: Callable[[str], None]
) -> None:
    harness.ingest(harness.put(KEY, dated("2026-10-01", "")))
    before = harness.source(KEY).state
    redefine('[recency]\nattribute = "days_since_last_order"\nranges = [[52, 52]]\n')
    assert harness.ingest(harness.replay(KEY)) == ["counted"]
    after = harness.source(KEY).state
    assert before is not None
    assert after is not None
    assert (before.as_of, before.order) == (after.as_of, after.order)
    assert ("peru", "recency#52-52") in harness.cells()


def test_a_replay_tries_a_failed_file_again_and_can_be_forced(harness: StackHarness) -> None:
    harness.ingest(harness.put(KEY, file_of(PERU)))
    assert harness.ingest(harness.replay(KEY, forced=True)) == ["counted"]
    with pytest.raises(IngestError):
        harness.ingest(harness.put(KEY, b"no Parquet"))
    with pytest.raises(IngestError):
        harness.ingest(harness.replay(KEY))


def test_the_longest_key_that_s3_takes_is_counted_with_its_rejected_rows(harness: StackHarness) -> None:
    key = "vouchers/" + "ü" * ((1024 - len("vouchers/")) // 2)
    assert harness.ingest(harness.put(key, file_of(DIRT))) == ["counted"]
    assert max(len(stored.encode()) for stored in harness.result_keys()) <= 1024
    assert harness.ingest(harness.delete(key)) == ["deleted"]
    assert harness.result_keys() == []


def test_an_endpoint_without_an_answer_is_reported_without_a_traceback(
    harness: StackHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put = harness.put(KEY, file_of(PERU))
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    handler.dynamodb_client.cache_clear()
    sentence = f"AWS does not answer at {endpoint}; start it, or set AWS_ENDPOINT_URL to its URL: "
    with pytest.raises(IngestError, match=f"'{re.escape(KEY)}' is not counted yet: {sentence}"):
        harness.ingest(put)
    (logged,) = (record for record in caplog.records if record.name == "ingest")
    assert (sentence in logged.getMessage(), logged.exc_info) == (True, None)
