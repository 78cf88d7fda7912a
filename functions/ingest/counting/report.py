"""Make the contribution and the report of a file from its counted combinations of codes."""

import numpy as np

from ingest.counting.dimensions import Dimensions
from ingest.counting.histogram import Combinations
from ingest.errors import FileError
from vouchers.counts import NO_VOUCHER, Contribution, amount_name, range_cell, spellings_cell
from vouchers.report import Report, SegmentReport
from vouchers.segments import Definitions

MAX_COUNTERS = 200_000


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
        for code, name in reasons.items():
            if rows := kept.where(kept.codes[:, dimension] == code).rows:
                by_reason[name] = rows
        kept = kept.where(~np.isin(kept.codes[:, dimension], [*reasons]))

    countries = dict(enumerate(dimensions.country.names, dimensions.country.first))
    amounts = dict(enumerate(map(amount_name, dimensions.amount.amounts), dimensions.amount.first))
    amounts[0] = amount_name(NO_VOUCHER)
    contribution: Contribution = {}
    for (code,), rows in kept.group_by(0):
        spellings = contribution.setdefault(spellings_cell(countries[code]), {})
        spellings[countries[code]] = spellings.get(countries[code], 0) + rows
    segments = {}
    for segment in definitions.segments:
        indices = dimensions.ranges(segment, [*kept.codes.T])
        for index, range_ in enumerate(segment.all_ranges):
            for (country, amount), rows in kept.where(indices == index).group_by(0, 3):
                cell = range_cell(countries[country], segment.name, range_)
                counters = contribution.setdefault(cell, {})
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
