"""The segments table with a short memory: what was read in the last seconds is not read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from vouchers.counts import SPELLINGS, range_cell
from vouchers.dynamodb.segments_table import CellCounts, Found
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vouchers.counts import Cell
    from vouchers.dynamodb.segments_table import CountryCounts, SegmentsTable
    from vouchers.segments import Range

Read = TypeVar("Read")

MAX_READS = 1000
"""How many reads are remembered at most."""


@dataclass(frozen=True, slots=True)
class TTLCache:
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
        while len(self.reads) > MAX_READS:
            self.reads.pop(next(iter(self.reads)))


@dataclass(slots=True)
class CachedSegmentsTable:
    """The counts as one request reads them: from memory where that is recent, else from the table.

    Attributes:
        now: the moment of the request, in seconds; by the system's clock, since a frozen process's own stops.
        age: how many seconds ago the oldest was read of what came from memory; None where nothing did.
    """

    table: SegmentsTable
    memory: TTLCache
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

    def every_country(self) -> list[CountryCounts]:
        """Return all that is counted, country by country, sorted by name."""
        return self._read(("every country",), self.table.every_country)

    def look_up(self, cells: Iterable[Cell]) -> Found:
        """Return the counts of many ranges, and the names of many countries; none is read twice."""
        asked = dict.fromkeys(cells)
        known = {cell: found[0] for cell in asked if (found := self._remembered(("cell", *cell)))}
        read = self.table.look_up(asked.keys() - known.keys())
        for cell in asked.keys() - known.keys() - read.unread:
            held = read.names.get(cell.country) if cell.name == SPELLINGS else read.counts.get(cell)
            self.memory.keep(("cell", *cell), self.now, held)
        counts = {cell: held for cell, held in known.items() if isinstance(held, CellCounts)}
        names = {cell.country: held for cell, held in known.items() if isinstance(held, str)}
        return Found(read.counts | counts, read.names | names, read.unread)

    @property
    def read_at(self) -> float:
        """When the oldest of the counts was read, in seconds."""
        return self.now - (self.age or 0)

    def _read(self, key: tuple[str, ...], read: Callable[[], Read]) -> Read:
        if found := self._remembered(key):
            return cast("Read", found[0])
        held = read()
        self.memory.keep(key, self.now, held)
        return held

    def _remembered(self, key: tuple[str, ...]) -> tuple[object] | None:
        """Return what is remembered, in a tuple since it may be None; None itself where nothing is."""
        found = self.memory.find(key, self.now)
        if found is None:
            return None
        self.age = max(self.age or 0, found[0])
        return (found[1],)
