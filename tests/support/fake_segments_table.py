"""Counts for the API's tests: the reference counts of Peru, and a segments table in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vouchers.counts import SPELLINGS, Cell, Contribution, range_cell, spellings_cell
from vouchers.dynamodb.segments_table import CellCounts, CountryCounts, Found
from vouchers.segments import Range
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Counts = Mapping[tuple[str, int, int], Mapping[int, int] | Mapping[float, int]]
    """How often each amount was used, by segment, minimum and maximum."""

UPDATED_AT = "2026-11-22T10:00:00Z"

REFERENCE_COUNTS = {
    ("recency_segment", 180, 99999999): {0: 13950, 2640: 49102, 3520: 22037, 4400: 21458},
    ("frequent_segment", 0, 4): {0: 4543, 2640: 16496, 3520: 7758, 4400: 7402},
    ("frequent_segment", 5, 13): {0: 253, 2640: 4112, 3520: 1374, 4400: 1272},
    ("frequent_segment", 14, 37): {0: 1501, 2640: 11813, 3520: 4391, 4400: 4225},
    ("frequent_segment", 38, 99999999): {0: 7653, 2640: 16681, 3520: 8514, 4400: 8559},
}


def contribution(country: str, counts: Counts) -> Contribution:
    """Return counts as the cells of a country with one spelling."""
    cells = {
        range_cell(country, segment, Range(low, high)): {
            f"{amount:g}": count for amount, count in used.items()
        }
        for (segment, low, high), used in counts.items()
    }
    return {**cells, spellings_cell(country): {country: 1}}


@dataclass
class CountedTable:
    """Stands in for the segments table, and records the reads."""

    counts: Contribution = field(default_factory=lambda: contribution("Peru", REFERENCE_COUNTS))
    asked: list[str] = field(default_factory=list)
    unreadable: frozenset[Cell] = frozenset()

    def cell(self, country: str, segment: str, range_: Range) -> CellCounts | None:
        self.asked.append("cell")
        return self._cell(range_cell(country, segment, range_))

    def country(self, name: str) -> CountryCounts | None:
        self.asked.append("country")
        return self._country(name)

    def _country(self, name: str) -> CountryCounts | None:
        spelled = next(iter(self.counts.get(spellings_cell(name), {})), None)
        if spelled is None:
            return None
        cells = {
            cell.name: counted
            for cell in self.counts.keys() - {spellings_cell(name)}
            if cell.country == country_key(name) and (counted := self._cell(cell))
        }
        return CountryCounts(spelled, UPDATED_AT, cells, dict(self.counts[spellings_cell(name)]))

    def countries(self) -> list[str]:
        self.asked.append("countries")
        return sorted(
            next(iter(names)) for cell, names in self.counts.items() if cell == spellings_cell(cell.country)
        )

    def every_country(self) -> list[CountryCounts]:
        self.asked.append("every country")
        keys = sorted({cell.country for cell in self.counts})
        return [counted for key in keys if (counted := self._country(key))]

    def look_up(self, cells: Iterable[Cell]) -> Found:
        cells = list(cells)
        assert len(set(cells)) == len(cells)
        if cells:
            self.asked.append("look up")
        counts = {cell: counted for cell in cells if cell.name != SPELLINGS and (counted := self._cell(cell))}
        spelled = {
            cell.country: next(iter(self.counts.get(spellings_cell(cell.country), {})), None)
            for cell in cells
        }
        names = {country: name for country, name in spelled.items() if name}
        return Found(
            {cell: range_ for cell, range_ in counts.items() if cell not in self.unreadable},
            names,
            frozenset(cells) & self.unreadable,
        )

    def _cell(self, cell: Cell) -> CellCounts | None:
        if cell not in self.counts:
            return None
        amounts = {float(name): count for name, count in self.counts[cell].items() if count}
        return CellCounts(amounts, UPDATED_AT)
