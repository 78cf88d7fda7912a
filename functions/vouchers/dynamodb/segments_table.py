"""The segments table in DynamoDB: the shape of its items, and reading them.

One item per cell: ``country`` (partition key), ``cell`` (sort key), ``updated_at`` (ISO 8601, UTC) and
one number per counter, named by voucher amount, so that ``ADD`` can change each on its own.
In the cell of spellings the counters are named ``as:`` and the spelling.
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
"""Counters that one correction names: its condition ends at 300 operators."""

Item = dict[str, Any]
"""An item in DynamoDB's own notation."""


@dataclass(frozen=True, slots=True)
class CellCounts:
    """How often each voucher amount was used in one cell, and when that last changed."""

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
    """Everything counted for one country: its most used spelling, its cells by name, and all its spellings.

    Attributes:
        spellings: how many of the country's rows write its name in which way; together all that are counted.
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
    """What was found of the cells that were looked up at once.

    Attributes:
        counts: by cell of a range; cells that nothing was counted in are left out.
        names: each country as it is most often written, by its key; countries without counts are left out.
        unread: cells that DynamoDB would not read at the moment.
    """

    counts: dict[Cell, CellCounts]
    names: dict[str, str]
    unread: frozenset[Cell]


def item_key(cell: Cell) -> Item:
    """Return the primary key of a cell's item."""
    return {COUNTRY: {"S": cell.country}, CELL: {"S": cell.name}}


@dataclass(frozen=True, slots=True)
class SegmentsTable:
    """Reads the counts. Every method raises ``botocore.exceptions.ClientError`` when DynamoDB refuses."""

    client: DynamoDBClient
    name: str

    def cell(self, country: str, segment: str, held: Range) -> CellCounts | None:
        """Return the counts of one range with one GetItem; None where nothing was counted."""
        key = item_key(range_cell(country, segment, held))
        item = self.client.get_item(TableName=self.name, Key=key).get("Item")
        return _cell_counts(item) if item else None

    def country(self, name: str) -> CountryCounts | None:
        """Return all that is counted for a country, however it is written; None where there is nothing."""
        return _country_counts(self._query(country_key(name)))

    def every_country(self) -> list[CountryCounts]:
        """Return all that is counted, country by country, sorted by name; read with a scan."""
        items: dict[str, list[Item]] = {}
        for page in self.client.get_paginator("scan").paginate(TableName=self.name):
            for item in page["Items"]:
                items.setdefault(item[COUNTRY]["S"], []).append(item)
        counted = (_country_counts(held) for held in items.values())
        return sorted((each for each in counted if each), key=lambda each: each.name)

    def look_up(self, cells: Iterable[Cell]) -> Found:
        """Return the counts of many ranges, and the names of many countries, with few BatchGetItem.

        Args:
            cells: cells of ranges, and cells of spellings for the countries' names.
        """
        items, unread = read_items(self.client, self.name, [item_key(cell) for cell in dict.fromkeys(cells)])
        held = {_cell(item): item for item in items}
        spelled = {cell.country: _spelling(item) for cell, item in held.items() if cell.name == SPELLINGS}
        return Found(
            {cell: _cell_counts(item) for cell, item in held.items() if cell.name != SPELLINGS},
            {country: name for country, name in spelled.items() if name is not None},
            frozenset(map(_cell, unread)),
        )

    def countries(self) -> list[str]:
        """Return the countries that have counts, each as it is most often written, sorted."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="#cell = :spellings",
            ExpressionAttributeNames={"#cell": CELL},
            ExpressionAttributeValues={":spellings": {"S": SPELLINGS}},
        )
        names = (_spelling(item) for page in pages for item in page["Items"])
        return sorted(name for name in names if name is not None)

    def counters(self) -> Contribution:
        """Return every counter that is not 0, as if the table were the contribution of one source."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
        cells = ((_cell(item), dict(_numbers(item))) for page in pages for item in page["Items"])
        return {
            cell: {name.removeprefix(SPELLED): count for name, count in counters.items()}
            for cell, counters in cells
            if counters
        }

    def correct(self, cell: Cell, read: Counters, right: Counters, now: str) -> bool:
        """Set counters of a cell, unless one of them has changed since it was read; say whether that was so.

        Args:
            cell: whose counters.
            read: what they were when read, by name; 0 where one was not there.
            right: what they are to be, for the same names, ``MAX_COUNTERS_IN_CORRECTION`` at most.
            now: when that is, as ISO 8601 in UTC.
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


def _country_counts(held: Iterable[Item]) -> CountryCounts | None:
    items = {item[CELL]["S"]: item for item in held}
    updated_at = max((item[UPDATED_AT]["S"] for item in items.values()), default="")
    spelled = items.pop(SPELLINGS, {})
    name = _spelling(spelled)
    if name is None:
        return None
    cells = {cell: _cell_counts(item) for cell, item in items.items()}
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
