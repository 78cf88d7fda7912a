"""A file counted by the product's rules, for several as-of dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.counting.as_of import ROW, AsOf, microseconds
from ingest.counting.count_file import Counted, RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet.column_names import COUNTRY, LAST_ORDER, TIMESTAMP
from ingest.parquet.reader import Selection
from voucher_selector.errors import Exit
from voucher_selector.explore.frames import parse_timestamps
from voucher_selector.explore.sources import ExploreError, File
from voucher_selector.operations.upload import describe_failure
from vouchers.segments import load_definitions
from vouchers.text import truncate

if TYPE_CHECKING:
    import pyarrow as pa

MAX_EXAMPLES = 3
"""Rejected rows of a reason that are shown."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file counted for one as-of date.

    Attributes:
        name: the as-of rule with its date, such as ``date 2018-08-05``.
        counted: its contribution and report.
        rejected: some rejected rows of each reason, with their number in the file and their values.
    """

    name: str
    counted: Counted
    rejected: pd.DataFrame


def count_scenario(file: File, rule: AsOf) -> Scenario:
    """Count a file for one as-of date.

    Raises:
        ExploreError: if the file cannot be counted.
    """
    moment = rule.at(file.uploaded)
    examples: list[dict[str, Any]] = []
    seen: dict[str, int] = {}

    def add_examples(batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        codes = reasons.indices.to_numpy()
        for code, reason in enumerate(reasons.dictionary.to_pylist()):
            places = np.flatnonzero(codes == code)[: MAX_EXAMPLES - seen.get(reason, 0)].tolist()
            for place in places:
                values = {name: batch.column(name)[place] for name in batch.schema.names}
                texts = {n: truncate(str(v)) if v.is_valid else "null" for n, v in values.items()}
                examples.append({"row": int(rows[place]), "reason": reason, **texts})
            seen[reason] = seen.get(reason, 0) + len(places)

    try:
        with file.open_object() as source:
            callbacks = RowCallbacks(add_examples)
            selection = Selection(file.rule)
            counted = count_file(source, microseconds(moment), load_definitions(), callbacks, selection)
    except FileError as error:
        message = f"{file.uri} cannot be counted: {error}; {error.advice}"
        message = message if file.stack else describe_failure(file.uri, "counted", error)
        raise ExploreError(message, Exit.NO) from None
    rejected = pd.DataFrame(examples, columns=None if examples else ["row", "reason", COUNTRY])
    name = f"{rule.rule} {moment:%Y-%m-%d}" if moment else rule.rule
    return Scenario(name, counted, rejected.sort_values(["reason", "row"], ignore_index=True))


def count_scenarios(file: File, uses: pd.DataFrame) -> list[Scenario]:
    """Count a file for a date, for the time of the upload, and for each row's own time if rows have one.

    The date is the file's as-of date, or the day after the last use if the file has none.
    """
    date = file.as_of if file.as_of.moment else AsOf.parse(day_after(uses).isoformat())
    rules = [date, AsOf("upload"), *([AsOf(ROW)] if TIMESTAMP in uses else [])]
    return [count_scenario(file, rule) for rule in rules]


def day_after(uses: pd.DataFrame) -> datetime:
    """Return midnight (UTC) after the last use, or after the last order if there are no times of use."""
    for times in (parse_timestamps(uses[name]) for name in (TIMESTAMP, LAST_ORDER) if name in uses):
        known = times[times.dt.year.between(MINYEAR, MAXYEAR - 1)]
        if len(known):
            return known.max().floor("D").to_pydatetime() + timedelta(days=1)
    return datetime.now(UTC)
