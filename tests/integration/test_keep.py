from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fake_stack_client import Lambda, deployed
from tests.support.sample_files import body
from voucher_selector.errors import CommandError
from voucher_selector.operations.keep import restore_objects, save_objects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stack_harness import StackHarness

KEYS = ["vouchers/a", "vouchers/a/b c+ü.parquet", "vouchers/dirty.parquet"]
DATASET_OBJECT = "datasets/history/a.parquet"


def empty(harness: StackHarness) -> None:
    for key in [*KEYS, DATASET_OBJECT]:
        harness.s3.delete_object(Bucket=harness.uploads, Key=key)
    harness.deliver()
    assert harness.cells() == {}


def test_kept_objects_are_counted_as_before(harness: StackHarness, tmp_path: Path) -> None:
    stack, folder = deployed(harness, Lambda()), tmp_path / "kept"
    for key, name, as_of in zip(
        KEYS, ("peru", "wide", "dirty"), ("row", "2020-06-01", "upload"), strict=True
    ):
        harness.ingest(harness.put(key, body(name), as_of=as_of, columns="country_code=country_code"))
    harness.s3.put_object(Bucket=harness.uploads, Key=DATASET_OBJECT, Body=body("china"))
    before = harness.cells(), [harness.source(key).state for key in KEYS]

    assert save_objects(stack, folder) == 4
    empty(harness)
    assert restore_objects(stack, folder) == [*KEYS, DATASET_OBJECT]
    harness.deliver()

    states = [harness.source(key).state for key in KEYS]
    assert harness.cells() == before[0]
    assert [s and s.as_of for s in states] == [s and s.as_of for s in before[1]]
    head = harness.s3.head_object(Bucket=harness.uploads, Key=KEYS[0])
    assert head["Metadata"] == {"as-of": "row", "columns": "country_code=country_code"}


def test_objects_that_are_deleted_are_kept_no_longer(harness: StackHarness, tmp_path: Path) -> None:
    stack, folder = deployed(harness, Lambda()), tmp_path / "kept"
    harness.ingest(harness.put(KEYS[0], body("peru")))
    save_objects(stack, folder)
    empty(harness)

    assert save_objects(stack, folder) == 0
    assert restore_objects(stack, folder) == []
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_without_kept_objects_nothing_is_restored(harness: StackHarness, tmp_path: Path) -> None:
    assert restore_objects(deployed(harness, Lambda()), tmp_path / "kept") is None


def test_kept_data_that_cannot_be_read_is_named(harness: StackHarness, tmp_path: Path) -> None:
    (tmp_path / "objects.json").write_text("{")
    with pytest.raises(CommandError, match=f"The kept data cannot be read. Delete the folder {tmp_path}"):
        restore_objects(deployed(harness, Lambda()), tmp_path)
