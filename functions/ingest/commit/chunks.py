"""The changes of a commit, in chunks that each fit in one DynamoDB transaction with the source's item.

A commit that was cut off resumes by the number of chunks that are done. Do not deploy a release that cuts
chunks differently while a commit is cut off: ``make verify`` shows whether there is one.
"""

from itertools import islice

from vouchers.counts import Cell, Contribution, Counters

MAX_CELLS = 99
"""Items of a transaction beside the source's: DynamoDB's limit is 100."""

MAX_COUNTERS = 200
"""Counters in one update: the limit of its expression is 4 KB."""

Chunk = list[tuple["Cell", "Counters"]]
"""Additions to cells, each cell at most once."""


def split(changes: Contribution) -> list[Chunk]:
    """Return changes in chunks, at least one; the same changes always give the same chunks."""
    chunks: list[Chunk] = [[]]
    for cell, counters in changes.items():
        names = iter(counters.items())
        while piece := dict(islice(names, MAX_COUNTERS)):
            if len(chunks[-1]) == MAX_CELLS or any(cell == other for other, _ in chunks[-1][-1:]):
                chunks.append([])
            chunks[-1].append((cell, piece))
    return chunks


def fits_transaction(changes: Contribution) -> bool:
    """Return whether changes fit in one transaction with the source's item."""
    return len(changes) <= MAX_CELLS and all(len(counters) <= MAX_COUNTERS for counters in changes.values())
