"""A model of DynamoDB: the duration of calls, conflicts, throttling and metering.

It stores the items, and the simulation compares the committed counts with the expected ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from vouchers.dynamodb.segments_table import CELL, COUNTRY
from vouchers.dynamodb.sources_table import REVISION, SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.burst.clock import Clock

READ_SECONDS, WRITE_SECONDS, ITEM_SECONDS = 0.004, 0.008, 0.0002
"""Seconds of a read, of a transaction, and of each of its items: 13 ms for 25 items, 28 ms for 100."""

PARTITION_UNITS, TABLE_UNITS = 1_000, 4_000
"""Write units per second of a partition, and of a new on-demand table."""

KB = 1_024
WITHOUT_INDEX = {"contribution", "contribution_object", "pending", "done", "orphans", "revision"}
"""Attributes of a source that its index does not have."""


class Place(NamedTuple):
    """The address of an item: its table, partition key and sort key."""

    table: str
    partition: str
    sort: str


Meters = dict[tuple[str, ...], float]
"""Write units by table, by partition of a table, and of the index, which is one partition."""

INDEX = ("index",)


class Allowance:
    """A number of write units per second; unused units are kept for one second."""

    def __init__(self, a_second: float) -> None:
        self._a_second = self._left = a_second
        self._at = 0.0

    def left(self, now: float) -> float:
        """Return the available units."""
        self._left = min(self._a_second, self._left + (now - self._at) * self._a_second)
        self._at = now
        return self._left

    def use(self, units: float, now: float) -> None:
        """Use units; if there are too few, later calls wait longer."""
        self._left = self.left(now) - units


@dataclass
class FakeDynamoDB:
    """A DynamoDB client with ``get_item`` and ``transact_write_items``.

    A transaction conflicts while another one writes one of its items. It is throttled if its table, a
    partition or the index has no units left. A canceled transaction uses half of its units, except where it
    was throttled.

    Attributes:
        seen: the number of ``commits``, ``conflicts``, ``throttles`` and written ``items``.
        units: the write units of each table and of the index, and the read units under ``reads``.
    """

    clock: Clock
    items: dict[Place, dict[str, Any]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    _locked: set[Place] = field(default_factory=set)
    _allowances: dict[tuple[str, ...], Allowance] = field(default_factory=dict)

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803, ANN401 - botocore's names
        """Return an item, if it exists."""
        self.clock.sleep_about(READ_SECONDS)
        item = self.items.get(_place(TableName, Key))
        self.units["reads"] += ceil(_size(item or {}) / (4 * KB)) or 1
        return {"Item": item} if item else {}

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> None:  # noqa: N803 - as botocore's
        """Write all items, or none and raise the reason."""
        writes = {
            _place(write["TableName"], write.get("Item") or write["Key"]): write
            for item in TransactItems
            for write in item.values()
        }
        takes, meters = WRITE_SECONDS + ITEM_SECONDS * len(writes), self._meters(writes)
        if reason := self._obstacle(writes, meters):
            prepared = {w: units for w, units in meters.items() if w != INDEX and self._has_units(w)}
            self._use(prepared, 0.5)
            self.clock.sleep_about(takes / 2)
            raise _canceled(reason)
        self._use(meters, 1)
        self._locked.update(writes)
        self.clock.sleep_about(takes)
        self._locked.difference_update(writes)
        self.seen.update(commits=1, items=len(writes))
        for place, write in writes.items():
            self._write(place, write)

    def _obstacle(self, writes: Mapping[Place, Mapping[str, Any]], meters: Meters) -> str | None:
        if not self._locked.isdisjoint(writes):
            self.seen["conflicts"] += 1
            return "TransactionConflict"
        if not all(map(self._has_units, meters)):
            self.seen["throttles"] += 1
            return "ThrottlingError"
        if not all(self._condition_holds(place, write) for place, write in writes.items()):
            return "ConditionalCheckFailed"
        return None

    def _condition_holds(self, place: Place, write: Mapping[str, Any]) -> bool:
        """Return whether the revision of a source is unchanged; there are no other conditions."""
        read = write.get("ExpressionAttributeValues", {}).get(":read")
        return "ConditionExpression" not in write or self.items.get(place, {}).get(REVISION) == read

    def _meters(self, writes: Mapping[Place, Mapping[str, Any]]) -> Meters:
        meters: Meters = defaultdict(float)
        for place, write in writes.items():
            units = 2 * (ceil(_size(write.get("Item") or self.items.get(place, {})) / KB) or 1)
            meters[place.table,] += units
            meters[place.table, place.partition] += units
            if listed := {k: v for k, v in write.get("Item", {}).items() if k not in WITHOUT_INDEX}:
                meters[INDEX] += ceil(_size(listed) / KB) * (2 if place in self.items else 1)
        return meters

    def _has_units(self, where: tuple[str, ...]) -> bool:
        return self._allowance(where).left(self.clock.now) > 0

    def _use(self, meters: Meters, share: float) -> None:
        for where, units in meters.items():
            self._allowance(where).use(share * units, self.clock.now)
            if len(where) == 1:
                self.units[where[0]] += ceil(share * units)

    def _allowance(self, where: tuple[str, ...]) -> Allowance:
        is_table = len(where) == 1 and where != INDEX
        return self._allowances.setdefault(where, Allowance(TABLE_UNITS if is_table else PARTITION_UNITS))

    def _write(self, place: Place, write: Mapping[str, Any]) -> None:
        if "Item" in write:
            self.items[place] = write["Item"]
            return
        item = self.items.setdefault(place, dict(write["Key"]))
        names, values = write["ExpressionAttributeNames"], write["ExpressionAttributeValues"]
        for term in write["UpdateExpression"].partition("ADD ")[2].split(","):
            name, value = term.split()
            old = item.get(names[name], {"N": "0"})["N"]
            item[names[name]] = {"N": str(int(old) + int(values[value]["N"]))}


def _place(table: str, key: Mapping[str, Any]) -> Place:
    if SOURCE in key:
        return Place(table, key[SOURCE]["S"], "")
    return Place(table, key[COUNTRY]["S"], key[CELL]["S"])


def _size(item: Mapping[str, Any]) -> int:
    """Return the approximate size of an item in bytes, as DynamoDB counts it."""
    return sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())


def _canceled(reason: str) -> ClientError:
    error = {"Code": "TransactionCanceledException"}
    response: Any = {"Error": error, "CancellationReasons": [{"Code": reason}]}
    return ClientError(response, "TransactWriteItems")
