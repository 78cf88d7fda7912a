"""Find the needed columns of a file: under their own names, under other names, or in the object's key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import quote, unquote

from ingest.errors import CORRECT, FileError
from vouchers.text import list_names, truncate

COUNTRY, LAST_ORDER, TIMESTAMP = "country_code", "last_order_ts", "timestamp"
FIRST_ORDER, ORDERS, AMOUNT = "first_order_ts", "total_orders", "voucher_amount"
TIMES = (LAST_ORDER, FIRST_ORDER, TIMESTAMP)
NEEDED = (COUNTRY, *TIMES, ORDERS, AMOUNT)
"""The columns that counting can need."""

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""Hive's value of a partition whose rows have no value."""

WITHOUT_ROW = "only the as-of date 'row' needs 'timestamp'; use a file that has it, or name a date"
"""The advice if only the column ``timestamp`` is wrong."""

_UNIT = re.compile("(.+):(s|ms|us|ns)")
_AROUND = re.compile("^(?:[\\s\ufeff]|ï»¿)+|[\\s\ufeff]+$")
"""Blanks and byte order marks, also one that was read as Latin-1."""


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
class TableColumns:
    """Columns of a data file, according to the metadata of its table.

    Attributes:
        by_id: the names of columns in the table by the field ids that the file gives them.
        by_name: the same by their names in the file, for columns without a field id.
        constants: the values of columns of the table that the file lacks; None for null.
    """

    by_id: Mapping[int, str]
    by_name: Mapping[str, str]
    constants: Mapping[str, str | None]

    def name(self, name: str, field_id: int | None) -> str | None:
        """Return the name in the table of a column of the file; None if the table no longer has it."""
        return self.by_name.get(name) if field_id is None or not self.by_id else self.by_id.get(field_id)


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Says where the columns of an object are.

    Attributes:
        mapping: other names of columns.
        key: of the object. Its folders ``name=value`` are Hive's partitions.
        table: the columns of the table to which the object belongs, if any. Then the key does not matter.
    """

    mapping: ColumnMapping = NO_MAPPING
    key: str = ""
    table: TableColumns | None = None

    def find(
        self, present: Sequence[str], needed: Sequence[str], optional: Sequence[str] = ()
    ) -> tuple[dict[str, int], dict[str, str | None]]:
        """Find columns in a file, or else in the key or the table's metadata.

        Args:
            present: the names of the file's columns.
            needed: columns that must be there.
            optional: columns that are left out if they are not there, or not unique.

        Returns:
            By column: the places in ``present``, and the values in the key (None for null) of all rows.

        Raises:
            FileError: if a needed column is missing, or several names match it.
        """
        folders = [*self.table.constants.items()] if self.table else partition_values(self.key)
        in_file = _Names(present, "it")
        in_key = _Names(
            [name for name, _ in folders], "its table" if self.table else f"its key '{truncate(self.key)}'"
        )
        stored: dict[str, int] = {}
        constant: dict[str, str | None] = {}
        missing = []
        for column in (*needed, *optional):
            name = self.mapping.names.get(column, MappedName(column)).name
            try:
                if places := in_file.find(name):
                    stored[column] = places[0]
                elif places := in_key.find(name):
                    constant[column] = folders[places[0]][1]
                else:
                    missing += [column] if column in needed else []
            except FileError:
                if column in needed:
                    raise
        if missing:
            raise self._missing(missing, [*present], in_key.names)
        return stored, constant

    def _missing(self, columns: Sequence[str], present: Sequence[str], folders: Sequence[str]) -> FileError:
        """Return the error of missing columns, with the mapping that might be meant."""

        def shown(column: str) -> str:
            mapped = self.mapping.names.get(column)
            return f"'{truncate(mapped.name)}' for '{column}'" if mapped else f"'{column}'"

        has = list_names(present, 20, lambda name: f"'{truncate(name)}'") or "none"
        known = {self.mapping.names.get(column, MappedName(column)).name for column in NEEDED}
        folded = {folded_name(name): name for name in (*folders, *present)}
        for name in map(folded_name, known):
            folded.pop(name, None)
        near = {c: get_close_matches(c, folded, 1) for c in columns if c not in self.mapping.names}
        meant = ColumnMapping({c: MappedName(folded[names[0]].strip()) for c, names in near.items() if names})
        advice = WITHOUT_ROW if [*columns] == [TIMESTAMP] else CORRECT
        if meant.names:
            advice = f'{CORRECT}, or name its columns, such as with --columns "{meant}"'
        return FileError(f"it has no column {', '.join(map(shown, columns))}; it has {has}", advice)


class _Names:
    """Names of columns. The message about an ambiguous name begins with ``where``."""

    def __init__(self, names: Sequence[str], where: str) -> None:
        self.names, self._where = names, where
        self._places: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            self._places.setdefault(folded_name(name), []).append(place)

    def find(self, name: str) -> list[int]:
        """Return the place of a name: of the exact name, or else of the name that is equal when folded.

        Raises:
            FileError: if several names match.
        """
        alike = self._places.get(folded_name(name), [])
        exact = [place for place in alike if self.names[place] == name] or alike
        if len(exact) > 1:
            names = list_names(
                [self.names[place] for place in exact], 5, lambda other: f"'{truncate(other)}'"
            )
            raise FileError(f"{self._where} has more than one column '{truncate(name)}': {names}")
        return exact


def folded_name(name: str) -> str:
    """Return what spellings of a column's name share: no blanks or byte order marks around it, no case."""
    return _AROUND.sub("", name).casefold()


def partition_values(key: str) -> list[tuple[str, str | None]]:
    """Return the names and values of the folders ``name=value`` in a key; None for Hive's null."""
    pairs = [folder.partition("=") for folder in key.split("/")[:-1] if "=" in folder]
    return [(unquote(name), None if value == NULL_PARTITION else unquote(value)) for name, _, value in pairs]
