"""The contribution and the report of a file, from its counted combinations of codes and its rejected rows."""

from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import arrow
from ingest.counting.dimensions import Dimensions
from ingest.counting.histogram import Combinations
from ingest.counting.parsing import decoded
from ingest.errors import FileError
from vouchers.counts import NO_VOUCHER, Contribution, amount_name, range_cell, spellings_cell
from vouchers.report import RejectedExample, Report, SegmentReport
from vouchers.segments import Definitions
from vouchers.text import truncate

MAX_COUNTERS = 200_000

MAX_EXAMPLES = 3
"""Examples of rejected rows for each reason."""


def make_report(
    combinations: Combinations, dimensions: Dimensions, definitions: Definitions
) -> tuple[Contribution, Report]:
    """Return a file's contribution to the counts, and its report.

    Raises:
        FileError: if the contribution has more than ``MAX_COUNTERS`` counters.
    """
    by_reason: dict[str, int] = {}
    kept = combinations
    for dimension, reasons in enumerate(dimensions.reasons):
        rejecting = {name: kept.codes[:, dimension] == code for code, name in reasons.items()}
        rows_of = {name: int(kept.counts[mask].sum()) for name, mask in rejecting.items()}
        by_reason |= {name: rows for name, rows in rows_of.items() if rows}
        kept = kept.where(~np.logical_or.reduce([*rejecting.values()]))

    countries = dict(enumerate(dimensions.country.names, dimensions.country.first))
    amounts = dict(enumerate(map(amount_name, dimensions.amount.amounts), dimensions.amount.first))
    amounts[0] = amount_name(NO_VOUCHER)
    contribution: Contribution = {}
    for (code,), rows in kept.group_by(0):
        spellings = contribution.setdefault(spellings_cell(countries[code]), {})
        spellings[countries[code]] = spellings.get(countries[code], 0) + rows
    segments = {}
    for segment in definitions.segments:
        ranges = segment.all_ranges
        indices = dimensions.ranges(segment, [*kept.codes.T])
        by_range = Combinations(np.column_stack([indices, kept.codes]), kept.counts).where(indices >= 0)
        groups = by_range.group_by(0, 1, 4)
        for (index, country), of_cell in groupby(groups, lambda group: group[0][:2]):
            cell = range_cell(countries[country], segment.name, ranges[index])
            counters = contribution.setdefault(cell, {})
            for (*_, amount), rows in of_cell:
                counters[amounts[amount]] = counters.get(amounts[amount], 0) + rows
        segments[segment.name] = SegmentReport(kept.rows, kept.where(indices < 0).rows)
    if sum(map(len, contribution.values())) > MAX_COUNTERS:
        raise FileError(f"it has more than {MAX_COUNTERS:,} different counts; is 'voucher_amount' an amount?")

    repaired = {
        "total_orders_empty": kept.where(kept.codes[:, 2] == 0).rows,
        "voucher_amount_null": kept.where(kept.codes[:, 3] == 0).rows,
    }
    rows = combinations.rows
    return contribution, Report(rows, kept.rows, rows - kept.rows, by_reason, repaired, segments)


class Examples:
    """Collects the first rejected rows of each reason.

    Attributes:
        by_reason: the examples by reason, in the order of the rows.
    """

    def __init__(self) -> None:
        self.by_reason: dict[str, list[RejectedExample]] = {}

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        """Add rejected rows, with their numbers in the file and their reasons.

        The name of a reason begins with the name of a column, whose value the example has.
        """
        indices = arrow.values(reasons.indices, np.int8)
        for index in np.flatnonzero(np.bincount(indices)).tolist():
            reason = reasons.dictionary[index].as_py()
            column = batch.column(next(name for name in batch.schema.names if reason.startswith(name)))
            found = self.by_reason.setdefault(reason, [])
            for place in np.flatnonzero(indices == index)[: MAX_EXAMPLES - len(found)].tolist():
                found.append(RejectedExample(int(rows[place]), text_at(column, place)))


def text_at(column: pa.Array, place: int) -> str | None:
    """Return a value of a column as a short text; None for a null."""
    entry = column[place : place + 1]
    if isinstance(entry, pa.DictionaryArray):
        entry = entry.dictionary_decode()
    value = (decoded(entry) if arrow.is_text(entry.type) else entry)[0].as_py()
    return None if value is None else truncate(str(value))
