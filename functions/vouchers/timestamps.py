"""Reading the moments that callers write."""

from __future__ import annotations

import re
from datetime import UTC, datetime

WRITTEN = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)


def parse_timestamp(text: str) -> datetime:
    """Return the moment that ``text`` names, in UTC, cut to microseconds.

    Args:
        text: a date, or a date and time with ``T`` or a blank between them, with or without seconds,
            fractions and a zone; no zone means UTC.

    Raises:
        ValueError: if it is anything else, or outside the years 1 to 9999.
    """
    try:
        return _utc(text.upper())
    except (ValueError, OverflowError):
        raise ValueError("not a timestamp") from None


def _utc(text: str) -> datetime:
    if not WRITTEN.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 text in UTC, to the microsecond, so that texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
