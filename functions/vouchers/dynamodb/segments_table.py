"""The DynamoDB table of counts.

Each item is a cell: ``country`` (partition key), ``cell`` (sort key), ``updated_at`` (ISO 8601, UTC), and
one number per counter, named by voucher amount, so that ``ADD`` can change it separately. In the cell of
spellings, a counter is named ``as:`` and the spelling.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vouchers.counts import SPELLINGS, Cell, Counters, range_cell
from vouchers.dynamodb.batch_get import read_items
from vouchers.text import country_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from vouchers.counts import Contribution
    from vouchers.segments import Range, Segment

COUNTRY, CELL, UPDATED_AT = "country", "cell", "updated_at"
SPELLED = "as:"

MAX_COUNTERS_IN_CORRECTION = 50
"""Counters of one correction; DynamoDB allows 300 operators in a condition."""

Item = dict[str, Any]
"""An item as DynamoDB encodes it."""


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Uses by voucher amount in one cell, and when they last changed (ISO 8601, UTC)."""

    amounts: dict[float, int]
    updated_at: str

    @classmethod
    def total(cls, cells: Iterable[CellCounts | None]) -> CellCounts:
        """Return the counts of several cells as one; None is a cell without counts."""
        counted = [cell for cell in cells if cell]
        amounts: Counter[float] = Counter()
        for cell in counted:
            amounts.update(cell.amounts)
        return cls(dict(amounts), max((cell.updated_at for cell in counted), default=""))


@dataclass(frozen=True, slots=True)
class CountryCounts:
    """The counts of one country.

    Attributes:
        name: its most frequent spelling.
        updated_at: when the counts last changed (ISO 8601, UTC).
        cells: counts of ranges, by name of the cell.
        spellings: counted rows by spelling of the name.
    """

    name: str
    updated_at: str
    cells: dict[str, CellCounts] = field(default_factory=dict)
    spellings: Counters = field(default_factory=dict)

    @property
    def uses(self) -> int:
        """How many rows are counted."""
        return sum(self.spellings.values())

    def cell(self, segment: Segment, range_: Range) -> CellCounts | None:
        """Return the counts of one range; None if it has none."""
        return self.cells.get(range_cell(self.name, segment.name, range_).name)


class Found(NamedTuple):
    """The results of looking up many cells.

    Attributes:
        counts: by cell; only cells that have counts.
        names: the most frequent spelling of each country, by its key; only countries that have counts.
        unread: cells that DynamoDB left unprocessed.
    """

    counts: dict[Cell, CellCounts]
    names: dict[str, str]
    unread: frozenset[Cell]


def item_key(cell: Cell) -> Item:
    """Return the primary key of a cell's item."""
    return {COUNTRY: {"S": cell.country}, CELL: {"S": cell.name}}


@dataclass(frozen=True, slots=True)
class SegmentsTable:
    """Reads the counts. Every method may raise ``botocore.exceptions.ClientError``."""

    client: DynamoDBClient
    name: str

    def cell(self, country: str, segment: str, range_: Range) -> CellCounts | None:
        """Return the counts of one range with one GetItem; None if it has none."""
        key = item_key(range_cell(country, segment, range_))
        item = self.client.get_item(TableName=self.name, Key=key).get("Item")
        return _cell_counts(item) if item else None

    def country(self, name: str) -> CountryCounts | None:
        """Return the counts of a country, in any spelling, with a query; None if it has none."""
        return _country_counts(self._query(country_key(name)))

    def every_country(self) -> list[CountryCounts]:
        """Return the counts of every country, sorted by name, with a scan."""
        items: dict[str, list[Item]] = {}
        for page in self.client.get_paginator("scan").paginate(TableName=self.name):
            for item in page["Items"]:
                items.setdefault(item[COUNTRY]["S"], []).append(item)
        counted = map(_country_counts, items.values())
        return sorted((each for each in counted if each), key=lambda each: each.name)

    def look_up(self, cells: Iterable[Cell]) -> Found:
        """Return the counts of many ranges and the names of many countries, with BatchGetItem.

        Args:
            cells: of ranges, and of spellings for the countries' names.
        """
        items, unread = read_items(self.client, self.name, [item_key(cell) for cell in dict.fromkeys(cells)])
        found = {_cell(item): item for item in items}
        spelled = {cell.country: _spelling(item) for cell, item in found.items() if cell.name == SPELLINGS}
        return Found(
            {cell: _cell_counts(item) for cell, item in found.items() if cell.name != SPELLINGS},
            {country: name for country, name in spelled.items() if name is not None},
            frozenset(map(_cell, unread)),
        )

    def countries(self) -> list[str]:
        """Return the most frequent spelling of each country that has counts, sorted, with a scan."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="#cell = :spellings",
            ExpressionAttributeNames={"#cell": CELL},
            ExpressionAttributeValues={":spellings": {"S": SPELLINGS}},
        )
        names = (_spelling(item) for page in pages for item in page["Items"])
        return sorted(name for name in names if name is not None)

    def counters(self) -> Contribution:
        """Return every counter that is not 0, as the sum of all contributions."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        cells = ((_cell(item), dict(_numbers(item))) for page in pages for item in page["Items"])
        return {
            cell: {name.removeprefix(SPELLED): count for name, count in counters.items()}
            for cell, counters in cells
            if counters
        }

    def correct(self, cell: Cell, read: Counters, right: Counters, now: str) -> bool:
        """Set counters of a cell, unless one of them has changed; return whether they were set.

        Args:
            cell: the cell of the counters.
            read: the values that were read, by name; 0 for a missing counter.
            right: the values to set, by the same names, at most ``MAX_COUNTERS_IN_CORRECTION``.
            now: the time of the change (ISO 8601, UTC).
        """
        try:
            self.client.update_item(
                TableName=self.name, Key=item_key(cell), **_correction(cell, read, right, now)
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _query(self, key: str) -> Iterator[Item]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="#country = :country",
            ExpressionAttributeNames={"#country": COUNTRY},
            ExpressionAttributeValues={":country": {"S": key}},
        )
        return (item for page in pages for item in page["Items"])


def add_update(table: str, cell: Cell, counters: Counters, now: str) -> Item:
    """Return the ``Update`` of a transaction that adds ``counters`` to a cell's item."""
    names = {f"#{i}": _counter(cell, name) for i, name in enumerate(counters)}
    values = {f":{i}": {"N": str(delta)} for i, delta in enumerate(counters.values())}
    terms = ",".join(f"#{i} :{i}" for i in range(len(counters)))
    return {
        "TableName": table,
        "Key": item_key(cell),
        "UpdateExpression": f"SET #at=:at ADD {terms}",
        "ExpressionAttributeNames": {"#at": UPDATED_AT, **names},
        "ExpressionAttributeValues": {":at": {"S": now}, **values},
    }


def _correction(cell: Cell, read: Counters, right: Counters, now: str) -> Item:
    numbered = list(enumerate(right))
    values = {f":{i}": {"N": str(right[name])} for i, name in numbered}
    values |= {f":r{i}": {"N": str(read[name])} for i, name in numbered}
    return {
        "UpdateExpression": "SET #at=:at," + ",".join(f"#{i}=:{i}" for i, _ in numbered),
        "ConditionExpression": " AND ".join(_as_read(i, read[name]) for i, name in numbered),
        "ExpressionAttributeNames": {"#at": UPDATED_AT, **{f"#{i}": _counter(cell, n) for i, n in numbered}},
        "ExpressionAttributeValues": {":at": {"S": now}, **values},
    }


def _as_read(number: int, count: int) -> str:
    same = f"#{number}=:r{number}"
    return same if count else f"({same} OR attribute_not_exists(#{number}))"


def _country_counts(items: Iterable[Item]) -> CountryCounts | None:
    by_cell = {item[CELL]["S"]: item for item in items}
    updated_at = max((item[UPDATED_AT]["S"] for item in by_cell.values()), default="")
    spelled = by_cell.pop(SPELLINGS, {})
    name = _spelling(spelled)
    if name is None:
        return None
    cells = {cell: _cell_counts(item) for cell, item in by_cell.items()}
    return CountryCounts(name, updated_at, cells, _spellings(spelled))


def _cell(item: Mapping[str, Any]) -> Cell:
    return Cell(item[COUNTRY]["S"], item[CELL]["S"])


def _counter(cell: Cell, name: str) -> str:
    return SPELLED + name if cell.name == SPELLINGS else name


def _numbers(item: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    return ((name, int(value["N"])) for name, value in item.items() if "N" in value and value["N"] != "0")


def _cell_counts(item: Mapping[str, Any]) -> CellCounts:
    amounts = {float(name): count for name, count in _numbers(item)}
    return CellCounts(amounts, item[UPDATED_AT]["S"])


def _spelling(item: Mapping[str, Any]) -> str | None:
    written = [(-count, name) for name, count in _spellings(item).items()]
    return min(written)[1] if written else None


def _spellings(item: Mapping[str, Any]) -> Counters:
    return {name.removeprefix(SPELLED): count for name, count in _numbers(item)}
