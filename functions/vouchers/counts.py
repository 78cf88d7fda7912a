"""Counts of voucher amounts: how cells and counters are named, and what changes between two states."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vouchers.segments import Range

Counters = dict[str, int]
"""How often each thing was seen, by its name."""

SPELLINGS = "#spellings"
"""The cell of a country that counts which rows wrote its name in which way."""

EXACT_INTEGERS = 2**53
"""Below this every whole double is one integer."""


class Cell(NamedTuple):
    """Where counters live: one country, and one range of one segment (or its spellings)."""

    country: str
    name: str


Contribution = dict[Cell, Counters]
"""What one source adds to the counts, cell by cell."""


def range_cell(country: str, segment: str, held: Range) -> Cell:
    """Return the cell of the customers of ``country`` in a range of a segment."""
    return Cell(country_key(country), f"{segment}#{held.min}-{held.max}")


def spellings_cell(country: str) -> Cell:
    """Return the cell that counts how the name of ``country`` is written."""
    return Cell(country_key(country), SPELLINGS)


def amount_name(amount: float) -> str:
    """Return the one name of a voucher amount: 2640.0 is "2640", 12.50 is "12.5"."""
    return str(int(amount)) if amount.is_integer() and amount < EXACT_INTEGERS else repr(amount)


def difference(old: Mapping[Cell, Counters], new: Mapping[Cell, Counters]) -> Contribution:
    """Return what must be added to turn ``old`` into ``new``, in a fixed order, without zeros."""
    cells = sorted(old.keys() | new.keys())
    changes = {cell: _change(old.get(cell, {}), new.get(cell, {})) for cell in cells}
    return {cell: counters for cell, counters in changes.items() if counters}


def _change(old: Mapping[str, int], new: Mapping[str, int]) -> Counters:
    deltas = {name: new.get(name, 0) - old.get(name, 0) for name in sorted(old.keys() | new.keys())}
    return {name: delta for name, delta in deltas.items() if delta}


NO_VOUCHER = 0.0
"""The amount that stands for "no voucher used": counted and shown, never chosen."""


def most_used(counts: Mapping[float, int]) -> list[float]:
    """Return the amounts with the largest count, ascending; several on a tie, none where no voucher was used.

    Args:
        counts: how often each voucher amount was used; counts of 0 stand for amounts no longer used.
    """
    used = {amount: count for amount, count in counts.items() if amount != NO_VOUCHER and count > 0}
    largest = max(used.values(), default=0)
    return sorted(amount for amount, count in used.items() if count == largest)
