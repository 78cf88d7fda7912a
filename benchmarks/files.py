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
        one_group: whether all rows are in one row group; otherwise each has a million rows.
        rows: the number of rows.
    """

    types: str
    encoding: str
    codec: str
    one_group: bool = False
    rows: int = ROWS

    @property
    def name(self) -> str:
        """The name, with all attributes."""
        groups = "one group" if self.one_group else "1 M groups"
        rows = "" if self.rows == ROWS else f" {self.rows:,} rows"
        return f"{self.types} {self.encoding} {self.codec} {groups}{rows}"

    @property
    def path(self) -> Path:
        """The path of the file."""
        return FOLDER / f"{self.name.replace(' ', '-').replace(',', '')}.parquet"


CLEAN = tuple(
    File(types, encoding, codec, one_group=(i + j) % 2 == 1)
    for types in ("text", "typed")
    for i, encoding in enumerate(("dictionary", "plain"))
    for j, codec in enumerate(("gzip", "snappy", "zstd"))
)
"""Every type, encoding and codec, with both kinds of row groups."""

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
        writer.write_table(part, row_group_size=file.rows if file.one_group else GROUP_ROWS)
    if writer:
        writer.close()


def _parts(file: File) -> Iterator[pa.Table]:
    step = file.rows if file.one_group else GROUP_ROWS
    for seed, start in enumerate(range(0, file.rows, step)):
        yield draw_rows(file.types, min(step, file.rows - start), seed)
