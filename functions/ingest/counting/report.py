"""Counted combinations of codes → what a file contributes to the counts, and the report on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingest.errors import FileError
from vouchers.counts import NO_VOUCHER, Contribution, amount_name, range_cell, spellings_cell
from vouchers.report import Report, SegmentReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ingest.counting.dimensions import Dimensions
    from vouchers.counts import Cell
    from vouchers.segments import Definitions, Segment

MAX_COUNTERS = 200_000


@dataclass(frozen=True, slots=True)
class Combinations:
    """Which combinations of codes were seen (intp, one a row and axis), and how often (int64)."""

    codes: NDArray[np.intp]
    counts: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> Combinations:
        """Return some of them."""
        return Combinations(self.codes[chosen], self.counts[chosen])

    def by(self, *dimensions: int) -> Iterator[tuple[list[int], int]]:
        """Yield each combination of some axes' codes, and how often it was seen."""
        distinct, which = np.unique(self.codes[:, dimensions], axis=0, return_inverse=True)
        counts = np.zeros(len(distinct), np.int64)
        np.add.at(counts, which.ravel(), self.counts)
        return zip(distinct.tolist(), counts.tolist(), strict=True)

    @property
    def rows(self) -> int:
        """How many rows they stand for."""
        return int(self.counts.sum())


def report_on(
    seen: Combinations, dimensions: Dimensions, definitions: Definitions
) -> tuple[Contribution, Report]:
    """Return a file's contribution to the counts, and its report.

    Raises:
        FileError: if the contribution has more counters than can be committed.
    """
    rejected, kept = _reject(seen, dimensions)
    contribution, segmented = _contribution(kept, dimensions, definitions)
    repaired = {
        "total_orders_empty": kept.where(kept.codes[:, 2] == 0).rows,
        "voucher_amount_null": kept.where(kept.codes[:, 3] == 0).rows,
    }
    segments = {name: SegmentReport(kept.rows, kept.rows - rows) for name, rows in segmented.items()}
    return contribution, Report(seen.rows, kept.rows, seen.rows - kept.rows, rejected, repaired, segments)


def _reject(seen: Combinations, dimensions: Dimensions) -> tuple[dict[str, int], Combinations]:
    by_reason: dict[str, int] = {}
    for dimension, reasons in enumerate(dimensions.reasons):
        for code, name in reasons.items():
            if rows := seen.where(seen.codes[:, dimension] == code).rows:
                by_reason[name] = rows
        seen = seen.where(~np.isin(seen.codes[:, dimension], [*reasons]))
    return by_reason, seen


def _contribution(
    kept: Combinations, dimensions: Dimensions, definitions: Definitions
) -> tuple[Contribution, dict[str, int]]:
    contribution: Contribution = {}
    for (code,), rows in kept.by(0):
        country = dimensions.country.names[code - dimensions.country.first]
        _add(contribution, spellings_cell(country), country, rows)
    segmented = {s.name: _add_segment(contribution, s, kept, dimensions) for s in definitions.segments}
    if sum(map(len, contribution.values())) > MAX_COUNTERS:
        raise FileError(f"it has more than {MAX_COUNTERS:,} different counts; is 'voucher_amount' an amount?")
    return contribution, segmented


def _add_segment(
    contribution: Contribution, segment: Segment, kept: Combinations, dimensions: Dimensions
) -> int:
    places = dimensions.ranges(segment, [*kept.codes.T])
    for place, held in enumerate(segment.all_ranges):
        customers = kept.where(places == place)
        for country, amount, rows in _by_country_and_amount(customers, dimensions):
            _add(contribution, range_cell(country, segment.name, held), amount, rows)
    return kept.where(places >= 0).rows


def _by_country_and_amount(seen: Combinations, dimensions: Dimensions) -> Iterator[tuple[str, str, int]]:
    countries = dict(enumerate(dimensions.country.names, dimensions.country.first))
    amounts = dict(enumerate(map(amount_name, dimensions.amount.amounts), dimensions.amount.first))
    amounts[0] = amount_name(NO_VOUCHER)
    for (country, amount), rows in seen.by(0, 3):
        yield countries[country], amounts[amount], rows


def _add(contribution: Contribution, cell: Cell, name: str, rows: int) -> None:
    counters = contribution.setdefault(cell, {})
    counters[name] = counters.get(name, 0) + rows
