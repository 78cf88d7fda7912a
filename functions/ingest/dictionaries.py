"""Which columns of texts are read as dictionaries: those that few values repeat in.

The file says so where it has dictionaries itself. Of texts that are written out Arrow makes some while it
decodes, which costs less than to make them afterwards, but they grow with the row group; so a sample tells
where to begin with it, and the batches where to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from ingest.guard.footer import Chunk

MOST_ENTRIES = 1 << 14
"""Values that a dictionary which Arrow makes may have."""


class Dictionaries:
    """The columns of texts that are read as dictionaries; fewer, once values turn out not to repeat."""

    def __init__(self, chunks: Mapping[str, Sequence[Chunk]], repeats: Callable[[str], bool]) -> None:
        """Choose among columns of texts by their chunks and, where these do not tell, by a sample."""
        read = [name for name, held in chunks.items() if all(c.is_dictionary or c.is_plain for c in held)]
        made = [name for name in read if any(chunk.is_plain for chunk in chunks[name])]
        self._made = [name for name in made if repeats(name)]
        self.names = [name for name in read if name in self._made or name not in made]

    def outgrown(self, batch: pa.RecordBatch) -> bool:
        """Say whether a batch shows too many values in a column; that column is no longer among them then."""
        too_many = [name for name in self._made if len(batch.column(name).dictionary) > MOST_ENTRIES]
        self._made = [name for name in self._made if name not in too_many]
        self.names = [name for name in self.names if name not in too_many]
        return bool(too_many)
