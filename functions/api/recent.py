"""The segments table with a short memory: what was read in the last seconds is not read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from vouchers.counts import country_key, range_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from vouchers.segments import Range
    from vouchers.table import CellCounts, CountryCounts, SegmentsTable

Read = TypeVar("Read")

LARGEST = 1000
"""How many reads are remembered at most."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was read, and when; what was read first is forgotten first.

    Attributes:
        seconds: how long a read is good for; 0 remembers nothing.
    """

    seconds: float
    reads: dict[tuple[str, ...], tuple[float, object]] = field(default_factory=dict)

    def find(self, key: tuple[str, ...], now: float) -> tuple[float, object] | None:
        """Return a read's age in seconds and what it gave, unless it is too old or there was none."""
        at, held = self.reads.get(key, (float("-inf"), None))
        # The system's clock may be set back; then an age says nothing.
        return (now - at, held) if 0 <= now - at < self.seconds else None

    def keep(self, key: tuple[str, ...], now: float, held: object) -> None:
        """Remember a read."""
        if self.seconds > 0:
            self.reads.pop(key, None)
            self.reads[key] = now, held
        while len(self.reads) > LARGEST:
            self.reads.pop(next(iter(self.reads)))


@dataclass(slots=True)
class RecentTable:
    """The counts as one request reads them: from memory where that is recent, else from the table.

    Attributes:
        now: the moment of the request, in seconds; by the system's clock, since a frozen process's own stops.
        age: how many seconds ago the oldest was read of what came from memory; None where nothing did.
    """

    table: SegmentsTable
    memory: Memory
    now: float
    age: float | None = None

    def cell(self, country: str, segment: str, held: Range) -> CellCounts | None:
        """Return the counts of one range; None where nothing was counted."""
        key = ("cell", *range_cell(country, segment, held))
        return self._read(key, lambda: self.table.cell(country, segment, held))

    def country(self, name: str) -> CountryCounts | None:
        """Return all that is counted for a country, however it is written; None where there is nothing."""
        return self._read(("country", country_key(name)), lambda: self.table.country(name))

    def countries(self) -> list[str]:
        """Return the countries that have counts, sorted."""
        return self._read(("countries",), self.table.countries)

    def _read(self, key: tuple[str, ...], read: Callable[[], Read]) -> Read:
        found = self.memory.find(key, self.now)
        if found is not None:
            self.age = max(self.age or 0, found[0])
            return cast("Read", found[1])
        held = read()
        self.memory.keep(key, self.now, held)
        return held
