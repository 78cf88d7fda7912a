"""The report on a source: what happened to its rows."""

from dataclasses import asdict, dataclass, field
from typing import Any

MAX_EXCERPT_ROWS = 1_000
"""Rejected rows of a file that the API returns; all are in the results bucket."""


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """How many rows are counted for a segment.

    Attributes:
        counted: rows that are counted.
        unsegmented: how many of these are in none of the segment's ranges.
    """

    counted: int
    unsegmented: int


@dataclass(frozen=True, slots=True)
class RejectedExample:
    """A rejected row.

    Attributes:
        row: its number in the file, from 0.
        value: the value that it is rejected for, as text, cut to 60 characters; null if there is none.
        object: the key of the file, if the source is a dataset.
    """

    row: int
    value: str | None
    object: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to the rows of a source; ``rows = counted + rejected``.

    Attributes:
        rows: rows of the source.
        counted: rows that are counted.
        rejected: rows that are not counted.
        rejected_by_reason: rejected rows by reason.
        repaired: counted rows with a repaired field, by kind of repair.
        segments: counted rows by segment.
        rejected_examples: up to three rejected rows by reason.
        countries: counted rows by country; of many, the 250 with the most rows.
        seconds: how long counting took.
    """

    rows: int
    counted: int
    rejected: int
    rejected_by_reason: dict[str, int]
    repaired: dict[str, int]
    segments: dict[str, SegmentReport]
    rejected_examples: dict[str, list[RejectedExample]] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, without ``seconds`` if it is None."""
        return {name: value for name, value in asdict(self).items() if value is not None}
