"""Answers that may be kept, and asked for again only if they have changed (RFC 9111 and 9110, section 13)."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.responses import JSON, header, to_json

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

CACHE_CONTROL = "Cache-Control"
NO_STORE = "no-store"
"""Caches on the way would take two requests for one that differ in a GET's body alone."""
REVALIDATED = "private, no-cache"
"""It may be kept by who asked, and is asked for again each time, at the cost of an answer without a body."""

KEPT_OF_AN_ANSWER = ("Cache-Control", "ETag", "Vary")
"""What an answer without a body says of the one that it stands for."""


def revalidated(body: object, content_type: str = JSON, **headers: str) -> Response[str]:
    """Return an answer that may be kept, but is asked for again each time."""
    text = body if isinstance(body, str) else to_json(body)
    return Response(HTTPStatus.OK, content_type, text, {CACHE_CONTROL: REVALIDATED, **headers})


def conditional(event: APIGatewayProxyEvent, response: Response[Any]) -> Response[Any]:
    """Return the answer with its validator, or that it has not changed, if the request has it already.

    Answers that say nothing of being kept are not to be kept.
    """
    if response.headers.setdefault(CACHE_CONTROL, NO_STORE) == NO_STORE:
        return response
    tag = _tag(f"{response.headers['Content-Type']}\n{response.body}")
    response.headers["ETag"] = tag
    if not _has(header(event, "If-None-Match"), tag):
        return response
    kept = {name: response.headers[name] for name in KEPT_OF_AN_ANSWER if name in response.headers}
    return Response(HTTPStatus.NOT_MODIFIED, body="", headers=kept)


def _tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _has(condition: str, tag: str) -> bool:
    """Say whether ``If-None-Match`` names a tag; weakly, as RFC 9110 has it, for proxies weaken tags."""
    named = (each.strip().removeprefix("W/") for each in condition.split(","))
    return condition.strip() == "*" or tag in named
