"""Find the needed columns of a file: under their own names, under other names, or in the object's key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from ingest.errors import CORRECT, FileError
from vouchers.text import listed, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COUNTRY, LAST_ORDER, TIMESTAMP = "country_code", "last_order_ts", "timestamp"
FIRST_ORDER, ORDERS, AMOUNT = "first_order_ts", "total_orders", "voucher_amount"
TIMES = (LAST_ORDER, FIRST_ORDER, TIMESTAMP)
NEEDED = (COUNTRY, *TIMES, ORDERS, AMOUNT)
"""The columns that counting can need."""

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""Hive's value of a partition whose rows have no value."""

WITHOUT_ROW = "only the as-of date 'row' needs 'timestamp'; upload a file that has it, or name a date"
"""The advice if only the column ``timestamp`` is wrong."""

_UNIT = re.compile("(.+):(s|ms|us|ns)")
_AROUND = re.compile("^(?:[\\s\ufeff]|ï»¿)+|[\\s\ufeff]+$")
"""Blanks and byte order marks, also one that was read as Latin-1."""

Value = TypeVar("Value")


class MappedName(NamedTuple):
    """The name of a column in the file, and the unit of its integers if they count from 1970."""

    name: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The names of columns that have other names in a file, by needed column."""

    names: Mapping[str, MappedName] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> ColumnMapping:
        """Read a mapping such as ``country_code=country, last_order_ts=ts:ms``.

        Names are percent-decoded, since metadata of S3 is ASCII.

        Raises:
            ValueError: if the text is none; the message quotes it and says what is expected.
        """
        names: dict[str, MappedName] = {}
        for pair in filter(str.strip, text.split(",")):
            column, equals, name = (part.strip() for part in pair.partition("="))
            if column not in NEEDED or not equals or not name or column in names:
                raise ValueError(
                    f"'{truncate(pair.strip())}' does not name a column; use pairs such as "
                    f"country_code=country, last_order_ts=ts:ms, once for each of {', '.join(NEEDED)}"
                )
            unit = _UNIT.fullmatch(name) if column in TIMES else None
            names[column] = MappedName(unquote(unit[1]), unit[2]) if unit else MappedName(unquote(name))
        return cls(names)

    def with_defaults(self, defaults: ColumnMapping) -> ColumnMapping:
        """Return this mapping with the names of another for the columns that it lacks."""
        return ColumnMapping({**defaults.names, **self.names})

    def __str__(self) -> str:
        """Return the text that ``parse`` reads, equal for equal mappings, as sources record it."""
        pairs = sorted(self.names.items())
        return ",".join(
            f"{c}={quote(name, safe=' ')}{f':{unit}' if unit else ''}" for c, (name, unit) in pairs
        )


NO_MAPPING = ColumnMapping()


@dataclass(frozen=True, slots=True)
class ColumnSources(Generic[Value]):
    """The sources of columns: those that the file has, and the values of those that the key has.

    Attributes:
        stored: columns of the file, by needed column.
        constant: values that all rows share, by needed column; None for null.
    """

    stored: dict[str, Value]
    constant: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Says where the columns of an object are.

    Attributes:
        mapping: other names of columns.
        key: of the object. Its folders ``name=value`` are Hive's partitions.
    """

    mapping: ColumnMapping = NO_MAPPING
    key: str = ""

    def find(
        self, present: Sequence[tuple[str, Value]], needed: Iterable[str], optional: Iterable[str] = ()
    ) -> ColumnSources[Value]:
        """Find columns in a file, or else in the key.

        Args:
            present: the names of the file's columns, each with a value to return.
            needed: columns that must be there.
            optional: columns that are left out if they are not there, or not unique.

        Raises:
            FileError: if a needed column is missing, or several names match it.
        """
        partitions = partition_values(self.key)
        found: ColumnSources[Value] = ColumnSources({}, {})
        missing = []
        for column in needed:
            name = self.mapping.names.get(column, MappedName(column)).name
            if stored := matching(name, present, "it"):
                found.stored[column] = stored[0]
            elif values := matching(name, partitions, f"its key '{truncate(self.key)}'"):
                found.constant[column] = values[0]
            else:
                missing.append(column)
        if missing:
            raise self._missing(missing, [name for name, _ in present])
        for column in optional:
            name = self.mapping.names.get(column, MappedName(column)).name
            try:
                stored = matching(name, present, "it")
            except FileError:
                continue
            if stored and column not in found.stored.keys() | found.constant.keys():
                found.stored[column] = stored[0]
        return found

    def _missing(self, columns: Sequence[str], present: Sequence[str]) -> FileError:
        """Return the error of missing columns, with the mapping that might be meant."""

        def shown(column: str) -> str:
            mapped = self.mapping.names.get(column)
            return f"'{truncate(mapped.name)}' for '{column}'" if mapped else f"'{column}'"

        has = listed(present, 20, lambda name: f"'{truncate(name)}'") or "none"
        folded = {folded_name(name): name for name in present if "," not in name}
        near = {c: get_close_matches(c, folded, 1) for c in columns if c not in self.mapping.names}
        pairs = ",".join(f"{column}={folded[names[0]].strip()}" for column, names in near.items() if names)
        advice = f'{CORRECT}, or name its columns, such as with --columns "{pairs}"' if pairs else CORRECT
        if [*columns] == [TIMESTAMP] and not pairs:
            advice = WITHOUT_ROW
        return FileError(f"it has no column {', '.join(map(shown, columns))}; it has {has}", advice)


def matching(name: str, present: Iterable[tuple[str, Value]], where: str) -> list[Value]:
    """Return the value of a name: that of the exact name, or else of the name that is equal when folded.

    Raises:
        FileError: if several are; ``where`` begins the message.
    """
    folded = folded_name(name)
    alike = [(other, value) for other, value in present if folded_name(other) == folded]
    exact = [(other, value) for other, value in alike if other == name] or alike
    if len(exact) > 1:
        names = listed([other for other, _ in exact], 5, lambda other: f"'{truncate(other)}'")
        raise FileError(f"{where} has more than one column '{truncate(name)}': {names}")
    return [value for _, value in exact]


def folded_name(name: str) -> str:
    """Return what spellings of a column's name share: no blanks or byte order marks around it, no case."""
    return _AROUND.sub("", name).casefold()


def partition_values(key: str) -> list[tuple[str, str | None]]:
    """Return the names and values of the folders ``name=value`` in a key; None for Hive's null."""
    pairs = [folder.partition("=") for folder in key.split("/")[:-1] if "=" in folder]
    return [(unquote(name), None if value == NULL_PARTITION else unquote(value)) for name, _, value in pairs]
