"""Media types, and the header fields by which a client chooses one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

JSON = "application/json"
CSV = "text/csv"
HTML = "text/html; charset=utf-8"


def header(event: APIGatewayProxyEvent, name: str) -> str:
    """Return the value of a header field, its lines joined by commas; empty if the request lacks it."""
    lines: list[str] | None = event.multi_value_headers.get(name)
    return event.headers.get(name) or "" if lines is None else ", ".join(lines)


def prefers(accept: str, other: str, default: str) -> bool:
    """Return whether an ``Accept`` header prefers the media type ``other`` to ``default``.

    If several ranges match a type, the most specific one counts (RFC 9110, 12.5.1).
    """
    qualities: dict[str, float] = {}
    for media_range in accept.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        value = next((part.partition("=")[2] for part in parameters if part.startswith("q=")), "1")
        try:
            qualities[name] = min(max(float(value), 0.0), 1.0)
        except ValueError:
            qualities[name] = 0.0

    def quality(media_type: str) -> float:
        ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        return next((qualities[name] for name in ranges if name in qualities), 0.0)

    return quality(other) > quality(default)
