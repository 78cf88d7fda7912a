"""The counted files: five million rows like the sample's, in all types, encodings, codecs and row groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.rows import draw_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

FOLDER = Path(__file__).with_name("files")
GROUP_ROWS = 1_000_000
ROWS = 5_000_000


@dataclass(frozen=True, slots=True)
class File:
    """A file to write.

    Attributes:
        types: ``text`` (all columns are texts), ``typed``, ``dirty`` (text, a tenth of its rows rejected) or
            ``distinct`` (text, all values of a column different).
        encoding: ``dictionary`` or ``plain``.
        codec: its name in pyarrow.
        group_rows: the number of rows of a row group.
        rows: the number of rows.
    """

    types: str
    encoding: str
    codec: str
    group_rows: int = GROUP_ROWS
    rows: int = ROWS

    @property
    def name(self) -> str:
        """The name, with all attributes."""
        groups = {GROUP_ROWS: "1 M groups", ROWS: "one group"}.get(
            self.group_rows, f"groups of {self.group_rows:,}"
        )
        rows = "" if self.rows == ROWS else f", {self.rows:,} rows"
        return f"{self.types} {self.encoding} {self.codec} {groups}{rows}"

    @property
    def path(self) -> Path:
        """The path of the file."""
        return FOLDER / f"{self.name.replace(' ', '-').replace(',', '')}.parquet"


CLEAN = tuple(
    File(types, encoding, codec, ROWS if (i + j) % 2 else GROUP_ROWS)
    for types in ("text", "typed")
    for i, encoding in enumerate(("dictionary", "plain"))
    for j, codec in enumerate(("gzip", "snappy", "zstd"))
)
"""Every type, encoding and codec, with row groups of a million rows or one row group."""

SMALL_GROUPS = tuple(
    File("typed", encoding, "snappy", group_rows, ROWS // 5)
    for encoding in ("dictionary", "plain")
    for group_rows in (1_000, 10_000, 122_880)
)
"""Files with small row groups; 122,880 rows are what DuckDB writes."""

DIRTY = File("dirty", "dictionary", "zstd")
DISTINCT = tuple(File("distinct", encoding, "zstd") for encoding in ("dictionary", "plain"))


def ensure_file(file: File) -> Path:
    """Write a file unless it exists; return its path."""
    if not file.path.exists():
        FOLDER.mkdir(exist_ok=True)
        partial = file.path.with_suffix(".partial")
        _write(file, partial)
        partial.rename(file.path)
    return file.path


def without_dirt(file: File) -> File:
    """Return the same file without dirty rows."""
    return replace(file, types="text")


def _write(file: File, path: Path) -> None:
    writer = None
    for part in _parts(file):
        writer = writer or pq.ParquetWriter(
            path, part.schema, compression=file.codec, use_dictionary=file.encoding == "dictionary"
        )
        writer.write_table(part, row_group_size=file.group_rows)
    if writer:
        writer.close()


def _parts(file: File) -> Iterator[pa.Table]:
    step = max(file.group_rows, GROUP_ROWS)
    for seed, start in enumerate(range(0, file.rows, step)):
        yield draw_rows(file.types, min(step, file.rows - start), seed)
