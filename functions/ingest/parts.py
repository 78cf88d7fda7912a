"""Parts of a Parquet file, so that several can count one."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """One of the parts of a file, counted from 0, that together have each of its row groups once."""

    number: int
    of: int

    def among(self, row_groups: int) -> range:
        """Return which row groups are the part's, of so many in the file; there may be none."""
        return range(row_groups * self.number // self.of, row_groups * (self.number + 1) // self.of)


WHOLE = Part(0, 1)
