"""Pages of another origin: what browsers are told of them, if the stack names one."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import Response

EXPOSED = "Age, Content-Disposition, ETag, Link, Retry-After, X-Request-Id"
ACCEPTED = (
    "Accept, Authorization, Content-Type, If-None-Match, "
    "X-Amz-Content-Sha256, X-Amz-Date, X-Amz-Security-Token"
)
SECONDS = "600"
"""For how long a browser may remember what it was told."""


def admit(response: Response[Any]) -> None:
    """Have the answer tell browsers that pages of another origin may read it, if the stack names one."""
    allowed = origin()
    if not allowed:
        return
    response.headers["Access-Control-Allow-Origin"] = allowed
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if methods := response.headers.get("Allow"):
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ACCEPTED
        response.headers["Access-Control-Max-Age"] = SECONDS


@cache
def origin() -> str:
    """Return the origin whose pages may ask, or ``*`` for all; empty where none may."""
    return os.environ.get("CORS_ORIGIN", "").strip()
