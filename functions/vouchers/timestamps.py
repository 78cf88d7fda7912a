"""The grammar of times as text, shared by files and requests."""

import re
from datetime import UTC, datetime

CLOCK = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?)?"
OFFSET = r"[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?"
TIMESTAMP_PATTERN = (
    rf"(?:(\d{{4}}-\d{{2}}-\d{{2}})(?:[ Tt]({CLOCK})(?: ?(?:[Zz]|UTC|({OFFSET})))?(?:\[UTC\])?)?|(\d{{8}}))"
)
"""A date and, optionally, a time and a zone. Python, RE2 and ECMAScript read the pattern alike.

Its groups are the date, the time, the offset from UTC, and a date written as YYYYMMDD. It does not check that
the day exists.
"""

_TIMESTAMP = re.compile(TIMESTAMP_PATTERN, re.ASCII)


def parse_timestamp(text: str) -> datetime:
    """Return the moment that ``text`` names, in UTC, truncated to microseconds.

    Args:
        text: a date or a date and time, as ``TIMESTAMP_PATTERN`` defines; blanks around it are ignored. The
            default zone is UTC.

    Raises:
        ValueError: if the text does not match, or the moment is outside the years 1 to 9999.
    """
    found = _TIMESTAMP.fullmatch(text.strip())
    date, clock, offset, compact = found.groups() if found else (None,) * 4
    try:
        moment = datetime.fromisoformat(compact or f"{date}T{clock or '00'}{offset or ''}")
        return moment.astimezone(UTC) if offset else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a timestamp") from None


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 text in UTC, to the microsecond, so that texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
