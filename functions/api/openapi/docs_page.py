"""The description as a page: written here, shown by any browser, without scripts and without requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.openapi.document import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Schema = dict[str, Any]

STYLE = Path(__file__).with_name("docs_page.css")
CODE = re.compile(r"`([^`]+)`")


@cache
def headers() -> dict[str, str]:
    """Return the headers that hold browsers to the page's own style, and to nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def text() -> str:
    """Return the page."""
    described = document()
    info = described["info"]
    operations = [
        (method, path, each)
        for path, methods in described["paths"].items()
        for method, each in methods.items()
    ]
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(info['title'])}: API</title><style>{_style()}</style></head><body>",
            f"<header><h1>{escape(info['title'])}</h1><p>{_prose(info['description'])}</p>",
            '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>',
            f"<nav aria-label='Routes'><ul>{''.join(_entry(*each) for each in operations)}</ul></nav>",
            f"<main><h2>Routes</h2>{''.join(_operation(*each) for each in operations)}",
            f"<h2>Types</h2>{''.join(_type(*each) for each in described['components']['schemas'].items())}",
            "</main></body></html>\n",
        ]
    )


def _style() -> str:
    return STYLE.read_text(encoding="utf-8")


def _entry(method: str, path: str, operation: Schema) -> str:
    return f'<li><a href="#{operation["operationId"]}">{_route(method, path)}</a></li>'


def _route(method: str, path: str) -> str:
    return f'<span class="method">{method.upper()}</span><code>{escape(path)}</code>'


def _operation(method: str, path: str, operation: Schema) -> str:
    description = operation.get("description", "")
    return "".join(
        [
            f'<section><h3 id="{operation["operationId"]}">{_route(method, path)}</h3>',
            f"<p>{_prose(operation['summary'])} {_prose(description)}</p>",
            _parameters(operation["parameters"]),
            _body(operation.get("requestBody")),
            _answers(operation["responses"]),
            "</section>",
        ]
    )


def _parameters(parameters: Sequence[Schema]) -> str:
    rows = [
        (
            _code(each["name"]),
            each["in"],
            _schema(each["schema"]),
            "yes" if each["required"] else "no",
            _prose(each["description"]),
        )
        for each in parameters
    ]
    return _table("Parameters", ("name", "in", "type", "needed", "what it is"), rows)


def _body(body: Schema | None) -> str:
    if body is None:
        return ""
    ((media, content),) = body["content"].items()
    example = json.dumps(content["example"], indent=2, ensure_ascii=False)
    return f"<h4>Body</h4><p>{_code(media)}: {_schema(content['schema'])}</p><pre>{escape(example)}</pre>"


def _answers(responses: Schema) -> str:
    rows = [
        (
            _code(status),
            escape(each["description"]),
            "<br>".join(
                f"{_code(media)}: {_schema(content['schema'])}"
                for media, content in each.get("content", {}).items()
            ),
            ", ".join(map(_code, each.get("headers", ()))),
        )
        for status, each in sorted(responses.items())
    ]
    return _table("Answers", ("status", "", "body", "headers"), rows)


def _type(name: str, schema: Schema) -> str:
    rows = [
        (
            _code(field),
            _schema(each),
            "always" if field in schema.get("required", ()) else "may be missing",
            _prose(each.get("description", "")),
        )
        for field, each in schema["properties"].items()
    ]
    table = _table("", ("field", "type", "", "what it is"), rows)
    return (
        f'<section><h3 id="{name}">{escape(name)}</h3><p>{_prose(schema["description"])}</p>{table}</section>'
    )


def _table(title: str, head: Iterable[str], rows: Sequence[Iterable[str]]) -> str:
    if not rows:
        return ""
    heading = f"<h4>{title}</h4>" if title else ""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>"
    return f'{heading}<div class="wide">{table}</div>'


def _schema(schema: Schema) -> str:
    """Return what a schema allows, in words and links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_schema(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(_code(json.dumps(value)) for value in schema["enum"])
    return _kind(schema) + _limits(schema) + _examples(schema)


def _kind(schema: Schema) -> str:
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_schema(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object, each of {_schema(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _limits(schema: Schema) -> str:
    names = {"minimum": "from", "maximum": "to", "minItems": "from", "maxItems": "to", "default": "else"}
    return "".join(
        f", {word} {_code(json.dumps(schema[name]))}" for name, word in names.items() if name in schema
    )


def _examples(schema: Schema) -> str:
    examples = [_code(json.dumps(value)) for value in schema.get("examples", ())]
    return f", such as {' or '.join(examples)}" if examples else ""


def _prose(sentence: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(sentence))


def _code(word: str) -> str:
    return f"<code>{escape(word)}</code>"
