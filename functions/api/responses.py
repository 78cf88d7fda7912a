"""The bodies of the answers, and their JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vouchers.counts import range_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vouchers.segments import Range, Segment
    from vouchers.table import CountryCounts

JSON = "application/json"
CSV = "text/csv"


class Message(msgspec.Struct, frozen=True):
    """Why there is no other answer, in one sentence."""

    message: str


class Health(msgspec.Struct, frozen=True):
    """That the function runs, and by which segment definitions."""

    status: str
    definitions: str


class VoucherAnswer(msgspec.Struct, frozen=True):
    """The amounts to choose from: one, several on a tie (ascending), or none."""

    voucher_amount: list[float]


class CountRow(msgspec.Struct, frozen=True):
    """How often customers of one range used one amount."""

    min_range: int
    max_range: int
    segment_name: str
    voucher_amount: float
    count: int


class CountsAnswer(msgspec.Struct, frozen=True):
    """The counts of a country, and when they last changed (ISO 8601, UTC)."""

    country: str
    rows: list[CountRow]
    updated_at: str


def to_json(body: object) -> str:
    """Return a body as compact JSON."""
    return msgspec.json.encode(body).decode()


def counts_answer(counted: CountryCounts, segments: Iterable[Segment]) -> CountsAnswer:
    """Return the counts of ``segments``: in their order, ranges ascending, amounts ascending."""
    rows = [row for segment in segments for held in segment.ranges for row in _rows(counted, segment, held)]
    return CountsAnswer(counted.name, rows, counted.updated_at)


def _rows(counted: CountryCounts, segment: Segment, held: Range) -> Iterator[CountRow]:
    cell = counted.cells.get(range_cell(counted.name, segment.name, held).name)
    for amount, count in sorted(cell.amounts.items()) if cell else ():
        yield CountRow(held.min, held.max, segment.name, amount, count)
