"""The choice of the explored file and of its as-of date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest.counting.as_of import AsOf
from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import BROKEN, DIRTY, PERU, file_of
from tests.support.stack_harness import UPLOADED
from voucher_selector.explore import scenarios, sources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stack_harness import StackHarness

NAMES = ("FILE", "KEY", "AS_OF")


@pytest.fixture
def stack(harness: StackHarness, monkeypatch: pytest.MonkeyPatch) -> StackHarness:
    monkeypatch.setattr(sources, "find_stack", lambda: deployed(harness, Lambda()))
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return harness


def count_as_stack(file: sources.File) -> scenarios.Scenario:
    return scenarios.count_scenario(file, file.as_of)


def count(harness: StackHarness, name: str, body: bytes, **metadata: str) -> None:
    harness.ingest(harness.put(f"vouchers/{name}", body, **metadata))


def test_a_stack_that_has_counted_nothing_says_what_to_do(stack: StackHarness) -> None:
    stack.put("vouchers/waiting.parquet", file_of(PERU))

    with pytest.raises(sources.ExploreError, match=r"has counted no file yet\. Upload one: make upload"):
        sources.select_file()


def test_the_last_counted_object_is_explored_as_it_was_counted(stack: StackHarness) -> None:
    count(stack, "a.parquet", file_of(PERU))
    count(stack, "b.parquet", file_of(DIRTY))

    file = sources.select_file()

    assert (file.uri, file.size) == (f"s3://{stack.uploads}/vouchers/b.parquet", len(file_of(DIRTY)))
    assert file.as_of == AsOf("upload")
    assert file.uploaded.replace(microsecond=0) == UPLOADED
    assert scenarios.count_scenario(file, file.as_of).counted.report.rejected == 2


@pytest.mark.parametrize(
    ("as_of", "rule"),
    [
        ("2018-08-05", AsOf("date", datetime(2018, 8, 5, tzinfo=UTC))),
        ("row", AsOf("row")),
        ("upload", AsOf("upload")),
    ],
)
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "not counted yet"])
def test_an_object_s_own_as_of_date_holds(
    stack: StackHarness, monkeypatch: pytest.MonkeyPatch, as_of: str, rule: AsOf, *, counted: bool
) -> None:
    record = stack.put("vouchers/a.parquet", file_of(PERU), as_of=as_of)
    if counted:
        stack.ingest(record)
    monkeypatch.setenv("KEY", "a.parquet")

    assert sources.select_file().as_of == rule


def test_another_as_of_date_can_be_given(stack: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    count(stack, "a.parquet", file_of(PERU), as_of="row")
    monkeypatch.setenv("AS_OF", "2018-08-05")

    assert sources.select_file().as_of.moment == datetime(2018, 8, 5, tzinfo=UTC)


def test_settings_of_an_earlier_object_with_the_same_key_are_not_used(
    stack: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(stack, "a.parquet", file_of(PERU), as_of="row")
    stack.put("vouchers/a.parquet", file_of(DIRTY))
    monkeypatch.setenv("KEY", "vouchers/a.parquet")

    assert sources.select_file().as_of == AsOf("upload")


def test_an_object_of_another_bucket_can_be_named(
    stack: StackHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.s3.put_object(Bucket=stack.results, Key="rejected/a #1.parquet", Body=file_of(PERU))
    monkeypatch.setenv("FILE", f"s3://{stack.results}/rejected/a #1.parquet")

    file = sources.select_file()

    assert scenarios.count_scenario(file, file.as_of).counted.report.rows == len(PERU)


def test_an_invalid_as_of_date_is_reported(stack: StackHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.put("vouchers/a.parquet", file_of(PERU), as_of="May")
    monkeypatch.setenv("KEY", "a.parquet")

    with pytest.raises(
        sources.ExploreError, match=r"Invalid as-of date of s3://.*: 'May' is not an as-of date"
    ):
        sources.select_file()


def test_a_file_on_this_machine_needs_no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(file_of(DIRTY))
    monkeypatch.setenv("FILE", str(tmp_path / "a.parquet"))
    monkeypatch.setattr(sources, "find_stack", lambda: pytest.fail("the stack was asked"))

    assert count_as_stack(sources.select_file()).counted.report.rows == len(DIRTY)


def test_an_uncountable_file_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(BROKEN)

    with pytest.raises(sources.ExploreError) as raised:
        count_as_stack(sources.find_file(str(tmp_path / "a.parquet")))

    (sentence,) = raised.value._render_traceback_()
    assert sentence.startswith(f"{tmp_path}/a.parquet cannot be counted: it cannot be read as Parquet")
