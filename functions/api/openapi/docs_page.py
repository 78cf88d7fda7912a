"""``/docs``: the OpenAPI description as one HTML page, without scripts and without further requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler.api_gateway import Response

from api.http.responses import HTML, JSON, cacheable
from api.http.routing import Route, Router
from api.openapi.document import document

if TYPE_CHECKING:
    Schema = dict[str, Any]

TEMPLATE = Path(__file__).with_name("docs_page.html")
LIMITS = {"minimum": "from", "maximum": "to", "minItems": "from", "maxItems": "to", "default": "default"}


def docs(router: Router) -> Response[str]:
    """Answer this description, as a page."""
    page = render_page(router.routes)
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return cacheable(page, HTML, **headers)


@cache
def render_page(routes: tuple[Route, ...]) -> str:
    """Return the page."""
    described = document(routes)
    navigation = sections = ""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            name, place = (
                f'<span class="method">{method.upper()}</span>{code(path)}',
                operation["operationId"],
            )
            navigation += f'<li><a href="#{place}">{name}</a></li>'
            sections += f'<section><h3 id="{place}">{name}</h3>{render_operation(operation)}</section>'
    types = "".join(
        f'<section><h3 id="{name}">{name}</h3>{render_type(schema)}</section>'
        for name, schema in described["components"]["schemas"].items()
    )
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(described["info"]["title"]),
        description=prose(described["info"]["description"]),
        navigation=navigation,
        routes=sections,
        types=types,
    )


def render_operation(operation: Schema) -> str:
    """Return what an operation does, its parameters, its body and its responses."""
    parameters = [
        {"name": code(parameter["name"]), "in": parameter["in"], **describe(parameter["schema"], parameter)}
        for parameter in operation["parameters"]
    ]
    body = ""
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        example = json.dumps(content[JSON]["example"], indent=2, ensure_ascii=False)
        body = f"<h4>Body</h4><p>{render_content(content)}</p><pre>{escape(example)}</pre>"
    responses = [
        {
            "status": code(status),
            "description": escape(response["description"]),
            "body": render_content(response.get("content", {})),
            "headers": ", ".join(map(code, response.get("headers", ()))),
        }
        for status, response in sorted(operation["responses"].items())
    ]
    return (
        f"<p>{prose(operation['summary'])} {prose(operation.get('description', ''))}</p>"
        + (f"<h4>Parameters</h4>{render_table(parameters)}" if parameters else "")
        + f"{body}<h4>Responses</h4>{render_table(responses)}"
    )


def render_type(schema: Schema) -> str:
    """Return what a type is, and its fields."""
    rows = [
        {"field": code(name), **describe(field, {**field, "required": name in schema.get("required", ())})}
        for name, field in schema["properties"].items()
    ]
    return f"<p>{prose(schema['description'])}</p>{render_table(rows)}"


def describe(schema: Schema, field: Schema) -> dict[str, str]:
    """Return the cells of a field or a parameter."""
    return {
        "type": render_schema(schema),
        "required": "yes" if field["required"] else "no",
        "description": prose(field.get("description", "")),
    }


def render_table(rows: list[dict[str, str]]) -> str:
    """Return a table of rows, which are HTML by column."""
    names = "".join(f'<th scope="col">{name}</th>' for name in rows[0])
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row.values())}</tr>" for row in rows)
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def render_content(content: Schema) -> str:
    """Return media types and their schemas."""
    lines = (f"{code(media_type)}: {render_schema(body['schema'])}" for media_type, body in content.items())
    return "<br>".join(lines)


def render_schema(schema: Schema) -> str:
    """Return the values that a schema allows, in words and links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(render_schema, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(code(json.dumps(value)) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        text = f"list of {render_schema(schema['items'])}"
    elif isinstance(schema.get("additionalProperties"), dict):
        text = f"object with values of {render_schema(schema['additionalProperties'])}"
    else:
        text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    limits = [f", {word} {code(json.dumps(schema[key]))}" for key, word in LIMITS.items() if key in schema]
    examples = " or ".join(code(json.dumps(value)) for value in schema.get("examples", ()))
    return text + "".join(limits) + (f", such as {examples}" if examples else "")


def prose(sentence: str) -> str:
    """Return a sentence as HTML, with words in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))


def code(word: str) -> str:
    """Return a word as code in HTML."""
    return f"<code>{escape(word)}</code>"
