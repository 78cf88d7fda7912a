"""``/openapi.json``: the description of the API as OpenAPI 3.1.

It is made from the routes and their types, whose descriptions are in their docstrings.
"""

import inspect
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.errors import PROBLEM_JSON, Message, Problem
from api.http.fields import NUMERAL_FORMAT, SEGMENT_FORMAT, TIMESTAMP_FORMAT
from api.http.responses import JSON, cacheable
from api.http.routing import Route, Router
from vouchers.report import RejectedExample, Report, SegmentReport
from vouchers.segments import load_definitions
from vouchers.timestamps import TIMESTAMP_PATTERN

Part = dict[str, Any]

HEADERS = {
    "X-Request-Id": {"description": "The request's id", "required": True, "schema": {"type": "string"}},
    "ETag": {"description": "Identifies the answer", "required": True, "schema": {"type": "string"}},
    "Age": {"description": "Age of the counts in seconds", "schema": {"type": "integer", "minimum": 0}},
    "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of a stored answer; if it is still valid, the response is a 304",
    "schema": {"type": "string"},
}
PATH_PARAMETERS: dict[str, Part] = {
    "key": {"description": "The object's key", "schema": {"type": "string", "minLength": 1}}
}
REFERENCE = "#/components/schemas/"
FORMATS: dict[str, list[Part]] = {
    NUMERAL_FORMAT: [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^(\s*|(0|[1-9][0-9]{0,99})(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?)$"},
    ],
    TIMESTAMP_FORMAT: [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": rf"^\s*(?:{TIMESTAMP_PATTERN})?\s*$"},
    ],
}
"""Alternatives in the schemas of fields. The last alternative of a time is the whole grammar."""

EXAMPLES: dict[str, Part] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
"""Requests and responses of each operation, as tests/unit/api/test_examples.py records them."""

LINKS: dict[str, Part] = {
    "listSources": {
        "NextPage": {
            "operationId": "listSources",
            "parameters": {"cursor": "$response.body#/next_cursor"},
            "description": "The next page; there is none if `next_cursor` is null",
        },
    }
}
"""How the answer of an operation leads to other requests."""

TAGS = {
    "Vouchers": "Which voucher a customer gets, and why.",
    "Counts": "How often each amount was used, by country, segment and range.",
    "Sources": "What happened to the files.",
    "Health": "Whether the function runs.",
}
ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\w|\Z)", re.DOTALL | re.MULTILINE)
"""One attribute in a docstring, with its description."""

GATEWAY_RESPONSES = {
    "403": (
        "API Gateway: the request is not signed, or the caller is not authorized",
        "Missing Authentication Token",
    ),
    "429": ("API Gateway: too many requests; try again shortly", "Too Many Requests"),
}
"""Answers of API Gateway itself: their descriptions and messages."""

ERROR_RESPONSES = {
    400: "A field or the body is missing or wrong",
    404: "Not found; the message lists the valid names",
    409: "The fields do not fit together: the segment requires a missing one, or an order is in the future",
    413: "The body is too large",
    500: "Internal error; the log has the request id",
    503: "The tables cannot be read at the moment; try again shortly",
}


class GatewayError(Message, frozen=True):
    """An answer of API Gateway itself. The name of the field may be capitalized."""


def openapi(router: Router) -> Response[str]:
    """Answer this description, as OpenAPI 3.1."""
    return cacheable(document(router.routes))


@cache
def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """Return the description of routes."""
    named = ((route, name) for route in routes for name in (route.body, route.answer) if name)
    types = dict.fromkeys([*(route.load(name) for route, name in named), Problem, Message, GatewayError])
    paths: dict[str, Part] = {}
    for route in filter(lambda route: route.operation_id, routes):
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Voucher Selector",
            "version": "1",
            "description": "Voucher Selector learns from files of voucher uses which voucher amount the "
            "customers of a country and segment use most.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "servers": [{"url": "."}],
        "security": [{"sigv4": []}],
        "paths": paths,
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


def operation(route: Route) -> Part:
    """Return the operation object of a route."""
    parameters = [
        {"name": name, "in": "path", "required": True, **parameter}
        for name, parameter in PATH_PARAMETERS.items()
        if f"{{{name}}}" in route.path
    ]
    parameters += query_parameters(route.load(route.query)) if route.query else []
    parameters += [IF_NONE_MATCH] if route.cacheable else []
    examples = EXAMPLES[str(route.operation_id)]
    for parameter in parameters:
        if parameter["name"] in examples["parameters"]:
            parameter["example"] = examples["parameters"][parameter["name"]]
    summary, _, description = str(inspect.getdoc(route.load())).partition("\n\nRaises:")[0].partition("\n\n")
    described: Part = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": summary.rstrip("."),
        "parameters": parameters,
    }
    if description:
        described["description"] = " ".join(description.split())
    if route.body:
        content = {JSON: {"schema": {"$ref": REFERENCE + route.body}, "example": examples["body"]}}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = responses(route)
    for status, example in examples["responses"].items():
        [content] = described["responses"][status]["content"].values()
        content["example"] = example
    return described


def responses(route: Route) -> Part:
    """Return the response objects of a route, by status."""
    content: Part = {JSON: {"schema": {"$ref": f"{REFERENCE}{route.answer}"}}}
    tag = ["ETag"] if route.cacheable else []
    found: Part = {"200": {"description": "OK", "headers": _headers("Age", *tag), "content": content}}
    if links := LINKS.get(str(route.operation_id)):
        found["200"]["links"] = links
    if route.cacheable:
        found["304"] = {"description": "Not modified", "headers": _headers(*tag)}
    for status, (description, message) in GATEWAY_RESPONSES.items():
        body = {"schema": {"$ref": f"{REFERENCE}GatewayError"}, "example": {"message": message}}
        found[status] = {"description": description, "content": {JSON: body}}
    media_type, error_type = (PROBLEM_JSON, Problem) if route.path.startswith("/v1/") else (JSON, Message)
    for error in route.errors:
        found[str(error)] = {
            "description": ERROR_RESPONSES[error],
            "headers": _headers(*(["Retry-After"] if error == 503 else [])),  # noqa: PLR2004 - an HTTP status
            "content": {media_type: {"schema": {"$ref": REFERENCE + error_type.__name__}}},
        }
    return found


def _headers(*names: str) -> Part:
    """Return references to header objects; every answer has the request id."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def components(types: Iterable[type]) -> dict[str, Part]:
    """Return the schemas of ``types`` and of the types of their fields, by name."""
    _, schemas = msgspec.json.schema_components(types, ref_template=f"{REFERENCE}{{name}}")
    classes: list[type] = [Report, SegmentReport, RejectedExample, msgspec.Struct]
    for class_ in classes:
        classes += class_.__subclasses__()
    named = {
        class_.__name__: class_ for class_ in classes if class_.__module__.startswith(("api.", "vouchers."))
    }
    return {name: describe(complete(schema), named[name]) for name, schema in sorted(schemas.items())}


def query_parameters(query: type) -> list[Part]:
    """Return the fields of a type as parameters of a query string, which has no null."""
    schema = components([query])[query.__name__]
    parameters = []
    for name, field in schema["properties"].items():
        if name == "format":
            # With CSV as a second media type, generated types of the answer would be unions.
            continue
        value = dict(field)
        description = value.pop("description")
        alternatives = [part for part in value.pop("anyOf", []) if part != {"type": "null"}]
        value |= (
            alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {}
        )
        required = name in schema.get("required", ())
        parameters.append(
            {"name": name, "in": "query", "required": required, "description": description, "schema": value}
        )
    return parameters


def complete(node: Any) -> Any:  # noqa: ANN401 - a schema's parts are JSON of any kind
    """Return a schema with the names of the segments and the alternatives of times and numbers.

    A default of null is left out, since generated types would require the field.
    """
    if isinstance(node, list):
        return [complete(part) for part in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == SEGMENT_FORMAT:
        return {"type": "string", "enum": list(load_definitions().names)}
    if alternatives := FORMATS.get(str(node.get("format"))):
        return {"anyOf": alternatives}
    node = {key: complete(part) for key, part in node.items() if (key, part) != ("default", None)}
    if "anyOf" in node:
        node["anyOf"] = [part for choice in node["anyOf"] for part in choice.get("anyOf", [choice])]
    return node


def describe(schema: Part, of: type) -> Part:
    """Return a schema with the descriptions that the docstrings of a type and its bases give."""

    def sentence(text: str) -> str:
        line = " ".join(text.split()).rstrip(".")
        return line[:1].upper() + line[1:]

    descriptions: dict[str, str] = {}
    for base in reversed(of.__mro__):
        _, _, attributes = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")
        descriptions |= {name: sentence(text) for name, text in ATTRIBUTE.findall(attributes)}
    properties = {
        name: {**field, "description": descriptions[name]} if name in descriptions else field
        for name, field in schema["properties"].items()
    }
    summary = inspect.cleandoc(of.__doc__ or "").partition("\n\n")[0]
    return {**schema, "description": sentence(summary), "properties": properties}
