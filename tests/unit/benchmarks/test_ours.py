"""The benchmarks count as the ingest function does, from the files that they open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import steps
from benchmarks.contestants import ours
from tests.support.sample_files import PERU, file_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "uses.parquet"
    path.write_bytes(file_of(PERU))
    return path


@pytest.mark.parametrize(
    ("by_row", "recency"),
    [
        (False, {("peru", "recency_segment", 121, 2640.0): 1}),
        (True, {("peru", "recency_segment", 30, 2640.0): 1, ("peru", "recency_segment", 30, 0.0): 1}),
    ],
)
def test_a_file_is_counted(
    path: Path, recency: dict[tuple[str, str, int, float], int], *, by_row: bool
) -> None:
    orders = {("peru", "frequent_segment", 0, 2640.0): 1, ("peru", "frequent_segment", 0, 0.0): 1}
    assert ours.count(path, by_row=by_row, cores=1) == recency | orders


def test_every_step_of_counting_is_timed(path: Path) -> None:
    assert "decode and guard" in steps.steps(path, 1)
