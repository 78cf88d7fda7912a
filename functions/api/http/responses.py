"""Answers: media types, the header fields by which a client chooses one, and revalidation.

Clients may store an answer, and revalidate it with its ETag (RFC 9111, and RFC 9110, section 13).
"""

import hashlib
from http import HTTPStatus
from typing import Any

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

JSON = "application/json"
CSV = "text/csv"
HTML = "text/html; charset=utf-8"
CACHE_CONTROL = "Cache-Control"
REVALIDATE = "private, no-cache"
"""The client may store the answer, but has to revalidate it before each use."""


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


def cacheable(body: object, content_type: str = JSON, **headers: str) -> Response[str]:
    """Return a 200 with text, or with a value as JSON, that the client may store and has to revalidate."""
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return Response(HTTPStatus.OK, content_type, text, {CACHE_CONTROL: REVALIDATE, **headers})


def revalidate(event: APIGatewayProxyEvent, response: Response[Any]) -> Response[Any]:
    """Add an ETag to a cacheable answer; return a 304 if ``If-None-Match`` names that tag.

    Tags are compared weakly (RFC 9110, 8.8.3.2), since proxies weaken them.
    """
    content = f"{response.headers['Content-Type']}\n{response.body}"
    tag = f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
    response.headers["ETag"] = tag
    condition = header(event, "If-None-Match")
    tags = (part.strip().removeprefix("W/") for part in condition.split(","))
    if condition.strip() != "*" and tag not in tags:
        return response
    fields = (CACHE_CONTROL, "ETag", "Vary")
    kept = {name: response.headers[name] for name in fields if name in response.headers}
    return Response(HTTPStatus.NOT_MODIFIED, body="", headers=kept)
