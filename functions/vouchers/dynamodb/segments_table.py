"""The DynamoDB table of counts.

Each item is a cell: ``country`` (partition key), ``cell`` (sort key), ``updated_at`` (ISO 8601, UTC), and
one number per counter, named by voucher amount, so that ``ADD`` can change it separately. In the cell of
spellings, a counter is named ``as:`` and the spelling.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vouchers.counts import SPELLINGS, Cell, Contribution, Counters, most_frequent, range_cell
from vouchers.text import country_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from vouchers.segments import Range, Segment

COUNTRY, CELL, UPDATED_AT = "country", "cell", "updated_at"
SPELLED = "as:"

MAX_COUNTERS_IN_CORRECTION = 50
"""Counters of one correction; DynamoDB allows 300 operators in a condition."""

MAX_ZEROS = 100
"""Counters of one removal of zeros."""

NUMBER_BYTES = 6
"""Bytes of a counter of up to ten digits."""

MAX_KEYS = 100
"""Keys of one BatchGetItem."""

MAX_ATTEMPTS = 5
FIRST_PAUSE = 0.05
"""Seconds; the bound of the random pause doubles with each attempt, to less than a second in total."""

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


def cell_of(item: Mapping[str, Any]) -> Cell:
    """Return the cell of an item, or of a primary key."""
    return Cell(item[COUNTRY]["S"], item[CELL]["S"])


@dataclass(frozen=True, slots=True)
class SegmentsTable:
    """Reads the counts. Every method may raise ``botocore.exceptions.ClientError``."""

    client: DynamoDBClient
    name: str

    def cell(self, country: str, segment: str, range_: Range) -> CellCounts | None:
        """Return the counts of one range with one GetItem; None if it has none."""
        key = item_key(range_cell(country, segment, range_))
        item = self.client.get_item(TableName=self.name, Key=key).get("Item")
        return cell_counts(item) if item else None

    def country(self, name: str) -> CountryCounts | None:
        """Return the counts of a country, in any spelling, with a query; None if it has none."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="#country = :country",
            ExpressionAttributeNames={"#country": COUNTRY},
            ExpressionAttributeValues={":country": {"S": country_key(name)}},
        )
        return country_counts(item for page in pages for item in page["Items"])

    def every_country(self) -> list[CountryCounts]:
        """Return the counts of every country, sorted by name, with a scan."""
        items: dict[str, list[Item]] = {}
        for item in self._scan():
            items.setdefault(item[COUNTRY]["S"], []).append(item)
        counted = [counts for counts in map(country_counts, items.values()) if counts]
        return sorted(counted, key=lambda counts: counts.name)

    def look_up(self, cells: Iterable[Cell]) -> Found:
        """Return the counts of many ranges and the names of many countries, with BatchGetItem.

        Args:
            cells: of ranges, and of spellings for the countries' names.
        """
        items, unread = read_items(self.client, self.name, [item_key(cell) for cell in dict.fromkeys(cells)])
        found = {cell_of(item): item for item in items}
        names = {
            cell.country: most_frequent(counters_of(item))
            for cell, item in found.items()
            if cell.name == SPELLINGS
        }
        return Found(
            {cell: cell_counts(item) for cell, item in found.items() if cell.name != SPELLINGS},
            {country: name for country, name in names.items() if name is not None},
            frozenset(map(cell_of, unread)),
        )

    def countries(self) -> list[str]:
        """Return the most frequent spelling of each country that has counts, sorted, with a scan."""
        items = self._scan(
            FilterExpression="#cell = :spellings",
            ExpressionAttributeNames={"#cell": CELL},
            ExpressionAttributeValues={":spellings": {"S": SPELLINGS}},
        )
        names = (most_frequent(counters_of(item)) for item in items)
        return sorted(name for name in names if name is not None)

    def counters(self) -> Contribution:
        """Return every counter that is not 0, as the sum of all contributions."""
        items = self._scan(ConsistentRead=True)
        return {cell_of(item): counters for item in items if (counters := counters_of(item))}

    def correct(self, cell: Cell, read: Counters, right: Counters, now: str) -> bool:
        """Set counters of a cell, unless one of them has changed; return whether they were set.

        Args:
            cell: the cell of the counters.
            read: the values that were read, by name; 0 for a missing counter.
            right: the values to set, by the same names, at most ``MAX_COUNTERS_IN_CORRECTION``.
            now: the time of the change (ISO 8601, UTC).
        """
        numbered = list(enumerate(right))
        names = {f"#{i}": attribute_name(cell, name) for i, name in numbered}
        values = {f":{i}": {"N": str(right[name])} for i, name in numbered}
        values |= {f":r{i}": {"N": str(read[name])} for i, name in numbered}
        unchanged = [
            f"#{i}=:r{i}" if read[name] else f"(#{i}=:r{i} OR attribute_not_exists(#{i}))"
            for i, name in numbered
        ]
        try:
            self.client.update_item(
                TableName=self.name,
                Key=item_key(cell),
                UpdateExpression="SET #at=:at," + ",".join(f"#{i}=:{i}" for i, _ in numbered),
                ConditionExpression=" AND ".join(unchanged),
                ExpressionAttributeNames={"#at": UPDATED_AT, **names},
                ExpressionAttributeValues={":at": {"S": now}, **values},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def bytes_with(self, cell: Cell, counters: Iterable[str]) -> int:
        """Return about how many bytes the item of a cell takes with more counters and without zeros.

        DynamoDB counts the bytes of names, and about a byte for two digits of a number.
        """
        names = {name for name, value in self._item(cell).items() if value.get("N") != "0"}
        names |= {attribute_name(cell, name) for name in counters}
        return sum(len(name.encode()) + NUMBER_BYTES for name in names)

    def cells_with_zeros(self) -> list[Cell]:
        """Return the cells with counters that are 0, with a scan."""
        return [cell_of(item) for item in self._scan() if {"N": "0"} in item.values()]

    def remove_zeros(self, cell: Cell) -> None:
        """Remove the counters of a cell that are 0, unless one of them changes meanwhile."""
        zeros = [name for name, value in self._item(cell).items() if value.get("N") == "0"]
        for start in range(0, len(zeros), MAX_ZEROS):
            names = {f"#{i}": name for i, name in enumerate(zeros[start : start + MAX_ZEROS])}
            with suppress(self.client.exceptions.ConditionalCheckFailedException):
                self.client.update_item(
                    TableName=self.name,
                    Key=item_key(cell),
                    UpdateExpression="REMOVE " + ",".join(names),
                    ConditionExpression=" AND ".join(f"{name}=:zero" for name in names),
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues={":zero": {"N": "0"}},
                )

    def _scan(self, **parameters: Any) -> Iterator[Item]:  # noqa: ANN401 - those of Scan have different types
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, **parameters)
        return (item for page in pages for item in page["Items"])

    def _item(self, cell: Cell) -> Item:
        item = self.client.get_item(TableName=self.name, Key=item_key(cell), ConsistentRead=True).get("Item")
        return item or {}


def read_items(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the items with distinct primary keys, and the keys that DynamoDB left unprocessed.

    DynamoDB leaves keys unprocessed beyond 16 MB, or beyond the table's throughput; they are requested again
    after a pause.

    Raises:
        botocore.exceptions.ClientError: if DynamoDB refuses a call.
    """
    items: list[Item] = []
    left = list(keys)
    pauses = [FIRST_PAUSE * 2**i for i in range(MAX_ATTEMPTS - 1)]
    while left:
        response = client.batch_get_item(RequestItems={table: {"Keys": left[:MAX_KEYS]}})
        items += response["Responses"].get(table, [])
        unprocessed: Any = response.get("UnprocessedKeys", {}).get(table)
        left = left[MAX_KEYS:] + (unprocessed["Keys"] if unprocessed else [])
        if unprocessed:
            if not pauses:
                break
            time.sleep(random.uniform(0, pauses.pop(0)))  # noqa: S311 - jitter, not a secret
    return items, left


def add_update(table: str, cell: Cell, counters: Counters, now: str) -> Item:
    """Return the ``Update`` of a transaction that adds ``counters`` to a cell's item."""
    names = {f"#{i}": attribute_name(cell, name) for i, name in enumerate(counters)}
    values = {f":{i}": {"N": str(delta)} for i, delta in enumerate(counters.values())}
    terms = ",".join(f"#{i} :{i}" for i in range(len(counters)))
    return {
        "TableName": table,
        "Key": item_key(cell),
        "UpdateExpression": f"SET #at=:at ADD {terms}",
        "ExpressionAttributeNames": {"#at": UPDATED_AT, **names},
        "ExpressionAttributeValues": {":at": {"S": now}, **values},
    }


def country_counts(items: Iterable[Item]) -> CountryCounts | None:
    """Return the counts of a country from the items of its cells; None if nothing is counted."""
    by_cell = {item[CELL]["S"]: item for item in items}
    updated_at = max((item[UPDATED_AT]["S"] for item in by_cell.values()), default="")
    spellings = counters_of(by_cell.pop(SPELLINGS, {}))
    name = most_frequent(spellings)
    if name is None:
        return None
    cells = {cell: cell_counts(item) for cell, item in by_cell.items()}
    return CountryCounts(name, updated_at, cells, spellings)


def cell_counts(item: Mapping[str, Any]) -> CellCounts:
    """Return the counts in the item of a range."""
    return CellCounts({float(name): n for name, n in counters_of(item).items()}, item[UPDATED_AT]["S"])


def counters_of(item: Mapping[str, Any]) -> Counters:
    """Return the counters of an item that are not 0: amounts, or spellings of a country."""
    numbers = {name: value["N"] for name, value in item.items() if "N" in value and value["N"] != "0"}
    return {name.removeprefix(SPELLED): int(number) for name, number in numbers.items()}


def attribute_name(cell: Cell, counter: str) -> str:
    """Return the name of a counter's attribute in its item."""
    return SPELLED + counter if cell.name == SPELLINGS else counter
