"""Segment definitions: the ranges of an attribute that divide customers, and the settings of countries."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from itertools import pairwise
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from vouchers.text import country_key, truncate

if TYPE_CHECKING:
    from collections.abc import Container

MAX_BOUND = 10**12
"""The largest bound of a range; up to it, doubles distinguish whole numbers and halves."""

DEFINITIONS_FILE = Path(__file__).with_name("segments.toml")


class DefinitionsError(ValueError):
    """Invalid segment definitions; the message names the entry and the reason."""


class Attribute(StrEnum):
    """The value of a customer that decides the range."""

    DAYS_SINCE_LAST_ORDER = "days_since_last_order"
    DAYS_SINCE_FIRST_ORDER = "days_since_first_order"
    TOTAL_ORDERS = "total_orders"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """An interval of an attribute, both ends included."""

    min: int
    max: int

    def __contains__(self, value: float) -> bool:
        """Return whether ``value`` is in the range; NaN is in none."""
        return self.min <= value <= self.max


Ranges = tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A named set of disjoint ranges of one attribute, ascending.

    ``countries`` are countries with other ranges, by their keys, ascending.
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
        """Return the segment with the ranges of a country, whose name may have any spelling."""
        own = dict(self.countries).get(country_key(country)) if self.countries else None
        return replace(self, ranges=own, countries=()) if own else self

    def range_of(self, value: float) -> Range | None:
        """Return the range that contains ``value``, or None; NaN is in no range."""
        return next((r for r in self.ranges if value in r), None)


@dataclass(frozen=True, slots=True)
class CountrySettings:
    """Which amounts may be chosen in a country, and how its amounts are shown; counts do not depend on it.

    Attributes:
        minimum_uses: uses, with and without a voucher, that a choice needs.
        amounts: the only amounts that may be chosen; None for all.
        min_amount: the lowest amount that may be chosen.
        max_amount: the highest amount that may be chosen.
        currency: the code (ISO 4217) of the currency of the amounts.
    """

    minimum_uses: int = 1
    amounts: frozenset[float] | None = None
    min_amount: float = 0.0
    max_amount: float = inf
    currency: str | None = None

    @property
    def has_guards(self) -> bool:
        """Whether a choice depends on the settings."""
        return replace(self, currency=None) != CountrySettings()

    def allow(self, amount: float) -> bool:
        """Return whether ``amount`` may be chosen; 0, which is no voucher, never may."""
        listed = self.amounts is None or amount in self.amounts
        return amount > 0 and listed and self.min_amount <= amount <= self.max_amount


@lru_cache(16)
def _version(segments: tuple[Segment, ...]) -> str:
    own = {s.name: (s.countries,) if s.countries else () for s in segments}
    shape = sorted((s.name, str(s.attribute), s.ranges, *own[s.name]) for s in segments)
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Definitions:
    """All segments, in the order of the definitions file, and the settings of countries.

    ``countries`` are countries with other settings than ``defaults``, by their keys.
    """

    segments: tuple[Segment, ...]
    defaults: CountrySettings = CountrySettings()
    countries: tuple[tuple[str, CountrySettings], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The segments' names."""
        return tuple(segment.name for segment in self.segments)

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change if, and only if, the counts would change."""
        return _version(self.segments)

    def settings(self, country: str) -> CountrySettings:
        """Return the settings of a country, whose name may have any spelling."""
        return dict(self.countries).get(country_key(country), self.defaults)

    def go_by(self, attribute: Attribute) -> bool:
        """Return whether a segment uses an attribute."""
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
        DefinitionsError: if the file is not TOML, a setting is unknown or has an invalid value, or a segment
            has an unknown attribute, no ranges, an empty range, a bound that is not a whole number from 0, or
            two ranges that overlap, in general or in a country.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DefinitionsError(f"{path.name} cannot be read: {error}") from None
    settings = parse_settings("defaults", document.pop("defaults", {}), CountrySettings())
    countries = document.pop("countries", {})
    if not document:
        raise DefinitionsError(f"{path.name} defines no segment; add one, such as [recency_segment]")
    segments = tuple(parse_segment(name, table) for name, table in document.items())
    if not isinstance(countries, dict):
        raise DefinitionsError("countries must contain a table for each country, such as [countries.Peru]")
    own: dict[str, CountrySettings] = {}
    for country, table in countries.items():
        own[new_key("countries", country, own)] = parse_settings(f"countries.{country}", table, settings)
    return Definitions(segments, settings, tuple(sorted(own.items(), key=itemgetter(0))))


def new_key(name: str, country: str, keys: Container[str]) -> str:
    """Return the key of a country that has none yet; ``name`` is what error messages call the table.

    Raises:
        DefinitionsError: if the country's name is blank or its key is among ``keys``.
    """
    key = country_key(country)
    if not key:
        raise DefinitionsError(f"{name}: a country's name is blank")
    if key in keys:
        raise DefinitionsError(f"{name}: the country '{country}' is defined twice, in different spellings")
    return key


def parse_segment(name: str, table: object) -> Segment:
    """Return the segment of a table of the definitions file.

    Raises:
        DefinitionsError: if the table is not valid.
    """
    if not isinstance(table, dict) or {*table, "countries"} != {"attribute", "ranges", "countries"}:
        raise DefinitionsError(
            f"{name} must be a table with 'attribute', 'ranges' and, optionally, 'countries', "
            "and nothing else"
        )
    if "#" in name or not name.strip():
        raise DefinitionsError(f"'{name}' cannot name a segment: a name must not be blank or contain '#'")
    attribute, countries = str(table["attribute"]), table.get("countries", {})
    if attribute not in [*Attribute]:
        known = ", ".join(Attribute)
        raise DefinitionsError(f"{name}: unknown attribute {table['attribute']!r}; known are: {known}")
    if not isinstance(countries, dict):
        raise DefinitionsError(f"{name}: 'countries' must be a table of ranges by country")
    own: dict[str, Ranges] = {}
    for country, values in countries.items():
        own[new_key(name, country, own)] = parse_ranges(f"{name} in {country}", values)
    ranges = parse_ranges(name, table["ranges"])
    return Segment(name, Attribute(attribute), ranges, tuple(sorted(own.items())))


def parse_ranges(name: str, values: object) -> Ranges:
    """Return ranges, ascending; ``name`` is what error messages call them.

    Raises:
        DefinitionsError: if the ranges are not valid.
    """
    if not isinstance(values, list) or not values:
        raise DefinitionsError(f"{name}: 'ranges' must be a list of [min, max] with at least one entry")
    ranges: list[Range] = []
    for value in values:
        match value:
            case [int(low), int(high)] if not isinstance(low, bool) and not isinstance(high, bool):
                if low < 0 or low > high:
                    raise DefinitionsError(f"{name}: range [{low}, {high}] is empty or below 0")
                if high > MAX_BOUND:
                    raise DefinitionsError(f"{name}: range [{low}, {high}] ends beyond {MAX_BOUND}")
                ranges.append(Range(low, high))
            case _:
                raise DefinitionsError(f"{name}: {value!r} is not a range; write [min, max] in whole numbers")
    ranges.sort()
    for below, above in pairwise(ranges):
        if above.min <= below.max:
            raise DefinitionsError(
                f"{name}: ranges [{below.min}, {below.max}] and [{above.min}, {above.max}] overlap"
            )
    return tuple(ranges)


def parse_settings(name: str, table: object, settings: CountrySettings) -> CountrySettings:
    """Return the settings of a table; keys that it lacks have the values of ``settings``.

    ``name`` is what error messages call the table.

    Raises:
        DefinitionsError: if the table is not valid.
    """
    if not isinstance(table, dict):
        raise DefinitionsError(f"{name} must be a table of settings, such as 'minimum_uses = 30'")
    for key, value in table.items():
        match key, value:
            case "minimum_uses", int() if value >= 1 and not isinstance(value, bool):
                settings = replace(settings, minimum_uses=value)
            case "minimum_uses", _:
                raise DefinitionsError(f"{name}: 'minimum_uses' must be a whole number from 1")
            case "currency", str() if re.fullmatch("[A-Z]{3}", value):
                settings = replace(settings, currency=value)
            case "currency", _:
                raise DefinitionsError(f"{name}: 'currency' must be a code of ISO 4217, such as \"PEN\"")
            case "amounts", _:
                settings = with_amounts(name, value, settings)
            case _:
                raise DefinitionsError(
                    f"{name}: unknown key '{key}'; known are: minimum_uses, amounts, currency"
                )
    return settings


def with_amounts(name: str, value: object, settings: CountrySettings) -> CountrySettings:
    """Return ``settings`` with other amounts that may be chosen.

    Raises:
        DefinitionsError: if the value is neither a list of amounts nor a table of bounds that admit one.
    """
    match value:
        case [_, *_]:
            amounts = frozenset(parse_amount(name, amount) for amount in value)
            return replace(settings, amounts=amounts, min_amount=0.0, max_amount=inf)
        case {**bounds} if bounds and bounds.keys() <= {"min", "max"}:
            low = parse_amount(name, bounds.get("min", 0), zero=True)
            high = parse_amount(name, bounds["max"]) if "max" in bounds else inf
            if low > high:
                raise DefinitionsError(f"{name}: no amount is from {bounds['min']} to {bounds['max']}")
            return replace(settings, amounts=None, min_amount=low, max_amount=high)
    raise DefinitionsError(
        f"{name}: 'amounts' must be a list of amounts, such as [2640, 3520], or bounds, such as "
        "{ min = 1000, max = 5000 }"
    )


def parse_amount(name: str, value: object, *, zero: bool = False) -> float:
    """Return an amount that may be chosen, or a bound of these; a lower bound may be 0.

    Raises:
        DefinitionsError: if the value is not a finite number above 0.
    """
    match value:
        case bool():
            pass
        case int() | float() if 0 < value <= sys.float_info.max or (zero and value == 0):
            return float(value)
    raise DefinitionsError(f"{name}: {truncate(repr(value))} is not an amount; write a number above 0")
