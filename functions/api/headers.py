"""Reading the headers of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

    Range = tuple[str, float]
    """A range of media types, as ``text/*``, and how much it is wanted, from 0 to 1."""


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


def _range(text: str) -> Range:
    name, *parameters = (part.strip() for part in text.split(";"))
    quality = next((each.partition("=")[2] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return name, 0.0


def _quality(name: str, ranges: dict[str, float]) -> float:
    kind = name.partition("/")[0]
    return next((ranges[each] for each in (name, f"{kind}/*", "*/*") if each in ranges), 0.0)
