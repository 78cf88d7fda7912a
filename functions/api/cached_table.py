"""The table of counts with a cache: what was read within the last seconds is not read again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from vouchers.counts import SPELLINGS, Cell, range_cell
from vouchers.dynamodb.segments_table import CellCounts, CountryCounts, Found, SegmentsTable
from vouchers.segments import Range
from vouchers.text import country_key

Value = TypeVar("Value")

MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class TTLCache:
    """Values with the time at which they were read; the oldest entry is evicted first.

    Attributes:
        seconds: how long an entry is valid; 0 disables the cache.
        entries: time in seconds and value, by key.
    """

    seconds: float
    entries: dict[tuple[str, ...], tuple[float, object]] = field(default_factory=dict)

    def get(self, key: tuple[str, ...], now: float) -> tuple[float, object] | None:
        """Return the time and the value of a valid entry, or None."""
        entry = self.entries.get(key)
        # An age below 0 means that the system's clock was set back.
        return entry if entry and 0 <= now - entry[0] < self.seconds else None

    def put(self, key: tuple[str, ...], now: float, value: object) -> None:
        """Store a value that was read at ``now``."""
        if self.seconds > 0:
            self.entries.pop(key, None)
            self.entries[key] = now, value
        while len(self.entries) > MAX_ENTRIES:
            self.entries.pop(next(iter(self.entries)))


@dataclass(slots=True)
class CachedSegmentsTable:
    """The counts as one request reads them: from the cache if they are recent enough, else from the table.

    Attributes:
        table: the table itself, for reads that must be fresh.
        cache: shared by the requests of the process.
        now: system time of the request in seconds; a monotonic clock would stop while the process is frozen.
        age: age in seconds of the oldest value that came from the cache; None if none did.
    """

    table: SegmentsTable
    cache: TTLCache
    now: float
    age: float | None = None

    def cell(self, country: str, segment: str, range_: Range) -> CellCounts | None:
        """Return the counts of one range; None if it has none."""
        key = ("cell", *range_cell(country, segment, range_))
        return self._read(key, lambda: self.table.cell(country, segment, range_))

    def country(self, name: str) -> CountryCounts | None:
        """Return the counts of a country, in any spelling; None if it has none."""
        return self._read(("country", country_key(name)), lambda: self.table.country(name))

    def countries(self) -> list[str]:
        """Return the countries that have counts, sorted."""
        return self._read(("countries",), self.table.countries)

    def every_country(self) -> list[CountryCounts]:
        """Return the counts of every country, sorted by name."""
        return self._read(("every country",), self.table.every_country)

    def look_up(self, cells: Iterable[Cell]) -> Found:
        """Return the counts of many ranges and the names of many countries; reads only what is not cached."""
        requested = dict.fromkeys(cells)
        cached = {cell: hit[1] for cell in requested if (hit := self._cached(("cell", *cell)))}
        found = self.table.look_up(requested.keys() - cached.keys())
        for cell in requested.keys() - cached.keys() - found.unread:
            value = found.names.get(cell.country) if cell.name == SPELLINGS else found.counts.get(cell)
            self.cache.put(("cell", *cell), self.now, value)
        counts = {cell: value for cell, value in cached.items() if isinstance(value, CellCounts)}
        names = {cell.country: value for cell, value in cached.items() if isinstance(value, str)}
        return Found(found.counts | counts, found.names | names, found.unread)

    def _read(self, key: tuple[str, ...], read: Callable[[], Value]) -> Value:
        if hit := self._cached(key):
            return cast("Value", hit[1])
        value = read()
        self.cache.put(key, self.now, value)
        return value

    def _cached(self, key: tuple[str, ...]) -> tuple[float, object] | None:
        if entry := self.cache.get(key, self.now):
            self.age = max(self.age or 0, self.now - entry[0])
        return entry
