"""The bodies of the answers, and their JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vouchers.counts import range_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    from vouchers.dynamodb.segments_table import CountryCounts
    from vouchers.segments import Range, Segment

    MediaRange = tuple[str, float]
    """A range of media types, as ``text/*``, and how much it is wanted, from 0 to 1."""

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


def header(event: APIGatewayProxyEvent, name: str) -> str:
    """Return a header's value, all of its lines joined; empty where there is none."""
    lines: list[str] | None = event.multi_value_headers.get(name)
    return event.headers.get(name) or "" if lines is None else ", ".join(lines)


def prefers(accept: str, other: str, usual: str) -> bool:
    """Say whether an ``Accept`` header wants the media type ``other`` more than the ``usual`` one.

    RFC 9110, 12.5.1: of several ranges that a type lies in, the most specific one counts. What cannot be
    understood is passed over.
    """
    ranges = dict(_range(each) for each in accept.lower().split(","))
    return _quality(other, ranges) > _quality(usual, ranges)


def _range(text: str) -> MediaRange:
    name, *parameters = (part.strip() for part in text.split(";"))
    quality = next((each.partition("=")[2] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return name, 0.0


def _quality(name: str, ranges: dict[str, float]) -> float:
    kind = name.partition("/")[0]
    return next((ranges[each] for each in (name, f"{kind}/*", "*/*") if each in ranges), 0.0)
