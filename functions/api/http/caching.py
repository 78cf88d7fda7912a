"""Answers that clients may store, and revalidate with their ETag (RFC 9111, and RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.responses import JSON, header

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

CACHE_CONTROL = "Cache-Control"
REVALIDATE = "private, no-cache"
"""The client may store the answer, but has to revalidate it before each use."""


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
