"""Count the uses of files before a date, and from the date on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from ingest import arrow
from ingest.counting.as_of import microseconds
from ingest.counting.dimensions import Dimensions, mark_states
from ingest.counting.encoding import Column, EncodedColumn, take_parsed
from ingest.counting.histogram import Combinations, Histogram, merge
from ingest.counting.parsing import DAY, READABLE, Parsed, instants
from ingest.errors import OUT_OF_MEMORY, FileError
from ingest.parquet import reader
from ingest.parquet.column_names import TIMESTAMP, WITHOUT_ROW, ColumnRule
from voucher_selector.errors import CommandError, Exit
from voucher_selector.operations.upload import (
    AS_PARQUET,
    describe_failure,
    list_files,
    refuse_tables,
    require_file,
)
from vouchers.counts import NO_VOUCHER
from vouchers.segments import Attribute
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from io import RawIOBase

    from numpy.typing import NDArray

    from ingest.parquet.column_names import ColumnMapping
    from vouchers.segments import Definitions

COUNTRY, AMOUNT, PERIOD, RANGES = range(4)
"""Columns of the combinations; from RANGES on, each segment has one, with the range or -1."""

PARTS = 3
BEFORE, IN_LAST_MONTH, FROM_DATE = range(PARTS)
"""The parts of time, by which calendar months are cut into periods."""

FIRST_MONTH, END_MONTH = np.datetime64("1900-01"), np.datetime64("2200-01")
"""Months that are distinguished; earlier and later times of use are in the first and the last one."""

LAST_DAYS = 30
"""Length of the last month before the date, in days."""

WITHOUT_TIME = (
    "evaluating needs the time of each use; if another column has it, name that, "
    'such as with --columns "timestamp=used_at"'
)


class UseFile(NamedTuple):
    """A file of uses: its name in messages, a function that opens it, and where its columns are."""

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes] | RawIOBase]]
    rule: ColumnRule


class Periods:
    """Times of use as a dimension: calendar months, cut at the date and at the beginning of the last month.

    The number of a period is three times its month, plus its part: before the last month, in it, or from the
    date on.
    """

    reasons: ClassVar = {1: "timestamp_not_a_date"}
    first: ClassVar = 2

    def __init__(self, until: int) -> None:
        days = np.arange(FIRST_MONTH, END_MONTH, dtype="datetime64[D]")
        self._first_day, self._cuts = int(days[0].astype(int)), (until - LAST_DAYS * DAY, until)
        self._months = (days.astype("datetime64[M]") - FIRST_MONTH).astype(np.uint16)
        self._codes: dict[int, int] = {}

    @property
    def size(self) -> int:
        """The number of codes."""
        return self.first + len(self._codes)

    def numbers(self) -> NDArray[np.intp]:
        """Return the period of each code; the first two codes have none."""
        return np.array([-1, -1, *self._codes], np.intp)

    def read(self, used: Parsed) -> EncodedColumn:
        """Return the codes of times of use."""
        moments = used.values if not used.states.any() else np.where(used.states, self._cuts[1], used.values)
        day = np.clip(moments // DAY - self._first_day, 0, len(self._months) - 1)
        numbers = arrow.take(self._months, day) * np.uint16(PARTS)
        for cut in self._cuts:
            numbers += (moments >= cut).view(np.uint8)
        codes = np.zeros(PARTS * (int(self._months[-1]) + 1), np.uint16)
        codes[numbers] = 1
        present = np.flatnonzero(codes).tolist()
        codes[present] = [self.first + self._codes.setdefault(n, len(self._codes)) for n in present]
        return EncodedColumn(mark_states(arrow.take(codes, numbers), (used.states, 1)), None)


@dataclass(frozen=True, slots=True)
class DatedUses:
    """Uses before and from a date on.

    Attributes:
        rows: all rows, of which some are ``rejected``, and some ``undated``: they have no time of use.
        countries: the most frequent spelling of each country.
        amounts: the voucher amounts.
        definitions: the segments.
        uses: all dated uses. COUNTRY and AMOUNT are indices of ``countries`` and ``amounts``.
    """

    rows: int
    rejected: int
    undated: int
    countries: list[str]
    amounts: list[float]
    definitions: Definitions
    uses: Combinations

    def of(self, *parts: int) -> Combinations:
        """Return the uses of parts: BEFORE the last month, IN_LAST_MONTH before the date, FROM_DATE."""
        return self.uses.where(np.isin(self.uses.codes[:, PERIOD] % PARTS, parts))

    def describe_missing_part(self) -> str | None:
        """Return a message with the months of the uses if all are on one side of the date; else None."""
        later, periods = self.of(FROM_DATE).rows, self.uses.codes[:, PERIOD]
        if later not in {0, self.uses.rows}:
            return None
        months = f"The uses are from {name_month(int(periods.min()))} to {name_month(int(periods.max()))}"
        return f"no use is {'before it' if later else 'from it on'}. {months}"


def name_month(period: int) -> str:
    """Return the calendar month of a period, such as ``2018-07``."""
    return str(FIRST_MONTH + period // PARTS)


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading bytes."""
    return path.open("rb")


def find_files(names: Iterable[str], mapping: ColumnMapping) -> Iterator[UseFile]:
    """Yield the given files, and all files in the given folders; folders ``name=value`` can be columns.

    Raises:
        CommandError: if there is no such file or folder, or it is a table of another format or a part of one.
    """
    for name in names:
        place = Path(name).expanduser()
        refuse_tables(name, "evaluated", AS_PARQUET)
        for path in list_files(place) if place.is_dir() else [require_file(name)]:
            yield UseFile(str(path), partial(open_binary, path), ColumnRule(mapping, path.as_posix()))


def read_uses(
    files: Iterable[UseFile], definitions: Definitions, until: datetime, as_of: datetime | None = None
) -> DatedUses:
    """Count the uses of files, with their times.

    Recency and tenure of a use are measured to its own time; before ``until``, to ``as_of`` if that is given.

    Raises:
        CommandError: if a file cannot be counted.
    """
    split, moment = microseconds(until) or 0, microseconds(as_of)
    tenure = definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
    columns = reader.needed_columns(row_as_of=True, tenure=tenure)
    dimensions, periods = Dimensions(definitions, None), Periods(split)
    histogram, times = Histogram(len(dimensions.sizes) + 1), Column(instants)
    for file in files:
        try:
            with file.open() as source:
                opened = reader.open_parquet(source, columns, selection=reader.Selection(file.rule))
                with reader.batches(opened) as batches:
                    for batch in batches:
                        with reader.file_errors("its values cannot be read"):
                            used = take_parsed(*times.read(batch.column(TIMESTAMP)))
                            measured = used.values
                            if moment is not None:
                                measured = np.where(measured < split, moment, measured)
                            valid = used.states == READABLE
                            typed = arrow.from_numpy(measured, valid, pa.timestamp("us"))
                            place = batch.schema.get_field_index(TIMESTAMP)
                            encoded = dimensions.read(batch.set_column(place, TIMESTAMP, typed))
                        codes = [*encoded, periods.read(used)]
                        histogram.add(codes, [*dimensions.sizes, periods.size])
        except (FileError, MemoryError) as error:
            known = error if isinstance(error, FileError) else FileError(f"that {OUT_OF_MEMORY}")
            if known.advice == WITHOUT_ROW:
                known.advice = WITHOUT_TIME
            raise CommandError(describe_failure(file.name, "evaluated", known), Exit.NO) from None
    return _dated_uses(histogram.combinations(), dimensions, definitions, periods)


def _dated_uses(
    counted: Combinations, dimensions: Dimensions, definitions: Definitions, periods: Periods
) -> DatedUses:
    kept = counted
    for place, reasons in enumerate([*dimensions.reasons, periods.reasons]):
        kept = kept.where(~np.isin(kept.codes[:, place], [*reasons]))
    numbers = periods.numbers()[kept.codes[:, -1]]
    spellings: dict[str, Counter[str]] = {}
    for (code,), rows in kept.group_by(0):
        name = dimensions.country.names[code - dimensions.country.first]
        spellings.setdefault(country_key(name), Counter())[name] = rows
    place_of = {key: place for place, key in enumerate(spellings)}
    countries = np.array([0, 0, *(place_of.get(country_key(n), 0) for n in dimensions.country.names)])
    amounts = dimensions.amount.amounts
    amount_of = np.array([*[amounts.index(NO_VOUCHER)] * dimensions.amount.first, *range(len(amounts))])
    ranges = [dimensions.ranges(segment, [*kept.codes.T]) for segment in definitions.segments]
    columns = [countries[kept.codes[:, 0]], amount_of[kept.codes[:, 3]], numbers, *ranges]
    uses = Combinations(np.stack(columns, axis=1), kept.counts)
    dated = merge(uses.where(numbers >= 0))
    return DatedUses(
        counted.rows,
        counted.rows - kept.rows,
        kept.rows - dated.rows,
        [min(names, key=lambda name: (-names[name], name)) for names in spellings.values()],
        amounts,
        definitions,
        dated,
    )
