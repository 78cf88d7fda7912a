"""The description of the API by OpenAPI 3.1, made from the code's own types."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.http.problems import PROBLEM_JSON, Problem
from api.http.responses import JSON, Message, to_json
from api.openapi.operations import OPERATIONS
from api.openapi.schemas import REFERENCE, components, parameters
from api.routes.static_page import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Struct

    from api.openapi.operations import Operation

    Part = dict[str, Any]

ABOUT = (
    "Voucher Selector learns from files of voucher uses which voucher amount customers of a country and "
    "segment use most."
)
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the answer that is at hand; while that holds, the answer is a 304",
    "schema": {"type": "string"},
}
KEY = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The object's key",
    "schema": {"type": "string", "minLength": 1},
    "example": "vouchers/2018.parquet",
}
FILE = {
    "name": "file",
    "in": "path",
    "required": True,
    "description": "The file's name",
    "schema": {"type": "string", "enum": list(FILES)},
}
HEADERS = {
    "RequestId": {
        "description": "What to look for in the log",
        "required": True,
        "schema": {"type": "string"},
    },
    "ETag": {"description": "Which answer this is", "required": True, "schema": {"type": "string"}},
    "Age": {"description": "How old the counts are, in seconds", "schema": {"type": "integer", "minimum": 0}},
    "RetryAfter": {
        "description": "After how many seconds to try again",
        "required": True,
        "schema": {"type": "integer"},
    },
}


GATEWAYS = {
    "403": {
        "description": "API Gateway: the request is not signed, or not by one who may ask",
        "content": {JSON: {"schema": {"type": "object"}}},
    },
    "429": {
        "description": "API Gateway: too many requests; try again shortly",
        "content": {JSON: {"schema": {"type": "object"}}},
    },
}
"""Answers to requests that do not come as far as the function; their ids are API Gateway's own."""

SAYS = {
    HTTPStatus.BAD_REQUEST: "A field or the body is missing or wrong; the sentence says what to do",
    HTTPStatus.NOT_FOUND: "There is nothing of that name; the sentence says what there is",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than is read",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A failure on this side; its id is to look for in the log",
    HTTPStatus.SERVICE_UNAVAILABLE: "The tables cannot be read at the moment; try again shortly",
}


@cache
def document() -> Part:
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Voucher Selector", "version": "1", "description": ABOUT},
        "servers": [{"url": "."}],
        "security": [{"sigv4": []}],
        "paths": _paths(),
        "components": {
            "schemas": components(_types()),
            "headers": HEADERS,
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "A signature of the request by AWS's SigV4",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


@cache
def text() -> str:
    """Return the description as JSON."""
    return to_json(document())


def _types() -> list[type[Struct]]:
    used = [each for operation in OPERATIONS for each in (operation.body, operation.answer) if each]
    return list(dict.fromkeys([*used, Problem, Message]))


def _paths() -> dict[str, Part]:
    paths: dict[str, Part] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return paths


def _operation(operation: Operation) -> Part:
    return {
        "operationId": operation.name,
        "summary": operation.does,
        **({"description": operation.more} if operation.more else {}),
        "parameters": list(_parameters(operation)),
        **_request(operation),
        "responses": dict(_responses(operation)),
    }


def _parameters(operation: Operation) -> Iterator[Part]:
    if "{key}" in operation.path:
        yield KEY
    if "{file}" in operation.path:
        yield FILE
    if operation.query:
        yield from parameters(operation.query)
    if operation.kept:
        yield IF_NONE_MATCH


def _request(operation: Operation) -> Part:
    if operation.body is None:
        return {}
    content = {"schema": _reference(operation.body), "example": operation.example}
    return {"requestBody": {"required": True, "content": {JSON: content}}}


def _responses(operation: Operation) -> Iterator[tuple[str, Part]]:
    own = {JSON: {"schema": _reference(operation.answer)}} if operation.answer else {}
    media = own | {name: {"schema": schema} for name, schema in operation.media.items()}
    tagged = _headers("ETag") if operation.kept else {}
    yield "200", {"description": "The answer", "headers": _headers("Age") | tagged, "content": media}
    if operation.kept:
        yield "304", {"description": "What is at hand holds", "headers": _headers() | tagged}
    yield from GATEWAYS.items()
    in_v1 = operation.path.startswith("/v1/")
    kind, body = (PROBLEM_JSON, Problem) if in_v1 else (JSON, Message)
    for status in sorted(operation.errors):
        passing = _headers("RetryAfter") if status == HTTPStatus.SERVICE_UNAVAILABLE else _headers()
        content = {kind: {"schema": _reference(body)}}
        yield str(int(status)), {"description": SAYS[status], "headers": passing, "content": content}


def _headers(*more: str) -> Part:
    written = {"RequestId": "X-Request-Id", "RetryAfter": "Retry-After"}
    return {
        written.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in ("RequestId", *more)
    }


def _reference(of: type[Struct]) -> Part:
    return {"$ref": f"{REFERENCE}{of.__name__}"}
