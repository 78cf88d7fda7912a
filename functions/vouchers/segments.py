"""Segment definitions: which ranges of which attribute customers are sorted into."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path

from vouchers.text import country_key

MAX_BOUND = 10**12
"""The largest bound of a range; up to here doubles tell whole numbers and halves apart."""

DEFINITIONS_FILE = Path(__file__).with_name("segments.toml")


class DefinitionsError(ValueError):
    """The segment definitions cannot be used; the message says which line of them and why."""


class Attribute(StrEnum):
    """What a customer can be sorted by."""

    DAYS_SINCE_LAST_ORDER = "days_since_last_order"
    DAYS_SINCE_FIRST_ORDER = "days_since_first_order"
    TOTAL_ORDERS = "total_orders"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """An interval of an attribute, inclusive at both ends."""

    min: int
    max: int

    def __contains__(self, value: float) -> bool:
        """Say whether ``value`` lies in the range; NaN lies in none."""
        return self.min <= value <= self.max


Ranges = tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A named way of sorting customers: disjoint ranges of one attribute, ascending.

    ``countries`` have ranges of their own in the place of ``ranges``, by the countries' keys, ascending.
    """

    name: str
    attribute: Attribute
    ranges: Ranges
    countries: tuple[tuple[str, Ranges], ...] = ()

    @property
    def all_ranges(self) -> Ranges:
        """The ranges of all countries."""
        return tuple(sorted({*self.ranges, *(r for _, own in self.countries for r in own)}))

    def in_country(self, country: str) -> Segment:
        """Return the segment as a country has it; its name may be spelled in any way."""
        own = dict(self.countries).get(country_key(country)) if self.countries else None
        return replace(self, ranges=own, countries=()) if own else self

    def range_of(self, value: float) -> Range | None:
        """Return the range that holds ``value``, or None where none does (NaN is in no range)."""
        return next((r for r in self.ranges if value in r), None)


@dataclass(frozen=True, slots=True)
class Definitions:
    """All segments, by the order in which they are defined."""

    segments: tuple[Segment, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The segments' names."""
        return tuple(segment.name for segment in self.segments)

    @property
    def version(self) -> str:
        """Twelve hex digits that change when, and only when, what is counted changes."""
        own = {s.name: (s.countries,) if s.countries else () for s in self.segments}
        shape = sorted((s.name, str(s.attribute), s.ranges, *own[s.name]) for s in self.segments)
        return hashlib.sha256(repr(shape).encode()).hexdigest()[:12]

    def go_by(self, attribute: Attribute) -> bool:
        """Say whether a segment goes by an attribute."""
        return any(segment.attribute is attribute for segment in self.segments)

    def segment(self, name: str) -> Segment:
        """Return the segment called ``name``.

        Raises:
            KeyError: if there is none.
        """
        return {segment.name: segment for segment in self.segments}[name]


@cache
def load_definitions(path: Path = DEFINITIONS_FILE) -> Definitions:
    """Read and validate a definitions file.

    Raises:
        DefinitionsError: if the file is not TOML, or a segment has an unknown attribute,
            no ranges, an empty range, a range of anything but whole numbers from 0, or two that overlap, in
            general or in a country.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefinitionsError(f"{path.name} cannot be read: {error}") from None
    if not document:
        raise DefinitionsError(f"{path.name} defines no segment; add one, such as [recency_segment]")
    return Definitions(tuple(_segment(name, table) for name, table in document.items()))


def _segment(name: str, table: object) -> Segment:
    if not isinstance(table, dict) or {*table, "countries"} != {"attribute", "ranges", "countries"}:
        raise DefinitionsError(
            f"{name} must be a table with 'attribute' and 'ranges', perhaps 'countries', and nothing else"
        )
    if "#" in name or not name.strip():
        raise DefinitionsError(f"'{name}' cannot name a segment: a name is not blank and holds no '#'")
    countries = _countries(name, table.get("countries", {}))
    return Segment(name, _attribute(name, table["attribute"]), _ranges(name, table["ranges"]), countries)


def _countries(name: str, table: object) -> tuple[tuple[str, Ranges], ...]:
    if not isinstance(table, dict):
        raise DefinitionsError(f"{name}: 'countries' must be a table of ranges by country")
    own: dict[str, Ranges] = {}
    for country, values in table.items():
        if not country_key(country):
            raise DefinitionsError(f"{name}: a country's name is blank")
        if country_key(country) in own:
            raise DefinitionsError(
                f"{name}: the country '{country}' is there twice, but for how it is written"
            )
        own[country_key(country)] = _ranges(f"{name} in {country}", values)
    return tuple(sorted(own.items()))


def _attribute(name: str, value: object) -> Attribute:
    try:
        return Attribute(str(value))
    except ValueError:
        known = ", ".join(Attribute)
        raise DefinitionsError(f"{name}: unknown attribute {value!r}; known are: {known}") from None


def _ranges(name: str, values: object) -> Ranges:
    if not isinstance(values, list) or not values:
        raise DefinitionsError(f"{name}: 'ranges' must be a list of [min, max] with at least one entry")
    ranges = tuple(sorted(_range(name, value) for value in values))
    for below, above in pairwise(ranges):
        if above.min <= below.max:
            raise DefinitionsError(
                f"{name}: ranges [{below.min}, {below.max}] and [{above.min}, {above.max}] overlap"
            )
    return ranges


def _range(name: str, value: object) -> Range:
    match value:
        case [int(low), int(high)] if not isinstance(low, bool) and not isinstance(high, bool):
            if low < 0 or low > high:
                raise DefinitionsError(f"{name}: range [{low}, {high}] is empty or below 0")
            if high > MAX_BOUND:
                raise DefinitionsError(f"{name}: range [{low}, {high}] ends beyond {MAX_BOUND}")
            return Range(low, high)
        case _:
            raise DefinitionsError(f"{name}: {value!r} is not a range; write [min, max] in whole numbers")
