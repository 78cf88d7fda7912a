"""The files that are counted: five million rows of the sample's shape, written in every way that matters."""

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
    """How a file is written.

    Attributes:
        types: ``text`` (all columns are texts), ``typed``, ``dirty`` (text, a tenth of its rows rejected) or
            ``distinct`` (text, and no two values of a column are alike).
        encoding: ``dictionary`` or ``plain``.
        codec: as pyarrow names it.
        one_group: whether all rows are in one row group; otherwise a million are.
        rows: how many there are.
    """

    types: str
    encoding: str
    codec: str
    one_group: bool = False
    rows: int = ROWS

    @property
    def name(self) -> str:
        """A name that says all."""
        groups = "one group" if self.one_group else "1 M groups"
        rows = "" if self.rows == ROWS else f" {self.rows:,} rows"
        return f"{self.types} {self.encoding} {self.codec} {groups}{rows}"

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.name.replace(' ', '-').replace(',', '')}.parquet"


CLEAN = tuple(
    File(types, encoding, codec, one_group=(i + j) % 2 == 1)
    for types in ("text", "typed")
    for i, encoding in enumerate(("dictionary", "plain"))
    for j, codec in enumerate(("gzip", "snappy", "zstd"))
)
"""Every type, encoding and codec; both kinds of row groups with each of them."""

DIRTY = File("dirty", "dictionary", "zstd")
DISTINCT = tuple(File("distinct", encoding, "zstd") for encoding in ("dictionary", "plain"))


def ensure_file(file: File) -> Path:
    """Return the path of a file, which is written if it is not there yet."""
    if not file.path.exists():
        FOLDER.mkdir(exist_ok=True)
        partial = file.path.with_suffix(".partial")
        _write(file, partial)
        partial.rename(file.path)
    return file.path


def without_dirt(file: File) -> File:
    """Return the file that differs from a dirty one in having no dirt."""
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
