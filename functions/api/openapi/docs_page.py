"""``/docs``: the OpenAPI description as one HTML page, without scripts and without further requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.http.caching import cacheable
from api.http.responses import HTML
from api.openapi.document import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aws_lambda_powertools.event_handler.api_gateway import Response

    from api.http.routing import Route, Router

    Schema = dict[str, Any]

STYLE = Path(__file__).with_name("docs_page.css")
LIMITS = {"minimum": "from", "maximum": "to", "minItems": "from", "maxItems": "to", "default": "default"}


def docs(router: Router) -> Response[str]:
    """Answer this description, as a page."""
    style, page = render_page(router.routes)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return cacheable(page, HTML, **headers)


@cache
def render_page(routes: tuple[Route, ...]) -> tuple[str, str]:
    """Return the page's style, and the page."""
    described = document(routes)
    title = escape(described["info"]["title"])
    style = STYLE.read_text(encoding="utf-8")
    navigation, sections = [], []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            name = f'<span class="method">{method.upper()}</span>{_code(path)}'
            navigation.append(f'<li><a href="#{operation["operationId"]}">{name}</a></li>')
            sections.append(
                f'<section><h3 id="{operation["operationId"]}">{name}</h3>{render_operation(operation)}'
            )
    types = "".join(render_type(*each) for each in described["components"]["schemas"].items())
    return style, (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}: API</title><style>{style}</style></head><body>"
        f"<header><h1>{title}</h1><p>{_prose(described['info']['description'])}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>'
        f"<nav aria-label='Routes'><ul>{''.join(navigation)}</ul></nav>"
        f"<main><h2>Routes</h2>{''.join(sections)}<h2>Types</h2>{types}</main></body></html>\n"
    )


def render_operation(operation: Schema) -> str:
    """Return what an operation does, its parameters, its body and its responses; closes the section."""
    body = ""
    if "requestBody" in operation:
        ((media_type, content),) = operation["requestBody"]["content"].items()
        example = json.dumps(content["example"], indent=2, ensure_ascii=False)
        schema = _type_of(content["schema"])
        body = f"<h4>Body</h4><p>{_code(media_type)}: {schema}</p><pre>{escape(example)}</pre>"
    parameters = [
        (
            _code(each["name"]),
            each["in"],
            _type_of(each["schema"]),
            "yes" if each["required"] else "no",
            _prose(each["description"]),
        )
        for each in operation["parameters"]
    ]
    responses = [
        (
            _code(status),
            escape(response["description"]),
            "<br>".join(
                f"{_code(media_type)}: {_type_of(content['schema'])}"
                for media_type, content in response.get("content", {}).items()
            ),
            ", ".join(map(_code, response.get("headers", ()))),
        )
        for status, response in sorted(operation["responses"].items())
    ]
    return (
        f"<p>{_prose(operation['summary'])} {_prose(operation.get('description', ''))}</p>"
        + _table("Parameters", ("name", "in", "type", "required", "description"), parameters)
        + body
        + _table("Responses", ("status", "description", "body", "headers"), responses)
        + "</section>"
    )


def render_type(name: str, schema: Schema) -> str:
    """Return a type with its fields."""
    required = schema.get("required", ())
    rows = [
        (
            _code(field),
            _type_of(each),
            "yes" if field in required else "no",
            _prose(each.get("description", "")),
        )
        for field, each in schema["properties"].items()
    ]
    fields = _table("", ("field", "type", "required", "description"), rows)
    return f'<section><h3 id="{name}">{name}</h3><p>{_prose(schema["description"])}</p>{fields}</section>'


def _table(title: str, head: Iterable[str], rows: Sequence[Iterable[str]]) -> str:
    """Return a table of cells in HTML; empty without rows."""
    if not rows:
        return ""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    heading = f"<h4>{title}</h4>" if title else ""
    rendered = f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"
    return f'{heading}<div class="wide">{rendered}</div>'


def _type_of(schema: Schema) -> str:
    """Return the values that a schema allows, in words and links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type_of, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(_code(json.dumps(value)) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        text = f"list of {_type_of(schema['items'])}"
    elif isinstance(schema.get("additionalProperties"), dict):
        text = f"object with values of {_type_of(schema['additionalProperties'])}"
    else:
        text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    limits = [f", {word} {_code(json.dumps(schema[key]))}" for key, word in LIMITS.items() if key in schema]
    examples = " or ".join(_code(json.dumps(value)) for value in schema.get("examples", ()))
    return text + "".join(limits) + (f", such as {examples}" if examples else "")


def _prose(sentence: str) -> str:
    """Return a sentence as HTML, with words in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))


def _code(word: str) -> str:
    """Return a word as code in HTML."""
    return f"<code>{escape(word)}</code>"
