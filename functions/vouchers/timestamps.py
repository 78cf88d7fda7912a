"""The grammar of times as text, shared by files and requests."""

import re
from datetime import UTC, datetime

_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_FOURTH = r"(?:0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR = rf"(?:[0-9]{{2}}{_FOURTH}|{_FOURTH}00)"


def _day(dash: str) -> str:
    """Return the pattern of the days that exist."""
    months = rf"(?:0[1-9]|1[0-2]){dash}(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2]){dash}(?:29|30)"
    return rf"(?:{_YEAR}{dash}(?:{months}|(?:0[13578]|1[02]){dash}31)|{_LEAP_YEAR}{dash}02{dash}29)"


_CLOCK = r"(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?)?"
_OFFSET = r"[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?"
TIMESTAMP_PATTERN = (
    rf"(?:({_day('-')})(?:[ Tt]({_CLOCK})(?: ?(?:[Zz]|UTC|({_OFFSET})))?(?:\[UTC\])?)?|({_day('')}))"
)
"""A date and, optionally, a time and a zone. Python, RE2 and ECMAScript read the pattern alike.

Its groups are the date, the time, the offset from UTC, and a date written as YYYYMMDD.
"""

_TIMESTAMP = re.compile(TIMESTAMP_PATTERN)


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
