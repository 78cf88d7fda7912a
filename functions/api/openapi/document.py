"""``/openapi.json``: the description of the API as OpenAPI 3.1, made from the routes and their types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from api.http.caching import cacheable
from api.http.errors import Message, Problem
from api.openapi.operations import path_items
from api.openapi.schemas import components

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.api_gateway import Response

    from api.http.routing import Route, Router

HEADERS = {
    "X-Request-Id": {"description": "The request's id", "required": True, "schema": {"type": "string"}},
    "ETag": {"description": "Identifies the answer", "required": True, "schema": {"type": "string"}},
    "Age": {"description": "Age of the counts in seconds", "schema": {"type": "integer", "minimum": 0}},
    "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}},
}


def openapi(router: Router) -> Response[str]:
    """Answer this description, as OpenAPI 3.1."""
    return cacheable(document(router.routes))


@cache
def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Return the description of routes."""
    named = ((route, name) for route in routes for name in (route.body, route.answer) if name)
    types = dict.fromkeys([*(route.load(name) for route, name in named), Problem, Message])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Voucher Selector",
            "version": "1",
            "description": "Voucher Selector learns from files of voucher uses which voucher amount the "
            "customers of a country and segment use most.",
        },
        "servers": [{"url": "."}],
        "security": [{"sigv4": []}],
        "paths": path_items(routes),
        "components": {
            "schemas": components(types),
            "headers": HEADERS,
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The request's signature, by AWS Signature Version 4",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }
