"""Count the uses of files before a date, and from the date on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any, ClassVar

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
from ingest.parquet.column_names import TIMESTAMP, WITHOUT_ROW
from vouchers.counts import NO_VOUCHER, most_frequent
from vouchers.segments import Attribute
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from io import RawIOBase

    from numpy.typing import NDArray

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


Pair = tuple[Sequence[Any], int]
"""What rows have in common, and their number.

The rows are ROWS (all), REJECTED or UNDATED; or SPELLING and a spelling of a country; or USES and the key of
the country, the amount, the period and the range of each segment.
"""

ROWS, REJECTED, UNDATED, SPELLING, USES = "rows", "rejected", "undated", "spelling", "uses"


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


@dataclass(frozen=True)
class DatedUses:
    """Uses before and from a date on.

    Attributes:
        rows: all rows, of which some are ``rejected``, and some ``undated``: they have no time of use.
        spellings: the rows of each spelling of a country, by the key of the country.
        amounts: the voucher amounts.
        definitions: the segments.
        uses: all dated uses. COUNTRY and AMOUNT are indices of ``countries`` and ``amounts``.
    """

    rows: int
    rejected: int
    undated: int
    spellings: dict[str, Counter[str]]
    amounts: list[float]
    definitions: Definitions
    uses: Combinations

    @cached_property
    def countries(self) -> list[str]:
        """The most frequent spelling of each country."""
        return [most_frequent(names) or "" for names in self.spellings.values()]

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


class UseCounter:
    """Counts the uses of files, with their times."""

    def __init__(self, definitions: Definitions, until: datetime, as_of: datetime | None = None) -> None:
        """Divide uses at ``until``.

        Recency and tenure of a use are measured to its own time; before ``until``, to ``as_of`` if that is
        given.
        """
        self._definitions = definitions
        self._split, self._moment = microseconds(until) or 0, microseconds(as_of)
        tenure = definitions.go_by(Attribute.DAYS_SINCE_FIRST_ORDER)
        self._columns = reader.needed_columns(row_as_of=True, tenure=tenure)
        self._dimensions, self._periods = Dimensions(definitions, None), Periods(self._split)
        self._histogram, self._times = Histogram(len(self._dimensions.sizes) + 1), Column(instants)

    def read(self, source: IO[bytes] | RawIOBase, selection: reader.Selection) -> None:
        """Count the selected uses of a file.

        Raises:
            FileError: if it cannot be counted. Some of its uses may be counted.
        """
        try:
            opened = reader.open_parquet(source, self._columns, selection=selection)
            with reader.batches(opened) as batches:
                for batch in batches:
                    self._add(batch)
        except FileError as error:
            if error.advice == WITHOUT_ROW:
                error.advice = WITHOUT_TIME
            raise
        except MemoryError:
            raise FileError(f"that {OUT_OF_MEMORY}") from None

    def _add(self, batch: pa.RecordBatch) -> None:
        with reader.file_errors("its values cannot be read"):
            used = take_parsed(*self._times.read(batch.column(TIMESTAMP)))
            measured = used.values
            if self._moment is not None:
                measured = np.where(measured < self._split, self._moment, measured)
            typed = arrow.from_numpy(measured, used.states == READABLE, pa.timestamp("us"))
            place = batch.schema.get_field_index(TIMESTAMP)
            encoded = self._dimensions.read(batch.set_column(place, TIMESTAMP, typed))
        codes = [*encoded, self._periods.read(used)]
        self._histogram.add(codes, [*self._dimensions.sizes, self._periods.size])

    def uses(self) -> DatedUses:
        """Return the uses counted so far."""
        dimensions = self._dimensions
        counted = kept = self._histogram.combinations()
        for place, reasons in enumerate([*dimensions.reasons, self._periods.reasons]):
            kept = kept.where(~np.isin(kept.codes[:, place], [*reasons]))
        numbers = self._periods.numbers()[kept.codes[:, -1]]
        spellings: dict[str, Counter[str]] = {}
        for (code,), rows in kept.group_by(0):
            name = dimensions.country.names[code - dimensions.country.first]
            spellings.setdefault(country_key(name), Counter())[name] = rows
        place_of = {key: place for place, key in enumerate(spellings)}
        countries = np.array([0, 0, *(place_of.get(country_key(n), 0) for n in dimensions.country.names)])
        amounts = dimensions.amount.amounts
        amount_of = np.array([*[amounts.index(NO_VOUCHER)] * dimensions.amount.first, *range(len(amounts))])
        ranges = [dimensions.ranges(segment, [*kept.codes.T]) for segment in self._definitions.segments]
        columns = [countries[kept.codes[:, 0]], amount_of[kept.codes[:, 3]], numbers, *ranges]
        uses = Combinations(np.stack(columns, axis=1), kept.counts)
        dated = merge(uses.where(numbers >= 0))
        rejected, undated = counted.rows - kept.rows, kept.rows - dated.rows
        return DatedUses(counted.rows, rejected, undated, spellings, amounts, self._definitions, dated)


def flatten_uses(uses: DatedUses) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Yield uses as pairs. The pairs of several files add up to those of all their uses."""
    yield (ROWS,), uses.rows
    yield (REJECTED,), uses.rejected
    yield (UNDATED,), uses.undated
    for names in uses.spellings.values():
        for name, rows in names.items():
            yield (SPELLING, name), rows
    keys = [*uses.spellings]
    for (country, amount, *others), rows in uses.uses.group_by(*range(uses.uses.codes.shape[1])):
        yield (USES, keys[country], uses.amounts[amount], *others), rows


def build_uses(pairs: Iterable[Pair], definitions: Definitions) -> DatedUses:
    """Return the uses in pairs that are different; ``definitions`` are those by which they were counted."""
    numbers: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    countries: dict[str, int] = {}
    amounts: dict[float, int] = {}
    codes, counts = [], []
    for (kind, *path), rows in sorted(pairs, key=itemgetter(0)):  # spellings are before uses
        if kind == SPELLING:
            key = country_key(path[0])
            countries.setdefault(key, len(countries))
            spellings.setdefault(key, Counter())[path[0]] = rows
        elif kind == USES:
            country, amount, *others = path
            codes.append((countries[country], amounts.setdefault(amount, len(amounts)), *others))
            counts.append(rows)
        else:
            numbers[kind] += rows
    shape = (len(codes), RANGES + len(definitions.segments))
    uses = Combinations(np.array(codes, np.intp).reshape(shape), np.array(counts, np.int64))
    rows, rejected, undated = (numbers[kind] for kind in (ROWS, REJECTED, UNDATED))
    return DatedUses(rows, rejected, undated, spellings, [*amounts], definitions, uses)
