"""A commit's changes → chunks, each small enough for one DynamoDB transaction with the source's item.

A commit that was cut off is resumed by the number of chunks that are done, so a release that cuts chunks in
another way must not meet one: ``make verify`` shows whether there is any.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vouchers.counts import Cell, Contribution, Counters

MAX_CELLS = 99
"""Items a transaction takes beside the source's: DynamoDB ends at 100."""

MAX_COUNTERS = 200
"""Counters an update names at once: its expression ends at 4 KB."""

Chunk = list[tuple["Cell", "Counters"]]
"""Additions to cells, each cell at most once."""


def chunks(changes: Contribution) -> list[Chunk]:
    """Return changes in chunks; the same changes always give the same chunks in the same order."""
    found: list[Chunk] = [[]]
    for cell, counters in _pieces(changes):
        full = len(found[-1]) == MAX_CELLS or any(cell == other for other, _ in found[-1][-1:])
        if full:
            found.append([])
        found[-1].append((cell, counters))
    return found


def _pieces(changes: Contribution) -> Iterator[tuple[Cell, Counters]]:
    for cell, counters in changes.items():
        names = iter(counters.items())
        while piece := dict(islice(names, MAX_COUNTERS)):
            yield cell, piece
