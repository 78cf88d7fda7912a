"""The as-of date: the moment to which recency is measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vouchers.timestamps import iso

ROW, UPLOAD = "row", "upload"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A rule for the as-of date: the upload's time, each row's own ``timestamp``, or one moment."""

    rule: str
    moment: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> AsOf:
        """Read `upload`, `row`, or an ISO date or moment; a date is its 00:00, and without a zone it is UTC.

        Raises:
            ValueError: if it is none of these; the message says what it is and what was expected.
        """
        rule = text.strip().lower()
        if rule in {ROW, UPLOAD}:
            return cls(rule)
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"'{text}'; expected a date such as 2018-08-05, 'row' or 'upload'") from None
        return cls("date", moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def at(self, uploaded: datetime) -> datetime | None:
        """Return the as-of date for an object uploaded at ``uploaded``; None for each row's own."""
        return uploaded if self.rule == UPLOAD else self.moment


def microseconds(moment: datetime | None) -> int | None:
    """Return a moment as microseconds since 1970 (UTC); None stays None."""
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def recorded(moment: datetime | None) -> str:
    """Return how an as-of date is recorded: ISO 8601 in UTC, or `row`."""
    return ROW if moment is None else iso(moment)
