"""An upload that was overwritten or deleted comes back from its old version, and so do its counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sample_files import file_of, sample_rows
from vouchers.dynamodb.sources_table import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.place import Place
    from vouchers.dynamodb.sources_table import State

# LocalStack refuses the copy of an old version as a copy of an object to itself.
pytestmark = [pytest.mark.stack, pytest.mark.anywhere, pytest.mark.beyond_localstack]

NAME = "restored/a.parquet"
KEY = f"vouchers/{NAME}"
CELL = ("restoria", "frequent_segment#14-37")


def write(path: Path, amount: float) -> Path:
    path.write_bytes(file_of(sample_rows(("Restoria", "2018-05-03", None, "15", amount))))
    return path


@pytest.fixture
def first(place: Place, tmp_path: Path) -> Iterator[State]:
    """A file with one voucher of 5, as it was first uploaded."""
    yield place.upload(write(tmp_path / "first", 5.0), NAME, "2018-08-05")
    place.delete(NAME)


def counts(place: Place) -> dict[float, int] | None:
    return place.cells("Restoria").get(CELL)


def test_an_overwritten_upload_counts_again_if_its_version_is_restored(
    place: Place, tmp_path: Path, first: State
) -> None:
    place.upload(write(tmp_path / "second", 7.0), NAME)
    assert counts(place) == {7.0: 1}
    place.deployed.s3().copy_object(
        Bucket=place.uploads,
        Key=KEY,
        CopySource={"Bucket": place.uploads, "Key": KEY, "VersionId": str(first.version_id)},
    )
    place.until(lambda: counts(place) == {5.0: 1})
    assert place.state(NAME).as_of == first.as_of


def test_a_deleted_upload_is_counted_again_when_its_version_is_copied_back(
    place: Place, first: State
) -> None:
    place.delete(NAME)
    assert counts(place) is None
    place.deployed.s3().copy_object(
        Bucket=place.uploads,
        Key=KEY,
        CopySource={"Bucket": place.uploads, "Key": KEY, "VersionId": str(first.version_id)},
    )
    place.until(lambda: place.state(NAME).status is Status.COUNTED)
    place.until(lambda: counts(place) == {5.0: 1})
