"""One file counted by the product's own rules, once for each choice of the as-of date."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ingest.counting.as_of import ROW, AsOf, microseconds
from ingest.counting.count_file import Counted, RowCallbacks, count_file
from ingest.errors import FileError
from ingest.parquet.reader import COUNTRY, LAST_ORDER, TIMESTAMP
from voucher_selector.errors import Exit
from voucher_selector.explore.frames import instants
from voucher_selector.explore.sources import ExploreError
from vouchers.segments import load_definitions
from vouchers.text import truncate

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from voucher_selector.explore.sources import File

EXAMPLES = 3
"""Rejected rows that are shown of each reason."""


@dataclass(frozen=True, slots=True)
class View:
    """A file as it counts by one choice of the as-of date.

    Attributes:
        choice: what to call it, as ``date 2018-08-05``.
        counted: its contribution and report.
        rejected: a few rejected rows of each reason, with their number in the file and what they hold.
    """

    choice: str
    counted: Counted
    rejected: pd.DataFrame


def own_view(file: File) -> View:
    """Return the file as the stack counts it.

    Raises:
        ExploreError: if it cannot be counted.
    """
    try:
        return _view(file, file.as_of)
    except FileError as error:
        raise ExploreError(f"{file.uri} cannot be counted: {error}", Exit.NO) from None


def all_views(file: File, uses: pd.DataFrame) -> list[View]:
    """Return the file by a date, by the time of the upload, and by each row's own time where rows have one.

    The date is the file's own as-of date; where that is none, the day after the last use.
    """
    date = file.as_of if file.as_of.moment else AsOf.parse(day_after(uses).isoformat())
    rules = [date, AsOf("upload"), *([AsOf(ROW)] if TIMESTAMP in uses else [])]
    return [_view(file, rule) for rule in rules]


def day_after(uses: pd.DataFrame) -> datetime:
    """Return midnight (UTC) after the last use, or after the last order where nothing says when uses were."""
    for times in (instants(uses[name]) for name in (TIMESTAMP, LAST_ORDER) if name in uses):
        known = times[times.dt.year.between(MINYEAR, MAXYEAR - 1)]
        if len(known):
            return known.max().floor("D").to_pydatetime() + timedelta(days=1)
    return datetime.now(UTC)


def _view(file: File, rule: AsOf) -> View:
    moment, kept = rule.at(file.uploaded), _Kept()
    with file.open_object() as source:
        counted = count_file(source, microseconds(moment), load_definitions(), RowCallbacks(kept.add))
    return View(f"{rule.rule} {moment:%Y-%m-%d}" if moment else rule.rule, counted, kept.frame())


@dataclass(slots=True)
class _Kept:
    """The first rejected rows of each reason."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], reasons: pa.DictionaryArray) -> None:
        """Keep what is still wanted of a batch."""
        places = reasons.indices.to_numpy()
        for place, reason in enumerate(reasons.dictionary.to_pylist()):
            wanted = np.flatnonzero(places == place)[: EXAMPLES - self.seen.get(reason, 0)]
            for at in wanted.tolist():
                held = {name: _shown(batch.column(name)[at]) for name in batch.schema.names}
                self.rows.append({"row": int(rows[at]), "reason": reason, **held})
            self.seen[reason] = self.seen.get(reason, 0) + len(wanted)

    def frame(self) -> pd.DataFrame:
        """Return the rows, reason by reason."""
        frame = pd.DataFrame(self.rows, columns=None if self.rows else ["row", "reason", COUNTRY])
        return frame.sort_values(["reason", "row"], ignore_index=True)


def _shown(value: pa.Scalar) -> str:
    return "null" if not value.is_valid else truncate(str(value))
