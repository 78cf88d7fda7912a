"""Room for the counters of a commit in the items of cells."""

from collections.abc import Iterator, Sequence

from ingest.commit.chunks import MAX_COUNTERS
from ingest.retry import RefusedError
from vouchers.counts import Cell, Contribution
from vouchers.dynamodb.segments_table import SegmentsTable

MAX_CELL_BYTES = 200_000
"""Bytes of a cell's item that sources with many different amounts may fill.

DynamoDB's limit is 400 KB. The rest is left to sources with few amounts.
"""


def make_room(table: SegmentsTable, changes: Contribution) -> None:
    """Remove the zeros of cells to which many counters are added, so that the counters have room.

    Raises:
        RefusedError: if one of the cells has no room for them.
    """
    for cell, added in find_large_additions(changes):
        if not has_room(table, cell, added):
            raise RefusedError(f"the item of '{cell.country}', {cell.name}, would be larger than 200 KB")
        table.remove_zeros(cell)


def find_large_additions(changes: Contribution) -> Iterator[tuple[Cell, list[str]]]:
    """Yield the cells that get more than ``MAX_COUNTERS`` counters, each with the names of these counters."""
    for cell, counters in changes.items():
        added = [name for name, delta in counters.items() if delta > 0]
        if len(added) > MAX_COUNTERS:
            yield cell, added


def find_large_subtractions(changes: Contribution) -> list[Cell]:
    """Return the cells in which changes may leave many counters that are 0."""
    return [
        cell
        for cell, counters in changes.items()
        if sum(delta < 0 for delta in counters.values()) > MAX_COUNTERS
    ]


def has_room(table: SegmentsTable, cell: Cell, added: Sequence[str]) -> bool:
    """Return whether a cell without its zeros has room for more counters."""
    return table.bytes_with(cell, added) <= MAX_CELL_BYTES
