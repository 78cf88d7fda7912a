"""The dataset: 200 files of half a million rows, copies of ten different files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.files import FOLDER
from benchmarks.rows import draw_rows

if TYPE_CHECKING:
    from pathlib import Path

BUCKET, PREFIX = "uploads", "datasets/scale/"
SERVED = FOLDER / "scale"
"""The S3 server serves its subfolders as buckets."""

FILES, DIFFERENT, FILE_ROWS = 200, 10, 500_000
ROWS = FILES * FILE_ROWS


def ensure_dataset() -> Path:
    """Write the files unless they exist; return their folder."""
    folder = SERVED / BUCKET / PREFIX
    if not folder.exists():
        partial = SERVED / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            _write(partial, number)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(folder)
    (SERVED / "results").mkdir(exist_ok=True)
    return folder


def _write(folder: Path, number: int) -> None:
    file, first = folder / f"{number:03d}.parquet", folder / f"{number % DIFFERENT:03d}.parquet"
    if number >= DIFFERENT:
        os.link(first, file)
        return
    pq.write_table(draw_rows("text", FILE_ROWS, number), file, compression="zstd")
